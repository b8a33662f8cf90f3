"""STORE-14: how many findings an error lists, null inside a list, and what meets in the last group."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from conformance.suite.kit.builders import KINDS, begin, partition, register
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

pytestmark = profile("core")


@dataclass(frozen=True)
class Told:
    """How a call ended: the error's code, its findings, how many more there are; all empty without one."""

    code: str = ""
    findings: Sequence[tuple[str, str]] = ()
    more: int = 0


def _told(attempt: Callable[[], object]) -> Told:
    try:
        attempt()
    except DialogueStoreError as refused:
        found = [(one["code"], one["field"]) for one in refused.data.get("findings", ())]
        return Told(refused.code, found, refused.data.get("more", 0))
    return Told()


def _verdict(store: DialogueStore, **more: Any) -> object:
    return store.register_verdict("tides", "v", "interim", 0, "Wait", "For the tide.", **more)


@rules("STORE-14")
def test_a_thousand_findings_are_listed_and_the_rest_is_counted(store: DialogueStore) -> None:
    """Of 1,003 slugs that are none the first thousand are told, and of the round and the reference after
    them only that they are wrong too."""
    begin(store, "tides")
    slugs = ["muffin", *["no slug"] * 1003]
    reference = {"type": "support", "target": "nobody"}
    told = _told(lambda: store.register_claim("tides", 0, "l", "c", slugs, [reference]))
    assert told.code == "invalid_identifier"
    assert told.findings == [
        ("invalid_identifier", f"contributors[{number}]") for number in range(1, 1001)
    ]
    assert told.more == 4
    assert partition(store, "tides")["claims"] == []


@rules("STORE-14")
def test_a_thousand_findings_are_all_there_are(store: DialogueStore) -> None:
    begin(store, "tides")
    told = _told(lambda: store.register_claim("tides", 0, "l", "c", ["no slug"] * 1000))
    assert (len(told.findings), told.more) == (1000, 0)


@rules("STORE-14")
def test_null_inside_a_list_is_a_wrong_value(store: DialogueStore) -> None:
    begin(store, "tides", rounds=[0])
    register(store, KINDS["tension"], "tides", 0)
    before = partition(store, "tides")
    null: list[str] = [None]  # type: ignore[list-item]
    found = {
        "contributors": _told(lambda: store.register_claim("tides", 0, "l", "c", null)),
        "references": _told(
            lambda: store.register_claim("tides", 0, "l", "c", [], null)  # type: ignore[arg-type]
        ),
        "actors": _told(lambda: store.comment_tension("tides", "T0001", null, 0, "Later.")),
        "targets": _told(lambda: store.register_move("tides", 0, "muffin", "request", null)),
        "conditions": _told(lambda: _verdict(store, conditions=null)),
        "supporting_experts": _told(lambda: _verdict(store, supporting_experts=null)),
        "tensions_accepted": _told(lambda: _verdict(store, tensions_accepted=null)),
        "ethos_compliance.violations": _told(
            lambda: _verdict(
                store,
                ethos_compliance={"fully_compliant": True, "exceptions": [], "violations": null},
            )
        ),
    }
    assert {name: told.findings for name, told in found.items()} == {
        name: [("invalid_field", f"{name}[0]")] for name in found
    }
    assert partition(store, "tides") == before


@rules("STORE-14", "STORE-10")
def test_a_final_verdict_sent_twice_has_two_findings(store: DialogueStore) -> None:
    """Its id is known, and the dialogue is converged."""
    begin(store, "tides", rounds=[0])
    store.register_verdict("tides", "v", "final", 0, "Wait", "For the tide.")
    before = partition(store, "tides")
    told = _told(lambda: store.register_verdict("tides", "v", "final", 0, "Wait", "For the tide."))
    assert told.code == "duplicate_entity"
    assert told.findings == [
        ("duplicate_entity", "verdict_id"),
        ("invalid_status_transition", "verdict_type"),
    ]
    assert partition(store, "tides") == before
