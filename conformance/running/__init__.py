"""A run of the suite: what is asked of a target, and what is written down of it."""
