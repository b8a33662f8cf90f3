"""The register of rules and profiles, loaded once and checked while it is loaded."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, Final

from reference_impl.contract import tables

__all__ = [
    "BUILT",
    "EMULATED",
    "EXCLUDED",
    "OWN_PROFILE",
    "OWN_TESTS",
    "PLANNED",
    "PROFILES",
    "RULES",
    "SPEC_REVISION",
    "Excluded",
    "Planned",
    "Profile",
    "Rule",
    "SpecError",
    "expand",
    "home_of",
    "profiles_of",
    "states",
    "with_needs",
]

SPEC_REVISION: int = tables.SPEC_REVISION

#: The profile about the project itself: shown by its own tests, claimed by no backend.
OWN_PROFILE: Final = "project"

#: Profiles that the suite has tests for. A target may claim others; they cannot be proved yet.
BUILT: Final = ("core", "batch", "idempotency", "encrypted", "keys", "audit", "crypto")
#: Those that run on an emulated engine, with one client: transactions of one only copy the tables.
EMULATED: Final = ("core", "encrypted", "keys", "crypto")

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


@dataclass(frozen=True, slots=True)
class Planned:
    """A rule that a later milestone will prove in this profile, and what is missing until then."""

    rule: str
    profile: str
    milestone: str
    reason: str


@dataclass(frozen=True, slots=True)
class Excluded:
    """A rule that this suite does not prove in this profile; ``adr`` numbers the decision."""

    rule: str
    profile: str
    reason: str
    adr: int


def profiles_of(rule: str) -> tuple[str, ...]:
    """The profiles that hold a rule, in the order of the contract."""
    return tuple(profile.name for profile in PROFILES.values() if rule in profile.rules)


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


def states(
    written: Mapping[str, Any], rules: Mapping[str, Rule], profiles: Mapping[str, Profile]
) -> tuple[dict[tuple[str, str], Planned], dict[tuple[str, str], Excluded]]:
    """What the register says is not proved, by rule and profile.

    An entry speaks of a whole profile or of the ``rules`` it lists. ``SpecError`` for a rule outside
    of its profile, one that is spoken of twice, a milestone or a decision without a number.
    """
    planned: dict[tuple[str, str], Planned] = {}
    excluded: dict[tuple[str, str], Excluded] = {}
    for kind in ("planned", "excluded"):
        for entry in written[kind]:
            profile, reason = profiles.get(entry["profile"]), entry["reason"]
            if profile is None or not reason.strip():
                raise SpecError(f"{kind}: no such profile, or no reason: {entry}")
            for rule in expand(entry.get("rules", profile.rules), rules):
                place = (rule, profile.name)
                if rule not in profile.rules or place in planned or place in excluded:
                    raise SpecError(f"{rule} is not in {profile.name}, or spoken of twice")
                if kind == "excluded":
                    excluded[place] = Excluded(*place, reason, _adr(entry))
                else:
                    planned[place] = Planned(*place, _milestone(entry), reason)
    return planned, excluded


def _adr(entry: Mapping[str, Any]) -> int:
    adr = entry.get("adr")
    if not isinstance(adr, int) or adr < 1:
        raise SpecError(f"excluded without the number of a decision: {entry}")
    return adr


def _milestone(entry: Mapping[str, Any]) -> str:
    milestone = str(entry.get("milestone"))
    if not re.fullmatch(r"M\d+", milestone):
        raise SpecError(f"planned without a milestone: {entry}")
    return milestone


def _load() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(
        files(__package__).joinpath("rules.json").read_text(encoding="utf-8")
    )
    if loaded["spec_revision"] != SPEC_REVISION:
        raise SpecError(
            f"the register is of revision {loaded['spec_revision']} of the contract, "
            f"the tables of {SPEC_REVISION}"
        )
    return loaded


def _load_rules(entries: list[dict[str, str]]) -> dict[str, Rule]:
    rules = {entry["id"]: Rule(**entry) for entry in entries}
    if len(rules) != len(entries):
        raise SpecError("a rule id stands twice in rules.json")
    return rules


_WRITTEN: Final = _load()

#: Every rule of the contract by id, in the order of the contract.
RULES: Mapping[str, Rule] = _load_rules(_WRITTEN["rules"])
#: Every profile by name, in the order of the contract.
PROFILES: Mapping[str, Profile] = {
    profile.name: Profile(profile.name, profile.needs, expand(profile.rules, RULES))
    for profile in tables.PROFILES.values()
}
if _homeless := [rule for rule in RULES if not profiles_of(rule)]:
    raise SpecError(f"rules that no profile holds: {', '.join(_homeless)}")
#: What is not proved yet and what never will be, by rule and profile; all the rest needs a test.
PLANNED: Mapping[tuple[str, str], Planned]
EXCLUDED: Mapping[tuple[str, str], Excluded]
PLANNED, EXCLUDED = states(_WRITTEN, RULES, PROFILES)
#: The project's own test modules that prove rules of its own profile, from the project's folder.
OWN_TESTS: tuple[str, ...] = tuple(_WRITTEN["own_tests"])
