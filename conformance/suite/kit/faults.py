"""The tables of what can be wrong with a stored partition, by the layer that must find it
(ENV-06)."""

from __future__ import annotations

from .doctor import Fault, TwoFaults
from .faults_form import ENVELOPE_FORM, NONCES, SPELLING
from .faults_payload import BASE64, PAYLOAD
from .faults_seal import ADDRESS, KEY, TAG
from .faults_set import HEAD, TWO

__all__ = [
    "ADDRESS",
    "BASE64",
    "ENVELOPE_FORM",
    "HEAD",
    "KEY",
    "NONCES",
    "PAYLOAD",
    "SPELLING",
    "TAG",
    "TWO",
    "Fault",
    "TwoFaults",
]
