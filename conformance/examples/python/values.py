"""What one value may be: groups 1 to 4 of STORE-14, by the types that ``methods.json`` names.

A check takes what was given and the path of the field, returns the value as it is kept, and adds to
``Findings`` what is wrong; then it returns ``WRONG``, which nobody looks up any further.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Mapping, Sequence, Set
from typing import Any, Final

from reference_impl.contract.errors import DialogueStoreError, Problem, from_problems
from reference_impl.contract.errors import validation_failed as all_problems
from reference_impl.contract.limits import MAX_DEPTH, MAX_FINDINGS, MAX_INTEGER, MAX_ROUND
from reference_impl.contract.tables import ENTITIES, LETTERS, METHODS

__all__ = [
    "NUMBERS_OF_A_ROUND",
    "WRONG",
    "Findings",
    "Made",
    "Values",
    "as_list",
    "as_object",
    "check_call",
    "check_values",
    "display_id",
    "identifier",
    "is_display_id",
    "is_identifier",
    "is_object",
    "only_members",
    "ref_type",
    "required_text",
    "whole",
]

WRONG: Final = object()
Values = dict[str, Any]

_IDENTIFIER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_DISPLAY_ID = re.compile(rf"[{''.join(LETTERS)}][0-9]{{2}}(?:0[1-9]|[1-9][0-9])")
#: Group 1 tells what is no value of the type, group 2 what is none of the enumeration.
_TYPE, _ENUM, _FORM, _LETTER = 1, 2, 3, 4


class Made(str):
    """The display id of an entity that a round makes: it may be taken although its number is too high
    or its round wrong, which is told elsewhere."""

    __slots__ = ()


class Findings:
    """Everything that is wrong with a call, each with its group of STORE-14."""

    def __init__(self) -> None:
        self._found: list[tuple[int, Problem]] = []

    def add(self, group: int, code: str, field: str, what: str, **data: Any) -> None:
        """One finding; its ``field`` is a path such as ``references[2].target``."""
        self._found.append((group, Problem(code, field, what, data)))

    def codes(self) -> set[str]:
        """The codes of what was found so far."""
        return {problem.code for _, problem in self._found}

    def within(self, path: str) -> bool:
        """Whether anything was found for a value, or inside it."""
        inside = (f"{path}.", f"{path}[")
        return any(p.field == path or p.field.startswith(inside) for _, p in self._found)

    def groups(self) -> set[int]:
        """The groups in which something was found so far."""
        return {group for group, _ in self._found}

    def raise_first_group(self) -> None:
        """End a call at its first group that found something."""
        if self._found:
            first = min(self.groups())
            raise self._error([p for group, p in self._found if group == first], from_problems)

    def raise_all(self) -> None:
        """End ``register_round`` with every finding of every group."""
        if self._found:
            ordered = sorted(self._found, key=lambda found: found[0])
            raise self._error([problem for _, problem in ordered], all_problems)

    @staticmethod
    def _error(
        problems: list[Problem], make: Callable[[Sequence[Problem]], DialogueStoreError]
    ) -> DialogueStoreError:
        made = make(problems[:MAX_FINDINGS])
        if len(problems) > MAX_FINDINGS:
            made.data["more"] = len(problems) - MAX_FINDINGS
        return made


def check_call(
    method: str, given: Mapping[str, Any], found: Findings, without: Sequence[str] = ()
) -> Values:
    """The parameters of a call as they are kept, ``request_id`` among them; what is unset is None."""
    values = check_values(method, given, found, without=without)
    request_id = given.get("request_id")
    if request_id is not None:
        request_id = identifier(found, "request_id", request_id)
    values["request_id"] = request_id
    return values


def check_values(
    method: str,
    given: Mapping[str, Any],
    found: Findings,
    at: str = "",
    without: Sequence[str] = (),
) -> Values:
    """The parameters of a method as they are kept, ``at`` being the path that their names follow."""
    values: Values = {}
    for param in METHODS[method].params:
        if param.name in without:
            continue
        where, value = at + param.name, given.get(param.name)
        if value is None and param.required:
            found.add(_TYPE, "missing_field", where, "is required")
            values[param.name] = WRONG
        elif value is None:
            values[param.name] = copy.copy(param.default)  # results are the caller's own
        else:
            values[param.name] = _check(param.name, param.type, param.required, found, where, value)
    _between_values(method, values, found, at)
    return values


def _between_values(method: str, values: Values, found: Findings, at: str) -> None:
    """What one value asks of another before anything is looked up."""
    if values.get("status") == "adopted" and values.get("verdict_id", WRONG) is None:
        found.add(_TYPE, "missing_field", f"{at}verdict_id", "is required for adopted")
    if "entity_id" in values and method != "get_events":
        entity = method.removeprefix("update_").removesuffix("_status").removeprefix("comment_")
        _letter(found, f"{at}entity_id", values["entity_id"], ENTITIES[entity].display_letter)
    to_entities = values.get("move_type") in ("defend", "challenge", "bridge", "concede")
    if to_entities and values["targets"] is not WRONG:
        targets = enumerate(values["targets"])
        values["targets"] = [
            member if member is WRONG else display_id(found, f"{at}targets[{position}]", member)
            for position, member in targets
        ]
    for position, tension in enumerate(_good_list(values.get("tensions_accepted"))):
        _letter(found, f"{at}tensions_accepted[{position}]", tension, "T")
    for end in ("source", "target"):
        letter = values.get(f"{end}_type")
        if isinstance(letter, str):
            _letter(found, f"{at}{end}_type", values[f"{end}_id"], letter)


def _letter(found: Findings, where: str, value: Any, letter: str | None) -> None:
    if isinstance(value, str) and value[0] != letter:
        found.add(_LETTER, "type_id_mismatch", where, f"must go with the letter {letter}")


def _good_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else ()


def _check(name: str, kind: str, required: bool, found: Findings, where: str, value: Any) -> Any:
    if name in _OBJECTS:
        return _OBJECTS[name](found, where, value)
    if kind.startswith("list["):
        member = _member_of(kind)
        return as_list(found, where, value, member)
    if kind == "text" and required:
        return required_text(found, where, value)
    if kind in _SIMPLE:
        return _SIMPLE[kind](found, where, value)
    return _enum(found, where, value, _allowed(kind), _ENUM_CODES.get(name, "invalid_field"))


def is_identifier(value: Any) -> bool:
    """Whether a value has the form of ADDR-01."""
    return isinstance(value, str) and _IDENTIFIER.fullmatch(value) is not None


def is_display_id(value: Any) -> bool:
    """Whether a value has the form of ADDR-02."""
    if isinstance(value, Made):
        return True
    return isinstance(value, str) and _DISPLAY_ID.fullmatch(value) is not None


# -- single values ---------------------------------------------------------------------------------


def _wrong_type(found: Findings, where: str, what: str) -> Any:
    found.add(_TYPE, "invalid_field", where, what)
    return WRONG


def _text(found: Findings, where: str, value: Any) -> Any:
    if isinstance(value, Made):
        return value
    if not isinstance(value, str):
        return _wrong_type(found, where, "must be text")
    if any("\ud800" <= char <= "\udfff" for char in value):
        return _wrong_type(found, where, "holds a lone surrogate")
    return str.__str__(value)  # of a subclass the text itself


def required_text(found: Findings, where: str, value: Any) -> Any:
    """Text that must not be empty."""
    if value == "":
        found.add(_TYPE, "missing_field", where, "must not be empty")
        return WRONG
    return _text(found, where, value)


def _formed(form: re.Pattern[str], code: str) -> Callable[[Findings, str, Any], Any]:
    def check(found: Findings, where: str, value: Any) -> Any:
        text = _text(found, where, value)
        if text is not WRONG and not isinstance(text, Made) and form.fullmatch(text) is None:
            found.add(_FORM, code, where, "has not the form of the contract")
            return WRONG
        return text

    return check


identifier = _formed(_IDENTIFIER, "invalid_identifier")
display_id = _formed(_DISPLAY_ID, "invalid_display_id")


def _number(found: Findings, where: str, value: Any) -> Any:
    """STORE-12: the nearest double, a whole one as int; a boolean is no number."""
    if isinstance(value, bool) or not (isinstance(value, int) or type(value) is float):
        return _wrong_type(found, where, "must be a number")
    if isinstance(value, float) and not math.isfinite(value):
        return _wrong_type(found, where, "must be a finite number")
    if value == int(value):
        if abs(value) > MAX_INTEGER:
            return _wrong_type(found, where, "must lie within 2^53-1")
        return int(value)
    return float(value)


def whole(found: Findings, where: str, value: Any) -> Any:
    """A whole number, which 1.0 is too (ADR 3)."""
    number = _number(found, where, value)
    if isinstance(number, float):
        return _wrong_type(found, where, "must be a whole number")
    return number


def _round(found: Findings, where: str, value: Any) -> Any:
    number = whole(found, where, value)
    if number is not WRONG and not 0 <= number <= MAX_ROUND:
        found.add(_FORM, "invalid_round", where, "must be from 0 to 99")
        return WRONG
    return number


def _relevance(found: Findings, where: str, value: Any) -> Any:
    number = _number(found, where, value)
    if number is not WRONG and not (0 <= number <= 1 and number == round(number, 6)):
        return _wrong_type(found, where, "must be from 0 to 1 with at most six decimals")
    return number


def _bool(found: Findings, where: str, value: Any) -> Any:
    return value if isinstance(value, bool) else _wrong_type(found, where, "must be true or false")


def _count(found: Findings, where: str, value: Any) -> Any:
    number = whole(found, where, value)
    if number is not WRONG and number < 0:
        return _wrong_type(found, where, "must be 0 or more")
    return number


def _enum(
    found: Findings, where: str, value: Any, allowed: Sequence[str], code: str = "invalid_field"
) -> Any:
    text = _text(found, where, value)
    if text is not WRONG and text not in allowed:
        what = f"must be one of {', '.join(allowed)}"
        found.add(_ENUM, code, where, what, allowed=list(allowed))
        return WRONG
    return text


def _allowed(kind: str) -> Sequence[str]:
    """The values of an enumeration: ``tension.status`` (in entities.json) or ``fail|collect``."""
    if "." in kind:
        entity, name = kind.split(".")
        return ENTITIES[entity].by_name[name].values
    return kind.split("|")


_SIMPLE: Mapping[str, Callable[[Findings, str, Any], Any]] = {
    "text": _text,
    "identifier": identifier,
    "display_id": display_id,
    "bool": _bool,
    "int": whole,
    "int 0..99": _round,
    "number 0..1": _relevance,
}
_ENUM_CODES = {
    "ref_type": "invalid_ref_type",
    "source_type": "invalid_entity_type",
    "target_type": "invalid_entity_type",
}


# -- lists and objects -----------------------------------------------------------------------------


def as_list(found: Findings, where: str, value: Any, check: Callable[..., Any]) -> Any:
    """A list whose members are checked one by one; None inside it is ``invalid_field``."""
    if not isinstance(value, list | tuple):
        return _wrong_type(found, where, "must be a list")
    return [check(found, f"{where}[{at}]", member) for at, member in enumerate(value)]


def _member_of(kind: str) -> Callable[..., Any]:
    return _SIMPLE[kind.removeprefix("list[").removesuffix("]")]


def is_object(found: Findings, where: str, value: Any) -> bool:
    """Whether a value is an object whose names are text; ``invalid_field`` otherwise."""
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return True
    _wrong_type(found, where, "must be an object")
    return False


def only_members(found: Findings, where: str, value: Values, known: Set[str]) -> None:
    """No other members than these. What else there is, is told by the object's own path: a name could
    hold a secret (ERR-03)."""
    if value.keys() - known:
        found.add(_TYPE, "invalid_field", where, "holds an unknown member")


def as_object(
    found: Findings,
    where: str,
    value: Any,
    required: Mapping[str, Callable[..., Any]],
    optional: Mapping[str, Callable[..., Any]],
) -> Any:
    """An object of named members, some of them required."""
    if not is_object(found, where, value):
        return WRONG
    only_members(found, where, value, {*required, *optional})
    kept: Values = {}
    for name, check in {**required, **optional}.items():
        if value.get(name) is not None:
            kept[name] = check(found, f"{where}.{name}", value[name])
        elif name in required:
            found.add(_TYPE, "missing_field", f"{where}.{name}", "is required")
            kept[name] = WRONG
    return kept


def _json(found: Findings, where: str, value: Any) -> Any:
    """Any JSON object, nested at most 64 deep."""
    if not isinstance(value, Mapping):
        return _wrong_type(found, where, "must be an object")
    return _json_value(found, where, value, 1)


def _json_value(found: Findings, where: str, value: Any, depth: int) -> Any:
    if isinstance(value, Mapping | list | tuple) and depth > MAX_DEPTH:
        return _wrong_type(found, where, f"is nested deeper than {MAX_DEPTH}")
    if isinstance(value, Mapping):
        return {
            _text(found, where, key): _json_value(found, where, member, depth + 1)
            for key, member in value.items()
        }
    if isinstance(value, list | tuple):
        return [_json_value(found, where, member, depth + 1) for member in value]
    if value is None or isinstance(value, bool):
        return value
    return (_text if isinstance(value, str) else _number)(found, where, value)


def ref_type(found: Findings, where: str, value: Any) -> Any:
    """A type of ref."""
    return _enum(found, where, value, _allowed("ref.ref_type"), "invalid_ref_type")


def _reference(found: Findings, where: str, value: Any) -> Any:
    return as_object(found, where, value, {"type": ref_type, "target": display_id}, {})


def _texts(found: Findings, where: str, value: Any) -> Any:
    return as_list(found, where, value, _text)


def _references(found: Findings, where: str, value: Any) -> Any:
    return as_list(found, where, value, _reference)


def _background(found: Findings, where: str, value: Any) -> Any:
    optional = dict.fromkeys(("description", "constraints", "situation"), _text)
    return as_object(found, where, value, {"subject": required_text}, optional)


def _metrics(found: Findings, where: str, value: Any) -> Any:
    checked = as_object(found, where, value, {}, dict.fromkeys(NUMBERS_OF_A_ROUND, _count))
    return checked if checked is WRONG else {**NUMBERS_OF_A_ROUND, **checked}


#: What ``metrics`` may hold, each 0 where it is not given.
NUMBERS_OF_A_ROUND: Final = {
    field.name: 0 for field in ENTITIES["round"].fields if (field.default, field.minimum) == (0, 0)
}


def _compliance(found: Findings, where: str, value: Any) -> Any:
    members = {
        "fully_compliant": _bool,
        "exceptions": _texts,
        "violations": _texts,
    }
    return as_object(found, where, value, members, {})


#: Parameters whose type is an object of its own.
_OBJECTS: Mapping[str, Callable[[Findings, str, Any], Any]] = {
    "background": _background,
    "ethos_compliance": _compliance,
    "metrics": _metrics,
    "parameters": _json,
    "references": _references,
}
