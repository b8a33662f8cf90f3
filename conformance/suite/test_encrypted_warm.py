"""ENV-06 and STORE-03 for a store that has read before: what is kept serves only what is the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore

from ..running.session import World
from ..targets.base import RawAccess
from .kit.builders import begin, code_of, listed, partition
from .kit.marks import profile, rules

pytestmark = profile("encrypted")

D = "d"


def _put(field: str, was: float, value: float) -> Callable[[RawAccess], None]:
    """Change one stored value into what some languages take for the same."""

    def change(raw: RawAccess) -> None:
        changed = [item for item in raw.scan(D) if field in item and item[field] == was]
        assert changed, f"no stored item has {field} = {was}"
        raw.put({**changed[0], field: value})

    return change


def _remove_the_data_key(raw: RawAccess) -> None:
    (item,) = [item for item in raw.scan(D) if str(item["sk"]).startswith("dek#")]
    raw.delete(str(item["pk"]), str(item["sk"]))


FAULTS: dict[str, Callable[[RawAccess], None]] = {
    "true for 1": _put("score", 1, True),
    "false for 0": _put("score", 0, False),
    "0 for false": _put("calibrated", False, 0),
    "the data key is gone": _remove_the_data_key,
}
ATTEMPTS: dict[str, Callable[[DialogueStore], Any]] = {
    "a read": lambda store: store.get_dialogue(D),
    "a load": lambda store: store.load_partition(D),
    # An error is never told from what is kept, so this one reads.
    "a write that is refused": lambda store: store.create_round(D, 1),
}


@rules("ENV-06", "STORE-03")
@pytest.mark.parametrize("fault", FAULTS)
def test_a_warm_store_refuses_what_a_cold_one_refuses(world: World, fault: str) -> None:
    backend = world.open()
    raw = backend.raw
    assert raw is not None, "the profile needs raw access, and the backend gives none"
    begin(backend.store, D, rounds=[])
    backend.store.create_round(D, 1, score=1)
    backend.store.create_round(D, 2, score=0)
    warm = world.open().store
    for store in (backend.store, warm):
        assert len(listed(store.get_rounds(D))) == 2
    whole = partition(warm, D)
    before = {str(item["sk"]): item for item in raw.scan(D)}
    FAULTS[fault](raw)
    for name, attempt in ATTEMPTS.items():
        said = {
            who: code_of(lambda s=store, a=attempt: a(s))  # type: ignore[misc]
            for who, store in (
                ("who opens it now", world.open().store),
                ("who wrote it", backend.store),
                ("who read it", warm),
            )
        }
        assert said == dict.fromkeys(said, "integrity_error"), name
    for item in before.values():
        raw.put(item)
    assert partition(warm, D) == whole
