"""Validation of a method's parameters, groups 1 to 4 of STORE-14: pure, before anything is read.

Parameters and their types come from ``methods.json``. What comes out is normalised: None replaced by the
default, sequences as lists, mappings as dicts (copies, STORE-21), numbers as their nearest double and
integral ones as int (STORE-12), subclasses as their plain type. All findings of the first group that has any
are reported together, in the order of the parameters. The entries of a round are read by the same functions
(``round_parameters``), with a path of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from ...contract import addresses
from ...contract.tables import LETTERS, METHODS, Param
from .problems import INVALID, Problems
from .values import check_display_id, check_identifier, check_value

__all__ = ["check_param", "read_params", "validated"]

#: What a method asks for besides its types: called with the findings, the prefix of its paths and what was
#: read so far, after the parameter that it belongs to, so that findings stand in the order of parameters.
Hook = Callable[[Problems, str, dict[str, Any]], None]


def validated(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a method, normalised; the contract's error where any of them is not valid."""
    problems = Problems()
    out = read_params(problems, method, METHODS[method].params, given)
    if given.get("request_id") is not None:
        out["request_id"] = check_identifier(problems, "request_id", given["request_id"])
    problems.raise_first()
    return out


def read_params(
    problems: Problems,
    method: str,
    params: Iterable[Param],
    given: Mapping[str, Any],
    prefix: str = "",
) -> dict[str, Any]:
    """Some parameters of a method, those that are unset as their default; ``prefix`` begins their paths."""
    out: dict[str, Any] = {}
    hooks = _AFTER.get(method, _NONE)
    for param in params:
        name = param.name
        out[name] = check_param(problems, param, given.get(name), prefix + name)
        if name in hooks:
            hooks[name](problems, prefix, out)
    return out


def check_param(problems: Problems, param: Param, value: Any, where: str) -> Any:
    """One parameter: its default where unset, else its normalised value, else :data:`INVALID`."""
    if value is None:
        if param.required:
            return problems.add(1, "missing_field", where, "a value is required")
        return param.default.copy() if isinstance(param.default, list | dict) else param.default
    return check_value(problems, where, param.type, value, required=param.required)


# -- what one method asks for besides -----------------------------------------------------------


def _letter(problems: Problems, where: str, value: Any, letter: Any) -> None:
    """Group 4: an id begins with the letter of the entity that is asked for."""
    if addresses.is_display_id(value) and isinstance(letter, str) and value[0] != letter:
        problems.add(4, "type_id_mismatch", where, f"must be an id that begins with {letter}")


def _letter_of_entity(letter: str, problems: Problems, prefix: str, out: dict[str, Any]) -> None:
    _letter(problems, f"{prefix}entity_id", out["entity_id"], letter)


def _letter_of_side(side: str, problems: Problems, prefix: str, out: dict[str, Any]) -> None:
    """The declared type of a ref's source or target is that of its id."""
    _letter(problems, f"{prefix}{side}_type", out[f"{side}_id"], out[f"{side}_type"])


def _letters_of_tensions(problems: Problems, prefix: str, out: dict[str, Any]) -> None:
    accepted = out["tensions_accepted"]
    for i, tension in enumerate(accepted if isinstance(accepted, list) else ()):
        _letter(problems, f"{prefix}tensions_accepted[{i}]", tension, "T")


def _adoption(problems: Problems, prefix: str, out: dict[str, Any]) -> None:
    if out["status"] == "adopted" and out["verdict_id"] is None:
        what = "the status adopted needs the id of a verdict"
        problems.add(1, "missing_field", f"{prefix}verdict_id", what)


def _targets(problems: Problems, prefix: str, out: dict[str, Any]) -> None:
    """Targets are display ids, but for ``request`` (any text) and ``converge`` (none: group 6). What those
    of a move of no known type must be, nobody can say."""
    if out["move_type"] in (INVALID, "request", "converge") or out["targets"] is INVALID:
        return
    out["targets"] = [
        target if target is INVALID else check_display_id(problems, f"{prefix}targets[{i}]", target)
        for i, target in enumerate(out["targets"])
    ]


_NONE: Mapping[str, Hook] = {}
_LETTER_OF: Mapping[str, Hook] = {
    entity: partial(_letter_of_entity, letter) for letter, entity in LETTERS.items()
}
#: method -> parameter -> what is asked after it
_AFTER: Mapping[str, Mapping[str, Hook]] = {
    **{f"update_{entity}_status": {"entity_id": hook} for entity, hook in _LETTER_OF.items()},
    "update_recommendation_status": {
        "entity_id": _LETTER_OF["recommendation"],
        "verdict_id": _adoption,
    },
    "comment_tension": {"entity_id": _LETTER_OF["tension"]},
    "register_move": {"targets": _targets},
    "register_ref": {
        "source_type": partial(_letter_of_side, "source"),
        "target_type": partial(_letter_of_side, "target"),
    },
    "register_verdict": {"tensions_accepted": _letters_of_tensions},
}
