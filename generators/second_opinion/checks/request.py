"""Requests that may be repeated (STORE-22): the contract's table of methods says what is filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import hkdf, json8785
from ..tables import Kind, kinds, method
from ..work import Refused, Work, check

__all__: list[str] = []

#: What the first of its kind is called in a round.
_FIRST = 1


@check("request", "input-hash")
def input_hash(work: Work) -> None:
    """Whether a request is the one that was remembered."""
    given = work.input
    text = _text(given["method"], given["arguments"])
    work.note(canonical=text)
    found = hkdf.sha256(text).hex()
    if found != given["remembered"]:
        raise Refused("input", "request_mismatch")
    work.give(input_hash=found)


@check("request", "result")
def result(work: Work) -> None:
    """What is remembered of the first call."""
    given = work.input
    arguments = _filled(given["method"], given["arguments"])
    kind = kinds()[method(given["method"])["returns"].lower()]
    made = _entity(kind, arguments, given["time"])
    remembered = {
        "input_hash": hkdf.sha256(_text(given["method"], given["arguments"])).hex(),
        # numbers as one spelling: 1.0 is kept as 1
        "result": json8785.parse(json8785.canonical(made)),
    }
    work.note(payload=json8785.canonical(remembered))
    work.give(**remembered)


def _text(name: str, arguments: Mapping[str, Any]) -> bytes:
    return json8785.canonical({"method": name, "params": _filled(name, arguments)})


def _filled(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter that is set, or has a default."""
    params = method(name)["params"]
    names = {param["name"] for param in params} | {"request_id"}
    if not arguments.keys() <= names:
        raise ValueError(f"{name} has other parameters")
    filled: dict[str, Any] = {}
    for param in params:
        value = arguments.get(param["name"])
        if value is None:
            value = param.get("default")
        if value is None:
            if param.get("required", True):
                raise ValueError(f"{param['name']} is required")
            continue
        filled[param["name"]] = _members(param["type"], value)
    return filled


def _members(form: str, value: Any) -> Any:
    """The members of a named object: those that are unset left out, numbers that have a default filled
    in. What a caller may nest freely (``object``) stays as given."""
    if not form.startswith("object{"):
        return value
    set_ = {name: member for name, member in value.items() if member is not None}
    if form.endswith("each default 0}"):
        names = form.removeprefix("object{").partition(":")[0].split(",")
        return {**dict.fromkeys(names, 0), **set_}
    return set_


def _entity(kind: Kind, arguments: Mapping[str, Any], time: str) -> dict[str, Any]:
    """An entity as it is when it was just made."""
    values = {**arguments, **arguments.get("metrics", {}), "seq": _FIRST}
    made: dict[str, Any] = {"dialogue_id": arguments["dialogue_id"]}
    for name, field in kind.fields.items():
        if name in ("created_at", "updated_at"):
            made[name] = time
        elif name in ("source_type", "target_type"):
            made[name] = arguments[f"{name[:6]}_id"][0]
        elif name in values:
            made[name] = values[name]
        elif field.get("nullable"):
            made[name] = None
        else:
            made[name] = _new(field)
    if kind.letter is not None:
        made["display_id"] = f"{kind.letter}{arguments['round']:02d}{_FIRST:02d}"
    return made


def _new(field: Mapping[str, Any]) -> Any:
    """The value of a field that nobody has set yet."""
    if "default" in field:
        return field["default"]
    if field["type"] == "enum":
        return field["values"][0]
    return {} if field["type"].startswith("map[") else False if field["type"] == "bool" else 0
