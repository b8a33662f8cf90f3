"""Do the suite and the tests see a fault of the reference? Faults are put in one by one and must be found."""
