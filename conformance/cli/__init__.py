"""The command ``conformance``."""
