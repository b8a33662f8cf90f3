"""Liars for profile core that give values back changed, or keep none of the limits on them."""

from __future__ import annotations

import dataclasses
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from conformance.model.findings import Findings
from conformance.model.state import State
from reference_impl.contract.errors import DialogueStoreError

from .kit.lie import lie
from .kit.meddling import REGISTRATIONS, Hand
from .kit.touched import touched

__all__: list[str] = []


class _Changes(Hand):
    """Lets every value of one parameter go through a function before it is looked at."""

    parameter: ClassVar[str] = ""
    change: ClassVar[Callable[[Any], Any]]

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        if given.get(self.parameter) is not None:
            given[self.parameter] = type(self).change(given[self.parameter])
        return given


def changes(parameter: str, change: Callable[[Any], Any]) -> Callable[[type[Any]], type[Any]]:
    """Let every value of a parameter go through a function."""

    def changed(store: type[Any]) -> type[Any]:
        store.parameter, store.change = parameter, staticmethod(change)
        return store

    return changed


def _of_text(change: Callable[[str], Any]) -> Callable[[Any], Any]:
    return lambda value: change(value) if isinstance(value, str) else value


def _within(change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A change of every scalar within nested JSON."""

    def deep(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: deep(member) for key, member in value.items()}
        if isinstance(value, list | tuple):
            return [deep(member) for member in value]
        return change(value)

    return deep


# -- texts (STORE-12) ----------------------------------------------------------------------------------


@lie("core", "STORE-12")
@changes("context", _of_text(lambda text: text.strip()))
class TrimsTexts(_Changes):
    """Takes the blanks around the context of a move away."""


@lie("core", "STORE-12")
@changes("summary", _of_text(lambda text: text.replace("\r\n", "\n")))
class MendsLineEnds(_Changes):
    """Keeps the summary of a round with plain line feeds."""


@lie("core", "STORE-12")
@changes("content", _of_text(lambda text: text.split("\0")[0] or text))
class StopsAtNul(_Changes):
    """Keeps a content up to its first U+0000."""


@lie("core", "STORE-12", also=touched("STORE-14"))
@changes("description", _of_text(lambda text: text.encode("utf-16", "ignore").decode("utf-16")))
class DropsSurrogates(_Changes):
    """Takes a lone surrogate in a description and leaves it out."""


@lie("core", "STORE-12")
@changes("label", _of_text(lambda text: "".join(c if ord(c) < 0x10000 else "\ufffd" for c in text)))
class BasicPlaneOnly(_Changes):
    """Keeps a label's characters beyond the basic plane as replacement characters."""


@lie("core", "STORE-12")
@changes("role", _of_text(lambda text: unicodedata.normalize("NFD", text)))
class DecomposesRoles(_Changes):
    """Keeps the role of an expert in normal form D."""


@lie("core", "STORE-12")
@changes("reason", _of_text(lambda text: text.replace("\u200f", "").replace("\u202e", "")))
class DropsDirections(_Changes):
    """Leaves marks of direction out of an event's reason."""


@lie("core", "STORE-12")
@changes("vote", _of_text(lambda text: text or None))
class EmptyVoteIsNone(_Changes):
    """An empty vote is no vote."""


# -- numbers and JSON (STORE-12) -----------------------------------------------------------------------


_as_floats = _within(lambda value: float(value) if type(value) is int else value)


@lie("core", "STORE-12")
class IntegersAsFloats(Hand):
    """Gives the integers in parameters back as floats."""

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        if name != "recommendations":
            return found
        return [dataclasses.replace(one, parameters=_as_floats(one.parameters)) for one in found]


@lie("core", "STORE-12")
@changes("parameters", _within(lambda v: round(v, 6) if isinstance(v, float) and v == v else v))
class SixDecimals(_Changes):
    """Keeps numbers in parameters with six decimals."""


@lie("core", "STORE-12")
@changes("parameters", _within(lambda v: int(v) if isinstance(v, bool) else v))
class TruthIsANumber(_Changes):
    """Keeps true and false in parameters as 1 and 0."""


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value


@lie("core", "STORE-12")
@changes("parameters", _without_nulls)
class DropsNulls(_Changes):
    """Leaves members of parameters out that are null."""


@lie("core", "STORE-12", also=touched("STORE-14"))
@changes("parameters", lambda value: value or None)
class EmptyObjectIsNone(_Changes):
    """Empty parameters are no parameters."""


@lie("core", "STORE-12")
@changes("conditions", lambda value: value or None)
class EmptyListIsNone(_Changes):
    """An empty list of conditions is none."""


@lie("core", "STORE-12")
@changes("conditions", lambda value: sorted(value) if _all_text(value) else value)
class SortsConditions(_Changes):
    """Keeps conditions sorted."""


@lie(
    "core",
    "STORE-12",
    also={
        "STORE-14": "its tests count the findings of a list whose members repeat",
        **touched("STORE-08"),
    },
)
@changes("contributors", lambda value: list(dict.fromkeys(value)) if _all_text(value) else value)
class ContributorsOnce(_Changes):
    """Keeps every contributor once."""


def _all_text(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)


@lie("core", "STORE-12")
@changes("relevance", lambda value: round(value, 2) if isinstance(value, float) else value)
class RelevanceInPercent(_Changes):
    """Keeps relevance with two decimals."""


@lie("core", "STORE-12")
@changes("relevance", lambda value: round(value, 6) if isinstance(value, float) else value)
class RoundsRelevance(_Changes):
    """Takes a relevance with more than six decimals and rounds it."""


# -- sizes (STORE-15) ----------------------------------------------------------------------------------


class _Registering(State):
    """Another limit or measure where entities with display ids are registered."""

    measure: ClassVar[type[Findings]]

    def findings(self, method: str) -> Findings:
        return self.measure() if method in REGISTRATIONS else super().findings(method)


class _Unlimited(Findings):
    max_item_bytes = 1 << 40


@lie("core", "STORE-15", also=touched("STORE-14", "ERR-02"))
class NoLimit(_Registering):
    """Takes an entity of any size."""

    measure = _Unlimited


class _InCharacters(Findings):
    def stored_size(self, kind: str, entity: dict[str, Any]) -> int:
        return len(kind) + sum(len(str(v)) for v in entity.values())


@lie("core", "STORE-15")
class MeasuresCharacters(_Registering):
    """Measures an item in characters instead of bytes."""

    measure = _InCharacters


class _AtTimesUnlimited(State):
    limited = True

    def findings(self, method: str) -> Findings:
        return super().findings(method) if self.limited else _Unlimited()


@lie(
    "core",
    "STORE-15",
    also={"STORE-14": "the size is the last thing that is looked at", **touched("STORE-04")},
)
class WritesWhatIsTooLarge(Hand):
    """Finds an item too large only after it was written."""

    state_type = _AtTimesUnlimited

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        if method in REGISTRATIONS and refusal.code == "item_too_large":
            state = self.store.state
            assert isinstance(state, _AtTimesUnlimited)
            state.limited = False
            try:
                self.honest(method, given)
            finally:
                state.limited = True
        raise refusal
