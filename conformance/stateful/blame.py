"""The one rule that a divergence is told under: what parts first says most about the cause.

A lie seldom shows in one place alone. A history stops at its first divergence, and that one is told once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import is_canonical

from .outcomes import differing
from .playing import Divergence

__all__ = ["CORE_RULES", "rule_of"]

#: The rule whose refusal a code is.
_BY_CODE: Final[Mapping[str, str]] = {
    "missing_field": "STORE-12",
    "invalid_field": "STORE-12",
    "invalid_ref_type": "STORE-12",
    "invalid_entity_type": "STORE-12",
    "invalid_identifier": "ADDR-01",
    "invalid_display_id": "ADDR-02",
    "type_id_mismatch": "STORE-14",
    "invalid_ref_target": "STORE-24",
    "invalid_round": "ADDR-08",
    "limit_exceeded": "ADDR-08",
    "dialogue_not_found": "STORE-06",
    "round_not_found": "STORE-06",
    "expert_not_found": "STORE-06",
    "entity_not_found": "STORE-06",
    "duplicate_entity": "STORE-07",
    "invalid_status_transition": "STORE-08",
    "item_too_large": "STORE-15",
    "store_closed": "STORE-20",
    "request_mismatch": "STORE-22",
    "validation_failed": "STORE-13",
}

#: The rule that a field is about; the first that is found counts.
_BY_FIELD: Final[Mapping[str, str]] = {
    "dialogue_id": "STORE-19",
    "display_id": "ADDR-02",
    "seq": "ADDR-02",
    "references": "STORE-24",
    "refs": "STORE-24",
    "total_rounds": "STORE-09",
    "total_alignment": "STORE-09",
    "scores": "STORE-11",
    "total_score": "STORE-11",
    "converged_at": "STORE-10",
    "completed_at": "STORE-08",
    "status": "STORE-08",
    "adopted_in_verdict": "STORE-08",
    "events": "STORE-08",
    "event_type": "STORE-08",
    "actors": "STORE-08",
    "event_round": "STORE-08",
    "reference": "STORE-08",
    "result_id": "STORE-08",
    "rounds": "STORE-06",
    "expert_slug": "ADDR-01",
    "verdict_id": "ADDR-01",
    "contributors": "ADDR-01",
}
_TIMES: Final = ("created_at", "updated_at", "timestamp")
#: Writes whose repeat gives the first back.
_IDEMPOTENT: Final = ("register_ref", "record_convergence_signal")

#: Every rule of profile core that a divergence may be told under.
CORE_RULES: Final = (
    *("ADDR-01", "ADDR-02", "ADDR-07", "ADDR-08", "ADDR-09"),
    *(f"STORE-{n:02d}" for n in (4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 24)),
    "ERR-01",
)


def rule_of(found: Divergence) -> str:
    """The rule that a divergence is told under."""
    if found.where == "items":
        return "ADDR-05"
    step = found.step
    if found.got.is_stray:
        return "ERR-01"
    if step.method == "verify_partition":
        return "HEAD-04"
    if step.method == "verify_chain":
        return "AUDIT-05"
    if found.where == "outcome" and (found.expected.code or found.got.code):
        return _of_refusal(found)
    if found.where == "partition" and found.dialogue_id != step.params.get("dialogue_id"):
        return "STORE-19" if step.is_call else "STORE-20"
    if found.where == "partition" and found.outcome.code:
        return "STORE-04"
    writes = step.is_call and METHODS[step.method].kind == "write"
    if writes and found.unchanged and found.where == "partition":
        return "STORE-07" if step.method in _IDEMPOTENT else "STORE-22"
    if step.method == "register_round":
        return "STORE-13"
    return _of_values(found, reads=not writes and found.where == "outcome")


def _of_refusal(found: Divergence) -> str:
    expected, got = found.expected, found.got
    if expected.code == got.code:
        differences = {path for path, _, _ in differing(expected.value(), got.value())}
        if "error.retryable" in differences:
            return "ERR-01"
        findings = any(path.startswith("error.data.findings") for path in differences)
        if findings:
            return "STORE-13" if expected.code == "validation_failed" else "STORE-14"
        return _BY_CODE.get(expected.code, "ERR-01")
    if expected.code:
        return _BY_CODE.get(expected.code, "ERR-01")
    if found.step.method == "register_round":
        return "STORE-13"
    if got.code.endswith("_not_found"):
        return "STORE-18"
    return _BY_CODE.get(got.code, "ERR-01")


def _of_values(found: Divergence, *, reads: bool) -> str:
    expected, got = found.expected.value(), found.got.value()
    if _unordered(expected) == _unordered(got):
        return "STORE-05"
    differences = list(differing(expected, got))
    names = {name for path, _, _ in differences for name in re.findall(r"[a-z_]+", path)}
    if _foreign(got, found.dialogue_id):
        return "STORE-19"
    if found.step.method == "next_seq":
        return "ADDR-02"
    if reads:
        return "STORE-18"
    is_verdict = found.step.method == "register_verdict"
    if "converged_at" in names or (is_verdict and names >= {"dialogue", "status"}):
        return "STORE-10"
    for name, rule in _BY_FIELD.items():
        if name in names and not _only_times(differences):
            return rule
    if _only_times(differences):
        odd = any(
            isinstance(theirs, str) and not is_canonical(theirs) for _, _, theirs in differences
        )
        return "ADDR-07" if odd else "ADDR-09"
    if names == {"revision"}:
        return "STORE-04"
    return (
        "STORE-18" if any(path.endswith("(how many)") for path, *_ in differences) else "STORE-12"
    )


def _only_times(differences: list[tuple[str, Any, Any]]) -> bool:
    return all(
        path.rpartition(".")[2] in (*_TIMES, "revision") for path, _, _ in differences
    ) and any(path.rpartition(".")[2] in _TIMES for path, _, _ in differences)


def _unordered(value: Any) -> Any:
    """Equal for values that differ in the order of entities alone."""
    if isinstance(value, Mapping):
        return {
            name: member if name == "references" else _unordered(member)
            for name, member in value.items()
        }
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return sorted(repr(sorted(one.items(), key=str)) for one in value)
    return value


def _foreign(value: Any, dialogue_id: str) -> bool:
    if isinstance(value, Mapping):
        named = value.get("dialogue_id", dialogue_id)
        return named != dialogue_id or any(_foreign(one, dialogue_id) for one in value.values())
    return isinstance(value, list) and any(_foreign(one, dialogue_id) for one in value)
