"""Writes as pure functions: parameters checked, drafts made, rules of the contract applied."""
