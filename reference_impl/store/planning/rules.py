"""The rules of groups 5 to 7 of STORE-14, each once, with its message.

Every rule looks at a value in a builder's snapshot and drafts, and adds a finding under the value's path
where it is broken. A value that was refused (:data:`INVALID`) is not looked at further (STORE-13).
"""

from __future__ import annotations

from typing import Any

from ...contract.errors import DialogueStoreError, Problem, from_problems
from ...contract.limits import MAX_EACH, MAX_INTEGER
from ..snapshot import Record
from .drafts import Builder, Draft
from .problems import INVALID

__all__ = [
    "MAX_EACH",
    "adopts",
    "at_most",
    "has_no_targets",
    "is_allowed",
    "is_new",
    "is_safe",
    "may_become",
    "need_entity",
    "need_expert",
    "need_round",
    "need_verdict",
    "no_dialogue",
    "the_dialogue",
]

#: Ref types that only ever point at a tension.
_AT_TENSIONS = ("address", "resolve", "reopen")

Found = Record | Draft | None


# -- what has to be there (group 5) -------------------------------------------------------------


def no_dialogue(dialogue_id: str) -> DialogueStoreError:
    """STORE-06: the dialogue is unknown."""
    what = f"there is no dialogue {dialogue_id}"
    return from_problems([Problem("dialogue_not_found", "dialogue_id", what)])


def the_dialogue(builder: Builder) -> Record | Draft:
    """The dialogue's own entity; ``dialogue_not_found`` comes alone."""
    found = builder.find("dialogue")
    if found is None:
        raise no_dialogue(builder.snapshot.dialogue_id)
    return found


def need_round(builder: Builder, number: Any, where: str) -> Found:
    """The round of a number, or ``round_not_found``."""
    if number is INVALID:
        return None
    found = builder.find("round", round=number)
    return found or _missing(builder, "round_not_found", where, f"there is no round {number}")


def need_expert(builder: Builder, slug: Any, where: str) -> Found:
    """The expert of a slug, or ``expert_not_found``."""
    if slug is INVALID:
        return None
    found = builder.find("expert", expert_slug=slug)
    return found or _missing(builder, "expert_not_found", where, f"there is no expert {slug}")


def need_entity(builder: Builder, some_id: Any, where: str) -> Found:
    """The entity of a display id, or of a local id of the round, or ``entity_not_found``."""
    if some_id is INVALID:
        return None
    found = builder.find_by_id(some_id)
    what = "no entity of this dialogue has this id"
    return found or _missing(builder, "entity_not_found", where, what)


def need_verdict(builder: Builder, verdict_id: Any, where: str) -> Found:
    """The verdict of an id, or ``entity_not_found``."""
    if verdict_id is INVALID:
        return None
    found = builder.find("verdict", verdict_id=verdict_id)
    what = "no verdict of this dialogue has this id"
    return found or _missing(builder, "entity_not_found", where, what)


def _missing(builder: Builder, code: str, where: str, what: str) -> Found:
    builder.problems.add(5, code, where, what)
    return None


# -- what a value means (group 6) ---------------------------------------------------------------


def is_allowed(builder: Builder, source_id: str, ref_type: str, target_id: str, where: str) -> bool:
    """The rules of ``ref`` in ``entities.json``: what may point at what."""
    if source_id == target_id:
        what = "is the entity itself: an entity cannot refer to itself"
    elif ref_type in _AT_TENSIONS and target_id[0] != "T":
        what = f"must be a tension, because the ref type is {ref_type}"
    elif ref_type == "refine" and source_id[0] != target_id[0]:
        what = "must be an entity of the same type as the source, because the ref type is refine"
    else:
        return True
    builder.problems.add(6, "invalid_ref_target", where, what)
    return False


def is_safe(builder: Builder, total: int, where: str) -> None:
    """STORE-12 holds for totals as well."""
    if abs(total) > MAX_INTEGER:
        builder.problems.add(6, "invalid_field", where, "makes the total exceed ±(2^53-1)")


def has_no_targets(builder: Builder, targets: Any, where: str) -> None:
    """The move ``converge`` points at nothing."""
    if targets is not INVALID and targets:
        builder.problems.add(6, "invalid_field", where, "must be empty in a converge move")


def adopts(builder: Builder, status: str, where: str) -> None:
    """A verdict goes with one status."""
    if status != "adopted":
        what = "is allowed with the status adopted only"
        builder.problems.add(6, "invalid_field", where, what)


# -- what the present state allows (group 7) ----------------------------------------------------


def is_new(builder: Builder, what: str, where: str, entity: str, **identity: Any) -> bool:
    """STORE-07: nothing has this identity yet; ``what`` names it."""
    if builder.find(entity, **identity) is None:
        return True
    builder.problems.add(7, "duplicate_entity", where, f"{what} exists already")
    return False


def may_become(builder: Builder, found: Record | Draft, status: str, where: str) -> bool:
    """STORE-08: whether the status may follow the present one."""
    have = found.fields["status"]
    allowed = found.kind.transitions[have]
    if status in allowed:
        return True
    builder.problems.add(
        7,
        "invalid_status_transition",
        where,
        f"{have} cannot become {status}; allowed from {have}: {', '.join(allowed) or 'nothing'}",
        **{"from": have, "to": status, "allowed": list(allowed)},
    )
    return False


def at_most(builder: Builder, count: int, limit: int, of_what: str, where: str) -> None:
    """A limit of a round (ADDR-08, STORE-13)."""
    if count > limit:
        what = f"a round holds at most {limit} {of_what}"
        builder.problems.add(7, "limit_exceeded", where, what, limit=limit)
