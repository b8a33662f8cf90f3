"""What the tests of profile ``crypto`` share: vectors as cases, and how a target's answer is judged."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from conformance.spec import PROFILES
from reference_impl.contract.errors import DialogueStoreError

from ...vectors import load_vectors
from .forge import Item
from .marks import rules

__all__ = ["Vector", "asked", "cases", "judge", "same", "stored", "vectors"]


@dataclass(frozen=True)
class Vector:
    """One case of a vector file."""

    tc_id: str
    given: Mapping[str, Any]
    expected: Mapping[str, Any]
    intermediate: Mapping[str, Any]
    is_valid: bool
    layer: str | None
    code: str | None
    rules: tuple[str, ...]


def vectors(family: str, type_: str) -> list[Vector]:
    """Every case of the groups of a type, in the order of the files, but for planned ones."""
    return [
        Vector(
            tc_id=test["tc_id"],
            given=test["input"],
            expected=test.get("expected", {}),
            intermediate=test.get("intermediate", {}),
            is_valid=test["result"] == "valid",
            layer=test.get("layer"),
            code=test.get("code"),
            rules=tuple(test["rules"]),
        )
        for document in load_vectors(family)
        for group in document["test_groups"]
        if group["type"] == type_
        for test in group["tests"]
        if not test.get("planned")
    ]


def cases(family: str, *types: str, otherwise: str) -> list[Any]:
    """The vectors as parameters of a test, each with those of its rules that profile crypto holds, or
    ``otherwise`` where it holds none of them."""
    held = PROFILES["crypto"].rules
    found = []
    for type_ in types:
        for vector in vectors(family, type_):
            cited = [rule for rule in vector.rules if rule in held] or [otherwise]
            found.append(pytest.param(vector, id=vector.tc_id, marks=rules(*cited)))
    if not found:
        raise ValueError(f"there are no vectors of {family}, {', '.join(types)}")
    return found


def asked(ask: Callable[[], Any]) -> tuple[Any, DialogueStoreError | None]:
    """The target's answer, or the error of the contract that it gave instead."""
    try:
        return ask(), None
    except DialogueStoreError as refused:
        return None, refused
    except Exception as other:
        kind = type(other).__name__
        raise AssertionError(f"neither an answer nor an error of the contract: {kind}") from other


def judge(vector: Vector, ask: Callable[[], Any], expected: Any) -> None:
    """The answer must be the expected one, or the refusal must be the vector's: code, and layer where
    there is one for the code (ENV-06)."""
    answer, refused = asked(ask)
    if refused is None:
        assert vector.is_valid, "nothing was refused"
        assert same(answer, expected), "the answer is not the vector's"
        return
    assert not vector.is_valid, f"refused ({refused.code}), the vector is valid"
    assert refused.code == vector.code, f"refused with {refused.code}, not {vector.code}"
    if vector.code == "integrity_error":
        layer = refused.data.get("layer")
        assert layer == vector.layer, f"refused at layer {layer}, not {vector.layer}"


def same(left: Any, right: Any) -> bool:
    """Equal as JSON: true is not 1, but 1.0 is; tuples are lists."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(same(left[n], right[n]) for n in left)
    if isinstance(left, list | tuple) and isinstance(right, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return type(left) is type(right) and bool(left == right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def stored(shown: Mapping[str, Any]) -> Item:
    """An item as vectors show it: ``{"bytes": hex}`` as bytes."""
    return {
        name: bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value
        for name, value in shown.items()
    }
