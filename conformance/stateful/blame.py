"""The one rule that a divergence is told under: what parts first says most about the cause.

A lie seldom shows in one place alone. A history stops at its first divergence, and that one is told once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from reference_impl.contract.tables import METHODS
from reference_impl.contract.timestamps import is_canonical

from .history import CLOSE
from .outcomes import ABSENT, SOME_TIME, as_text, differing
from .playing import Divergence

__all__ = ["CORE_RULES", "RULE_OF_CODE", "RULE_OF_FIELD", "malformed", "rule_of"]

#: The rule whose refusal a code is.
RULE_OF_CODE: Final[Mapping[str, str]] = {
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

#: The last group of STORE-14.
_LAST: Final = (
    *("request_mismatch", "duplicate_entity", "invalid_status_transition"),
    *("limit_exceeded", "item_too_large"),
)

#: The rule that a field is about; the first that is found counts.
RULE_OF_FIELD: Final[Mapping[str, str]] = {
    "dialogue_id": "STORE-19",
    "display_id": "ADDR-02",
    "seq": "ADDR-02",
    "references": "STORE-24",
    "refs": "STORE-24",
    "source_id": "STORE-24",
    "target_id": "STORE-24",
    "ref_type": "STORE-24",
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
_TIMES: Final = ("created_at", "updated_at", "timestamp", "completed_at", "converged_at")
#: Writes whose repeat gives the first back.
_IDEMPOTENT: Final = ("register_ref", "record_convergence_signal")

#: Refusals of which the rule itself says that they leave no trace; of all others STORE-04 does.
_TRACELESS: Final = {"item_too_large": "STORE-15", "duplicate_entity": "STORE-07"}

#: Every rule of profile core that a divergence may be told under.
CORE_RULES: Final = (
    *("ADDR-01", "ADDR-02", "ADDR-07", "ADDR-08", "ADDR-09"),
    *(f"STORE-{n:02d}" for n in (4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 15, 18, 19, 20, 23, 24)),
    "ERR-01",
)


def malformed(found: Divergence) -> dict[str, str]:
    """The fields that a divergence shows in a wrong form, each with the rule that this is told under: a
    text for a number, a time that is not canonical, a member that is missing or that nobody knows.

    Values can be compared on without them; empty where the stores part by more than values.
    """
    if found.expected.code or found.got.code or found.where == "items":
        return {}
    differences = list(differing(found.expected.value(), found.got.value()))
    wrong = [one for one in differences if _is_malformed(*one)]
    all_of_it = rule_of(found) if len(wrong) == len(differences) else "STORE-12"
    return {
        name: "ADDR-07" if name in _TIMES else all_of_it
        for name in dict.fromkeys(_last(path) for path, *_ in wrong)
        if name
    }


def _is_malformed(path: str, mine: Any, theirs: Any) -> bool:
    if path.endswith(" (how many)") or (path.endswith("]") and ABSENT in (mine, theirs)):
        return False  # one more in a list, or one fewer
    forms = {_form(mine), _form(theirs)}
    if "null" in forms:  # no value, and an empty one
        return mine in ("", [], {}) or theirs in ("", [], {})
    return len(forms) > 1


def _form(value: Any) -> str:
    if value is None:
        return "null"
    if not isinstance(value, str):
        return type(value).__name__
    if value == ABSENT:
        return "absent"
    return "time" if value == SOME_TIME or is_canonical(value) else "text"


def rule_of(found: Divergence) -> str:
    """The rule that a divergence is told under."""
    if found.where == "items":
        return "ADDR-05"
    step = found.step
    if found.got.is_stray:
        return "ERR-01"
    if found.got.code and (silent := _of_silence(found)):
        return silent
    if step.method == "verify_partition":
        return "HEAD-04"
    if step.method == "verify_chain":
        return "AUDIT-05"
    if _is_repeat(found):
        return "STORE-22"
    if found.where == "outcome" and (found.expected.code or found.got.code):
        return _of_refusal(found)
    if found.got.code == "store_closed":
        return "STORE-20"
    if found.where == "partition" and found.dialogue_id != step.params.get("dialogue_id"):
        if not step.is_call:
            return "STORE-20" if step.method == CLOSE else "STORE-18"
        return "STORE-19"
    if found.where == "partition" and found.outcome.code:
        return _TRACELESS.get(found.outcome.code, "STORE-04")
    writes = step.is_call and METHODS[step.method].kind == "write"
    if writes and found.unchanged:
        return "STORE-07" if step.method in _IDEMPOTENT else "STORE-22"
    if step.method == "register_round":
        return "STORE-13"
    return _of_values(found, reads=not writes and found.where == "outcome")


def _of_silence(found: Divergence) -> str:
    """The rule for an error, or a finding of it, that has no words for people."""
    error = found.got.value()["error"]
    if "silent" in error:
        return "ERR-01"
    return "STORE-14" if any(len(one) > 2 for one in error["data"].get("findings", ())) else ""


def _is_repeat(found: Divergence) -> bool:
    """Whether the step names a request that was made before, and nothing else is wrong with it."""
    named = [found.step.params.get(name) for name in ("dialogue_id", "request_id")]
    earlier = [
        [step.params.get(name) for name in ("dialogue_id", "request_id")]
        for step in found.history.steps[:-1]
    ]
    if named[1] is None or named not in earlier:
        return False
    ended = found.outcome.code
    return ended == "request_mismatch" or (not ended and found.unchanged)


def _of_refusal(found: Divergence) -> str:
    expected, got = found.expected, found.got
    if expected.code == got.code:
        differences = {path for path, _, _ in differing(expected.value(), got.value())}
        if "error.retryable" in differences:
            return "ERR-01"
        findings = any(path.startswith("error.data.findings") for path in differences)
        if findings:
            return "STORE-13" if expected.code == "validation_failed" else "STORE-14"
        return RULE_OF_CODE.get(expected.code, "ERR-01")
    if got.code == "invalid_status_transition" and not _sets_status(found):
        return "STORE-10"  # what has ended stays writable
    if expected.code and got.code == "dialogue_not_found" and _is_unknown(found):
        return "STORE-14"  # both are true, and another is told first
    if expected.code and got.code in _LAST and expected.code not in _LAST:
        return "STORE-14"  # what is looked at last was told first
    if expected.code:
        return RULE_OF_CODE.get(expected.code, "ERR-01")
    if found.step.method == "register_round":
        return "STORE-13"
    if got.code == "dialogue_not_found":
        return "STORE-18"
    return RULE_OF_CODE.get(got.code, "ERR-01")


def _of_values(found: Divergence, *, reads: bool) -> str:
    expected, got = found.expected.value(), found.got.value()
    if as_text(_unordered(expected)) == as_text(_unordered(got)):
        return "STORE-05"
    differences = list(differing(expected, got))
    method, in_outcome = found.step.method, found.where == "outcome"
    names = {_last(path) for path, _, _ in differences}
    if any("references" in path for path, _, _ in differences):
        names.add("references")
    if _foreign(got, found.dialogue_id):
        return "STORE-19"
    if in_outcome and method == "next_seq":
        return "ADDR-02"
    if in_outcome and _is_an_earlier_one(method, expected, got):
        return "STORE-07"
    if not in_outcome and _is_lasting(method, differences):
        return "STORE-10"
    if reads:
        return _of_a_read(method, differences)
    if _only_times(differences):
        odd = any(
            isinstance(theirs, str) and not is_canonical(theirs) for *_, theirs in differences
        )
        return "ADDR-07" if odd else "ADDR-09"
    if "converged_at" in names or (method == "register_verdict" and "status" in names):
        return "STORE-10"
    if _only_texts(differences):
        return "STORE-12"
    if method.startswith("update_") and _is_lost(found.step.params, differences):
        return "STORE-23"
    if any(path.endswith("contributors (how many)") for path, *_ in differences):
        return "STORE-12"
    for name, rule in RULE_OF_FIELD.items():
        if name in names:
            return rule
    if names == {"revision"}:
        return "STORE-04"
    return (
        "STORE-23" if any(path.endswith("(how many)") for path, *_ in differences) else "STORE-12"
    )


def _of_a_read(method: str, differences: list[tuple[str, Any, Any]]) -> str:
    lengths = [(mine, theirs) for path, mine, theirs in differences if path.endswith("(how many)")]
    if any(theirs < mine for mine, theirs in lengths):
        return "STORE-23"
    if method == "get_events":
        return "STORE-08"
    # More than what was asked for, where a read may be asked for a part.
    return "STORE-06" if lengths and method == "get_convergence_signals" else "STORE-18"


def _sets_status(found: Divergence) -> bool:
    given = found.step.params
    return found.step.method.endswith("_status") or given.get("verdict_type") == "final"


def _is_unknown(found: Divergence) -> bool:
    """Whether the step names a dialogue that is not there, and something else is wrong with it."""
    told = found.expected.value()["error"]["data"].get("findings", [])
    fields = {field for _, field in told}
    return found.dialogue_id != found.step.params.get("dialogue_id") and "dialogue_id" not in fields


def _is_an_earlier_one(method: str, expected: Any, got: Any) -> bool:
    """Whether a write gave back what another had written, or the wrong one where it should."""
    if not isinstance(expected, Mapping) or not isinstance(got, Mapping):
        return False
    if method in _IDEMPOTENT:
        return any(got.get(name) != expected[name] for name in expected if name not in _TIMES)
    seq = got.get("seq")
    return method.startswith("register_") and isinstance(seq, int) and seq < expected.get("seq", 0)


def _is_lost(given: Mapping[str, Any], differences: list[tuple[str, Any, Any]]) -> bool:
    """Whether a text is gone that the step had nothing to do with."""
    return any(
        theirs is None and isinstance(mine, str) and path.rpartition(".")[2] not in given
        for path, mine, theirs in differences
        if not path.endswith("_at")
    )


def _is_lasting(method: str, differences: list[tuple[str, Any, Any]]) -> bool:
    """Whether all that differs is verdicts, moves or refs that the step did not write."""
    kinds = {path.partition("[")[0] for path, _, _ in differences} - {"revision"}
    # An entity brings the refs of its references.
    lasting = {"verdicts", "moves", *(() if method.startswith("register_") else ("refs",))}
    return bool(kinds) and all(
        kind in lasting and method != f"register_{kind.removesuffix('s')}" for kind in kinds
    )


def _only_times(differences: list[tuple[str, Any, Any]]) -> bool:
    """Whether nothing but times differs, each side having one, beside the revision perhaps."""
    times = [one for one in differences if _last(one[0]) != "revision"]
    return bool(times) and all(
        _last(path) in _TIMES and isinstance(mine, str) and isinstance(theirs, str)
        for path, mine, theirs in times
    )


def _only_texts(differences: list[tuple[str, Any, Any]]) -> bool:
    """Whether nothing but words of people differs, of which each side has some."""
    return all(
        _last(path) in ("reason", "reference", "conditions")
        and isinstance(mine, str)
        and isinstance(theirs, str)
        for path, mine, theirs in differences
    )


def _last(path: str) -> str:
    """The member that a path ends at, or the list."""
    words = re.findall(r"[a-z_]+", path.removesuffix(" (how many)"))
    return str(words[-1]) if words else ""


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
