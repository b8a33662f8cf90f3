"""Audit chains and checkpoints."""
