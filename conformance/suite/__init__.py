"""The tests of the contract, one module per area; ``conformance run`` runs them on a target."""
