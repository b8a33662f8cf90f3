"""What the tests of the suite stand on."""
