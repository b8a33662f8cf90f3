"""Envelope, key providers and partition head: what is sealed, under which key, and as part of which set."""
