"""The command line of the reference store."""
