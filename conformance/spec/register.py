"""The register of rules and profiles, loaded once and checked while it is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files

from reference_impl.contract import tables

__all__ = [
    "PROFILES",
    "RULES",
    "SPEC_REVISION",
    "Profile",
    "Rule",
    "SpecError",
    "expand",
    "home_of",
    "with_needs",
]

SPEC_REVISION: int = tables.SPEC_REVISION

_RANGE = re.compile(r"(?P<family>[A-Z]+)-(?P<first>\d+)\.\.(?P<last>\d+)")
_FAMILY = re.compile(r"(?P<family>[A-Z]+)-\*")


class SpecError(ValueError):
    """The register and the contract's tables do not agree; nothing can be proved then."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its id, how binding it is, and what it says in one sentence."""

    id: str
    level: str
    text: str


@dataclass(frozen=True, slots=True)
class Profile:
    """A set of rules that a backend may claim; claiming it claims what it needs as well."""

    name: str
    needs: tuple[str, ...]
    rules: tuple[str, ...]


def with_needs(names: Iterable[str]) -> tuple[str, ...]:
    """The named profiles and, transitively, those that they need, in the order of the contract.

    ``KeyError`` for a name that the contract does not know.
    """
    wanted: set[str] = set()
    todo = list(names)
    while todo:
        profile = PROFILES[todo.pop()]
        if profile.name not in wanted:
            wanted.add(profile.name)
            todo.extend(profile.needs)
    return tuple(name for name in PROFILES if name in wanted)


def home_of(rule: str, profile: str) -> str | None:
    """The profile for which a case counts that cites ``rule`` in a module of ``profile``.

    The module's own profile if that holds the rule, else the one among its needs that does (the
    exact byte of STORE-15 is shown with ``encrypted``, but the rule is one of ``core``). None: no
    such profile.
    """
    if rule in PROFILES[profile].rules:
        return profile
    for name in with_needs([profile]):
        if rule in PROFILES[name].rules:
            return name
    return None


def expand(written: Iterable[str], rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """Rule ids from what a profile lists: ids, ranges (``ADDR-01..04``), families (``ENV-*``)."""
    ids: list[str] = []
    for entry in written:
        if span := _RANGE.fullmatch(entry):
            first, last = int(span["first"]), int(span["last"])
            found = [f"{span['family']}-{number:02d}" for number in range(first, last + 1)]
        elif family := _FAMILY.fullmatch(entry):
            found = sorted(id_ for id_ in rules if id_.startswith(f"{family['family']}-"))
        else:
            found = [entry]
        if not found:
            raise SpecError(f"{entry} stands for no rule of the register")
        ids.extend(found)
    if unknown := [id_ for id_ in ids if id_ not in rules]:
        raise SpecError(f"rules of a profile that the register lacks: {', '.join(unknown)}")
    if len(set(ids)) != len(ids):
        raise SpecError(f"a rule stands twice in one profile: {', '.join(sorted(ids))}")
    return tuple(ids)


def _load_rules() -> dict[str, Rule]:
    entries = json.loads(files(__package__).joinpath("rules.json").read_text(encoding="utf-8"))
    rules = {entry["id"]: Rule(**entry) for entry in entries}
    if len(rules) != len(entries):
        raise SpecError("a rule id stands twice in rules.json")
    return rules


#: Every rule of the contract by id, in the order of the contract.
RULES: Mapping[str, Rule] = _load_rules()
#: Every profile by name, in the order of the contract.
PROFILES: Mapping[str, Profile] = {
    profile.name: Profile(profile.name, profile.needs, expand(profile.rules, RULES))
    for profile in tables.PROFILES.values()
}
