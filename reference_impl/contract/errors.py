"""Errors of the contract (ERR-01): one base class, stable codes, one place where they are made.

Callers match on :attr:`DialogueStoreError.code`, never on the message. Messages and data carry
field paths, keys, addresses and allowed values, but never a sealed value or a key (ERR-03).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import field as _field
from typing import Any

from .limits import MAX_FINDINGS, MAX_ROUND, MAX_TITLE_IDS

__all__ = [
    "CODES",
    "MAX_FINDINGS",
    "RETRYABLE",
    "DialogueStoreError",
    "Problem",
    "error",
    "from_problems",
    "integrity_error",
    "validation_failed",
]

#: Every code of the contract and what to do about it, as shown when nothing more specific is known.
CODES: dict[str, str] = {
    # input
    "missing_field": "Give the required value.",
    "invalid_field": "Correct the value.",
    "invalid_identifier": (
        "Use 1-96 of the characters A-Z a-z 0-9 . _ -, starting with a letter or digit."
    ),
    "invalid_display_id": (
        "Use a letter of P R T E C, a two-digit round and a two-digit number from 01."
    ),
    "invalid_round": f"Use a round from 0 to {MAX_ROUND}.",
    "invalid_ref_type": "Use one of the ref types of the contract.",
    "invalid_entity_type": "Use one of the letters P R T E C.",
    "invalid_ref_target": "Choose a target that this ref type allows.",
    "type_id_mismatch": "Use an id whose letter is that of the type.",
    "validation_failed": "Correct every finding listed in data.findings and send the whole again.",
    "limit_exceeded": "Use another round, or fewer items in one write.",
    "item_too_large": "Make the texts shorter: an item may take 400 KiB as stored.",
    "invalid_cursor": "Start again without a cursor.",
    "request_mismatch": "Use a new request_id for a different input.",
    # what is there
    "dialogue_not_found": "Create the dialogue first, or check its id.",
    "round_not_found": "Create the round first.",
    "expert_not_found": "Register the expert first.",
    "entity_not_found": "Register the entity first, or check its id.",
    "duplicate_entity": "It exists already and was left as it is.",
    "invalid_status_transition": "Choose a status that the present one allows.",
    "too_many_dialogues": f"Choose another title: all {MAX_TITLE_IDS} ids made from this one are taken.",
    "partition_frozen": "Wait until the migration has ended, or unfreeze the dialogue.",
    "partition_importing": "Wait until the import has ended.",
    "partition_moved": "Use the store that the dialogue was moved to.",
    # trust
    "integrity_error": "Do not use the data; run verify_partition to list every bad item.",
    "key_denied": "Use the user_id that the dialogue was written with.",
    "umk_changed": "Put the former key back, or reset the local database.",
    "umk_missing": "Put the key file back: the store holds keys that only it opens.",
    "key_malformed": "Give a key of exactly 32 bytes in a regular file of your own.",
    "key_permissions": "Make the key readable by its owner only (mode 0600, folder 0700).",
    "key_erased": "The dialogue was erased; nothing can open it again.",
    "key_exhausted": "Go on reading; to write again takes a new data key (rotate_dek, in a later release).",
    "key_unavailable": "The key service does not answer; try again.",
    "audit_unavailable": "The audit log cannot be written, so nothing was done; make it writable.",
    # engine
    "conflict": "Others were writing at the same time; try again.",
    "backend_unavailable": "The storage engine does not answer; start it or try again.",
    "outcome_unknown": (
        "Read the dialogue: the write took place if data.event_hash lies at data.pk, data.sk."
    ),
    "access_denied": "Grant the access that the engine refused.",
    "storage_full": "Free some space and try again.",
    "table_not_found": "Run the set-up: dialogue-store setup-tables.",
    "unknown_setting": "Correct the configuration.",
    "store_closed": "Open the store again.",
}

#: Codes of causes that pass by themselves: the same call may succeed later.
RETRYABLE = frozenset(
    {
        "conflict",
        "backend_unavailable",
        "key_unavailable",
        "partition_importing",
    }
)


class DialogueStoreError(Exception):
    """The one error class of the contract (ERR-01).

    ``code`` is one of :data:`CODES`; ``message`` says what is wrong and what to do; ``retryable``
    says whether the same call may succeed later; ``data`` holds JSON values for machines.
    """

    def __init__(self, code: str, message: str, data: Mapping[str, Any] | None = None) -> None:
        if code not in CODES:
            raise ValueError(f"not a code of the contract: {code}")
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.retryable = code in RETRYABLE
        self.data: dict[str, Any] = dict(data or {})

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.code, self.message, self.data))


def error(
    code: str, what: str = "", *, advice: str | None = None, **data: Any
) -> DialogueStoreError:
    """Make the error ``code``: ``what`` is wrong (a clause), followed by what to do about it: ``advice`` (a
    sentence), by default what :data:`CODES` says."""
    advice = advice or CODES[code]
    return DialogueStoreError(code, f"{what}. {advice}" if what else advice, data)


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding of validation (STORE-14): ``field`` is a path such as
    ``references[2].target``."""

    code: str
    field: str
    what: str
    data: Mapping[str, Any] = _field(default_factory=dict)

    def as_data(self) -> dict[str, Any]:
        """The finding as JSON: code, field, message, suggestion, and what else is known."""
        return {
            **self.data,
            "code": self.code,
            "field": self.field,
            "message": self.what,
            "suggestion": CODES[self.code],
        }


def from_problems(problems: Sequence[Problem], *, more: int = 0) -> DialogueStoreError:
    """The error of one validation group: the first problem's code, all of them in
    ``data.findings``. ``more``: how many findings there are besides."""
    first, rest = problems[0], len(problems) - 1 + more
    others = f" (and {rest} more in data.findings)" if rest else ""
    return DialogueStoreError(
        first.code,
        f"{first.field}: {first.what}. {CODES[first.code]}{others}",
        {**first.data, "field": first.field, **_listed(problems, more)},
    )


def validation_failed(problems: Sequence[Problem], *, more: int = 0) -> DialogueStoreError:
    """STORE-13: a whole round refused, with every finding in ``data.findings``. ``more``: how many
    findings there are besides."""
    return DialogueStoreError(
        "validation_failed",
        f"{len(problems) + more} finding(s), the first: {problems[0].field}: {problems[0].what}. "
        f"{CODES['validation_failed']}",
        _listed(problems, more),
    )


def _listed(problems: Sequence[Problem], more: int) -> dict[str, Any]:
    """STORE-14: the first findings, and the number of the rest where there is one."""
    rest = max(0, len(problems) - MAX_FINDINGS) + more
    return {
        "findings": [problem.as_data() for problem in problems[:MAX_FINDINGS]],
        **({"more": rest} if rest else {}),
    }


def integrity_error(
    layer: str, address: str | None, pk: str, sk: str, detail: str
) -> DialogueStoreError:
    """ENV-06: a stored item is not what was written. ``detail`` names the fault, never a value."""
    return DialogueStoreError(
        "integrity_error",
        f"{address or sk}: {detail} (layer {layer}). {CODES['integrity_error']}",
        {"layer": layer, "address": address, "pk": pk, "sk": sk, "detail": detail},
    )


def one_of(values: Iterable[str]) -> str:
    """The allowed values as text, for messages."""
    return ", ".join(values)
