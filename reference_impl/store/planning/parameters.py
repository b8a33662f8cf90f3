"""Validation of input, groups 1 to 4 of STORE-14: pure, before anything is read.

Parameters and their types come from ``methods.json``. What comes out is normalised: None replaced by the
default, sequences as lists, mappings as dicts (copies, STORE-21), numbers as their nearest double and
integral ones as int (STORE-12). All findings of the first group that has any are reported together.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...contract import addresses
from ...contract.errors import Problem, from_problems, one_of
from ...contract.tables import ENTITIES, METHODS, Param
from ...sealing.payloads import MAX_DEPTH, decimals_of

__all__ = [
    "BAD",
    "Problems",
    "check_display_id",
    "check_identifier",
    "check_int",
    "check_members",
    "check_param",
    "check_round",
    "check_text",
    "validated",
]

_MAX_SAFE = 2**53 - 1
_REF_TYPES = ENTITIES["ref"].by_name["ref_type"].values
_BACKGROUND = ("subject", "description", "constraints", "situation")
_METRICS = (
    "score_wisdom",
    "score_consistency",
    "score_truth",
    "score_relationships",
    "open_tensions",
    "new_perspectives",
    "converge_signals",
    "panel_size",
)
BAD = object()  # stands for a value that was refused


@dataclass
class Problems:
    """Findings by group; :meth:`raise_first` ends the method at the first group that has any."""

    groups: dict[int, list[Problem]] = field(default_factory=dict)

    def add(self, group: int, code: str, where: str, what: str, **data: Any) -> Any:
        self.groups.setdefault(group, []).append(Problem(code, where, what, data))
        return BAD

    def sort(self, params: Sequence[str]) -> None:
        """Put the findings of every group in the order of the method's parameters."""
        place = {name: number for number, name in enumerate(params)}
        for found in self.groups.values():
            found.sort(key=lambda problem: place[re.split(r"[.\[]", problem.field)[0]])

    def raise_first(self) -> None:
        if self.groups:
            raise from_problems(self.groups[min(self.groups)])


