"""What liars over the model are made with: one wrong part, in force where its own would be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from conformance.liars.kit.meddling import Hand
from conformance.liars.kit.over_model import model_with
from conformance.model.findings import Findings
from conformance.model.partition import Partition
from conformance.model.state import State
from conformance.model.store import ModelStore
from reference_impl.contract.entities import Claim, Evidence
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.testing import ManualClock

NOW = "2026-01-05T10:00:00.000000Z"


class InTheYear2000(State):
    def time_of_write(self, partition: Partition) -> str:
        del partition
        return "2000-01-01T00:00:00.000000Z"


class NoIdentifiers(Findings):
    def is_identifier(self, text: str) -> bool:
        return False


class CountsFromSeven(Partition):
    def next_number(self, kind: str, round: int) -> int:
        return 6 + super().next_number(kind, round)


class Fingers(Hand):
    """Changes labels on the way in, answers on the way out, refusals, and what every read shows."""

    def asked(self, method: str, given: dict[str, Any]) -> dict[str, Any]:
        return given | {"label": "asked"} if "label" in given else given

    def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
        return "answered" if method == "get_dialogue" else made

    def refused(self, method: str, given: Mapping[str, Any], refusal: DialogueStoreError) -> Any:
        return f"{method}: {refusal.code}"

    def shown(self, name: str, found: list[Any]) -> list[Any]:
        return [*found, name]


def opened(wrong: type) -> Any:
    storage: dict[str, Partition] = {}
    if wrong is not CountsFromSeven:  # what is there is of the class that made it
        with ModelStore(ManualClock(NOW), storage=storage) as honest:
            honest.create_dialogue("tides", "Tides")
            honest.create_round("tides", 0)
    store = model_with(wrong)(ManualClock(NOW), storage=storage)
    if wrong is CountsFromSeven:
        store.create_dialogue("tides", "Tides")
        store.create_round("tides", 0)
    return store


def claimed(store: Any) -> Claim:
    made: Claim = store.register_claim("tides", 0, "Label", "Content", [])
    return made


def test_a_wrong_state() -> None:
    assert claimed(opened(InTheYear2000)).created_at == "2000-01-01T00:00:00.000000Z"


def test_wrong_findings() -> None:
    with pytest.raises(DialogueStoreError) as caught:
        opened(NoIdentifiers).get_dialogue("tides")
    assert caught.value.code == "invalid_identifier"


def test_a_wrong_partition() -> None:
    assert claimed(opened(CountsFromSeven)).display_id == "C0007"


def test_a_hand_sees_what_is_asked_and_what_is_answered() -> None:
    store = opened(Fingers)
    assert claimed(store).label == "asked"
    assert store.get_dialogue("tides") == "answered"
    assert store.get_claims("nowhere") == "get_claims: dialogue_not_found"
    assert store.get_evidence("tides") == ["evidence"]


def test_a_hand_shows_lists_in_whole_partitions_too_and_once() -> None:
    whole = opened(Fingers).load_partition("tides")
    assert whole.claims == ["claims"]
    assert whole.signals == ["signals"]
    # load_partition asks get_dialogue itself, which is no call from outside
    assert whole.dialogue is not None
    assert whole.dialogue.title == "Tides"


def test_what_a_hand_calls_passes_unseen() -> None:
    class Again(Hand):
        def answered(self, method: str, given: Mapping[str, Any], made: Any) -> Any:
            return self.honest(method, given) if method == "register_evidence" else made

    made: Evidence = opened(Again).register_evidence("tides", 0, "Label", "Content", [])
    assert made.display_id == "E0002"


def test_a_store_of_its_own_is_taken_as_it_is_and_nothing_else_is_a_part() -> None:
    class Own(ModelStore):
        pass

    assert model_with(Own) is Own
    with pytest.raises(TypeError, match="no part like int"):
        model_with(int)
