"""Backends to read, one for each language: small, complete for what they claim, and run in CI."""
