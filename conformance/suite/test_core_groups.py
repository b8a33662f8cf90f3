"""STORE-14 over every write: each fault by itself, all of a group at once, each before all later groups."""

from __future__ import annotations

from collections.abc import Callable

from conformance.suite.kit.builders import call, partition
from conformance.suite.kit.marks import profile, rules
from conformance.suite.kit.wrong_calls import CALLS, FAULTS, at_once, ground, with_later
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

pytestmark = profile("core")

#: What is told: the error's code, and of each finding code and field, sorted.
Told = tuple[str, list[tuple[str, str]]]


def _told(attempt: Callable[[], object]) -> Told:
    try:
        attempt()
    except DialogueStoreError as refused:
        found = [(one["code"], one["field"]) for one in refused.data.get("findings", ())]
        return refused.code, sorted(found)
    except NotImplementedError:
        raise
    except Exception as stray:  # noqa: BLE001 - the table shows it
        return f"{type(stray).__name__} is no error of the contract", []
    return "was written", []


def _differing(found: dict[str, Told], expected: dict[str, Told]) -> dict[str, tuple[Told, Told]]:
    """What is told otherwise: (as it is, as it has to be)."""
    return {name: (told, expected[name]) for name, told in found.items() if told != expected[name]}


@rules("STORE-14")
def test_every_check_of_every_write_is_made(store: DialogueStore) -> None:
    """A call of each method for each fault that it can have; sister methods have the same ones."""
    ground(store)
    before = partition(store, "tides")
    found, expected = {}, {}
    for method, faults in FAULTS.items():
        for fault in faults:
            name = f"{method}: {fault} {dict(fault.given)!r}"
            given = {**CALLS[method], **fault.given}
            found[name] = _told(lambda method=method, given=given: call(store, method, given))  # type: ignore[misc]
            expected[name] = (fault.code, [fault.finding])
    assert _differing(found, expected) == {}
    assert partition(store, "tides") == before


@rules("STORE-14")
def test_all_findings_of_a_group_are_listed_whatever_meets(store: DialogueStore) -> None:
    """As many faults of one group as one call can have."""
    ground(store)
    found, expected = {}, {}
    for method in CALLS:
        for together, given in at_once(method):
            findings = sorted(fault.finding for fault in together)
            name = f"{method}: {findings}"
            code, told = _told(lambda method=method, given=given: call(store, method, given))  # type: ignore[misc]
            known = code if code in {fault.code for fault in together} else together[0].code
            found[name], expected[name] = (code, told), (known, findings)
    assert _differing(found, expected) == {}


@rules("STORE-14")
def test_a_group_is_told_before_all_later_ones(store: DialogueStore) -> None:
    """Each fault beside one of each later group: only the first is told."""
    ground(store)
    found, expected = {}, {}
    for method in CALLS:
        for first, given in with_later(method):
            name = f"{method}: {first} {dict(first.given)!r}"
            found[name] = _told(lambda method=method, given=given: call(store, method, given))  # type: ignore[misc]
            expected[name] = (first.code, [first.finding])
    assert _differing(found, expected) == {}
