"""A second opinion on the vectors, from another cryptographic library and code of its own.

It reads the JSON files below vectors/ and the contract's entity table as data, and nothing else: no
other module of the generators, not ``cryptography`` and not ``rfc8785``. Five parts know the
contract's arithmetic: :mod:`.address`, :mod:`.json8785`, :mod:`.hkdf`, :mod:`.gcm` and
:mod:`.headsum`; the checks put them together. ``python -m generators.second_opinion`` runs it.
"""

from __future__ import annotations

from .report import main, run

__all__ = ["main", "run"]
