"""The contract as a run: does a backend keep it, rule by rule?"""

from __future__ import annotations

from .vectors import load_vectors

__all__ = ["load_vectors"]