def validated(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a method, normalised; the contract's error where any of them is not valid."""
    problems = Problems()
    out = {
        param.name: check_param(problems, param, given.get(param.name))
        for param in METHODS[method].params
    }
    if given.get("request_id") is not None:
        out["request_id"] = check_identifier(problems, "request_id", given["request_id"])
    extra = _BY_METHOD.get(method)
    if extra is not None:
        extra(problems, out)
        problems.sort(list(out))
    problems.raise_first()
    return out


def check_param(problems: Problems, param: Param, value: Any) -> Any:
    """One parameter: its default where unset, else its normalised value, else :data:`BAD`."""
    if value is None:
        if param.required:
            return problems.add(1, "missing_field", param.name, "a value is required")
        return [] if param.default == [] else param.default
    return _value(problems, param.name, param.type, value, required=param.required)


def _value(problems: Problems, where: str, kind: str, value: Any, *, required: bool = False) -> Any:
    check = _CHECKS.get(kind)
    if check is not None:
        return check(problems, where, value)
    if kind == "text":
        return check_text(problems, where, value, filled=required)
    values = _enum_values(kind)
    code = {"ref.ref_type": "invalid_ref_type", "P|R|T|E|C": "invalid_entity_type"}.get(kind)
    return _enum(problems, where, value, values, code or "invalid_field")


def _enum_values(kind: str) -> tuple[str, ...]:
    if "|" in kind:
        return tuple(kind.split("|"))
    entity, name = kind.split(".")
    return ENTITIES[entity].by_name[name].values


# -- single values ------------------------------------------------------------------------------


def check_text(problems: Problems, where: str, value: Any, *, filled: bool = False) -> Any:
    """Text without lone surrogates; ``filled``: an empty one is ``missing_field``."""
    if not isinstance(value, str):
        return problems.add(1, "invalid_field", where, "must be text")
    text = str.__str__(value)
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return problems.add(1, "invalid_field", where, "holds a lone surrogate")
    if filled and not text:
        return problems.add(1, "missing_field", where, "must not be empty")
    return text


def _enum(problems: Problems, where: str, value: Any, values: Sequence[str], code: str) -> Any:
    text = check_text(problems, where, value)
    if text is not BAD and text not in values:
        problems.add(2, code, where, f"must be one of {one_of(values)}", allowed=list(values))
        return BAD
    return text


def check_identifier(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-01."""
    text = check_text(problems, where, value)
    if text is not BAD and not addresses.is_identifier(text):
        return problems.add(3, "invalid_identifier", where, "is not an identifier")
    return text


def check_display_id(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-02."""
    text = check_text(problems, where, value)
    if text is not BAD and not addresses.is_display_id(text):
        return problems.add(3, "invalid_display_id", where, "is not a display id")
    return text


def _bool(problems: Problems, where: str, value: Any) -> Any:
    if not isinstance(value, bool):
        return problems.add(1, "invalid_field", where, "must be true or false")
    return value


def _number(problems: Problems, where: str, value: Any) -> Any:
    """A finite number as its nearest double, integral ones as int within ±(2^53-1)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return problems.add(1, "invalid_field", where, "must be a number")
    try:
        double = float(value)
    except OverflowError:
        double = math.inf
    if not math.isfinite(double):
        return problems.add(
            1, "invalid_field", where, "must be a finite number of double precision"
        )
    if double.is_integer():
        if abs(double) > _MAX_SAFE:
            return problems.add(1, "invalid_field", where, "is a whole number beyond ±(2^53-1)")
        return int(double)
    return double


def check_int(problems: Problems, where: str, value: Any) -> Any:
    """A whole number within ±(2^53-1)."""
    number = _number(problems, where, value)
    if number is not BAD and not isinstance(number, int):
        return problems.add(1, "invalid_field", where, "must be a whole number")
    return number


def check_round(problems: Problems, where: str, value: Any) -> Any:
    """ADDR-08: a whole number from 0 to 99."""
    number = check_int(problems, where, value)
    if number is not BAD and not 0 <= number <= 99:
        return problems.add(3, "invalid_round", where, "must be from 0 to 99")
    return number


def _relevance(problems: Problems, where: str, value: Any) -> Any:
    number = _number(problems, where, value)
    if number is BAD:
        return BAD
    if not 0 <= number <= 1:
        return problems.add(1, "invalid_field", where, "must be from 0 to 1")
    if decimals_of(number) > 6:
        return problems.add(1, "invalid_field", where, "has more than six decimals")
    return number


# -- lists and objects --------------------------------------------------------------------------


def _list(check: Callable[[Problems, str, Any], Any]) -> Callable[[Problems, str, Any], Any]:
    def checked(problems: Problems, where: str, value: Any) -> Any:
        if isinstance(value, str | bytes) or not isinstance(value, Sequence):
            return problems.add(1, "invalid_field", where, "must be a list")
        return [check(problems, f"{where}[{i}]", member) for i, member in enumerate(value)]

    return checked


def check_members(
    problems: Problems, where: str, value: Any, known: Sequence[str]
) -> Mapping[str, Any] | None:
    """The members of an object that may have only ``known`` ones; None where it is no object."""
    if not isinstance(value, Mapping):
        problems.add(1, "invalid_field", where, "must be an object")
        return None
    for name in value:
        if name not in known:
            problems.add(1, "invalid_field", where, f"has a member besides {one_of(known)}")
            break
    return value


def _required(problems: Problems, where: str, members: Mapping[str, Any], name: str) -> Any:
    value = members.get(name)
    if value is None:
        problems.add(1, "missing_field", f"{where}.{name}", "a value is required")
    return value


def _reference(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, ("type", "target"))
    if members is None:
        return BAD
    ref_type = _required(problems, where, members, "type")
    if ref_type is not None:
        ref_type = _enum(problems, f"{where}.type", ref_type, _REF_TYPES, "invalid_ref_type")
    target = _required(problems, where, members, "target")
    if target is not None:
        target = check_display_id(problems, f"{where}.target", target)
    return {"type": ref_type, "target": target}


def _background(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, _BACKGROUND)
    if members is None:
        return BAD
    out: dict[str, Any] = {}
    for name in _BACKGROUND:
        member = members.get(name)
        if name == "subject" and member is None:
            problems.add(1, "missing_field", f"{where}.{name}", "a value is required")
        elif member is not None:
            out[name] = check_text(problems, f"{where}.{name}", member, filled=name == "subject")
    return out


def _metrics(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, _METRICS)
    if members is None:
        return BAD
    out = {}
    for name in _METRICS:
        member = members.get(name)
        number = 0 if member is None else check_int(problems, f"{where}.{name}", member)
        if number is not BAD and number < 0:
            problems.add(1, "invalid_field", f"{where}.{name}", "must not be negative")
        out[name] = number
    return out


def _compliance(problems: Problems, where: str, value: Any) -> Any:
    members = check_members(problems, where, value, ("fully_compliant", "exceptions", "violations"))
    if members is None:
        return BAD
    out: dict[str, Any] = {}
    verdict = _required(problems, where, members, "fully_compliant")
    if verdict is not None and not isinstance(verdict, bool):
        verdict = check_text(problems, f"{where}.fully_compliant", verdict)
    out["fully_compliant"] = verdict
    for name in ("exceptions", "violations"):
        texts = _required(problems, where, members, name)
        out[name] = None if texts is None else _list(check_text)(problems, f"{where}.{name}", texts)
    return out


def _object(problems: Problems, where: str, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return problems.add(1, "invalid_field", where, "must be an object")
    return _json(problems, where, value, 0)


def _json(problems: Problems, where: str, value: Any, depth: int) -> Any:
    """Any JSON value, at most 64 lists and objects deep."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return check_text(problems, where, value)
    if isinstance(value, int | float):
        return _number(problems, where, value)
    if not isinstance(value, Mapping | list | tuple):
        return problems.add(1, "invalid_field", where, "holds what JSON cannot")
    if depth == MAX_DEPTH:
        return problems.add(1, "invalid_field", where, f"is nested deeper than {MAX_DEPTH}")
    if not isinstance(value, Mapping):
        return [_json(problems, where, member, depth + 1) for member in value]
    out = {}
    for key, member in value.items():
        name = check_text(problems, where, key)
        if name is not BAD:
            out[name] = _json(problems, where, member, depth + 1)
    return out


_CHECKS: dict[str, Callable[[Problems, str, Any], Any]] = {
    "identifier": check_identifier,
    "display_id": check_display_id,
    "bool": _bool,
    "int": check_int,
    "int 0..99": check_round,
    "number 0..1": _relevance,
    "object": _object,
    "object{subject,description?,constraints?,situation?}": _background,
    "object{fully_compliant,exceptions,violations}": _compliance,
    f"object{{{','.join(_METRICS)}: int >= 0, each default 0}}": _metrics,
    "list[text]": _list(check_text),
    "list[note]": _list(check_text),
    "list[identifier]": _list(check_identifier),
    "list[display_id]": _list(check_display_id),
    "list[{type,target}]": _list(_reference),
}


# -- what one method asks for besides -----------------------------------------------------------


def _letter(problems: Problems, where: str, value: Any, letter: str) -> None:
    if isinstance(value, str) and addresses.is_display_id(value) and value[0] != letter:
        problems.add(4, "type_id_mismatch", where, f"must be an id that begins with {letter}")


def _status_of(entity: str) -> Callable[[Problems, dict[str, Any]], None]:
    def check(problems: Problems, args: dict[str, Any]) -> None:
        _letter(problems, "entity_id", args["entity_id"], ENTITIES[entity].display_letter or "")
        if (
            entity == "recommendation"
            and args["status"] == "adopted"
            and args["verdict_id"] is None
        ):
            problems.add(1, "missing_field", "verdict_id", "adopted needs the verdict's id")

    return check


def _move(problems: Problems, args: dict[str, Any]) -> None:
    """Targets are display ids, but for ``request`` (any text) and ``converge`` (none: group 6)."""
    if args["move_type"] in ("request", "converge") or args["targets"] is BAD:
        return
    for i, target in enumerate(args["targets"]):
        if target is not BAD:
            check_display_id(problems, f"targets[{i}]", target)


def _ref(problems: Problems, args: dict[str, Any]) -> None:
    for side in ("source", "target"):
        letter, entity_id = args[f"{side}_type"], args[f"{side}_id"]
        if letter is not None and letter is not BAD and entity_id is not BAD:
            _letter(problems, f"{side}_type", entity_id, letter)


def _verdict(problems: Problems, args: dict[str, Any]) -> None:
    accepted = args["tensions_accepted"]
    for i, tension in enumerate(accepted if isinstance(accepted, list) else ()):
        _letter(problems, f"tensions_accepted[{i}]", tension, "T")


_BY_METHOD: dict[str, Callable[[Problems, dict[str, Any]], None]] = {
    "update_perspective_status": _status_of("perspective"),
    "update_tension_status": _status_of("tension"),
    "update_recommendation_status": _status_of("recommendation"),
    "update_evidence_status": _status_of("evidence"),
    "update_claim_status": _status_of("claim"),
    "comment_tension": lambda problems, args: _letter(
        problems, "entity_id", args["entity_id"], "T"
    ),
    "register_move": _move,
    "register_ref": _ref,
    "register_verdict": _verdict,
}
