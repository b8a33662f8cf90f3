"""STORE-23: a write changes what is its own, and no field besides; each by each."""

from __future__ import annotations

from conformance.suite.kit.builders import CORE_METHODS, call, changes, partition
from conformance.suite.kit.full import STEPS, UNSET, fill, unset
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.tables import METHODS

pytestmark = profile("core")

_WRITES = {name for name in CORE_METHODS if METHODS[name].kind == "write"} - {"create_dialogue"}
if {method for _, method, _, _ in STEPS} != _WRITES:
    raise NotImplementedError("a step is wanted for every write: add it to kit/full.py")


@rules("STORE-23")
def test_a_write_forgets_no_field_that_it_does_not_own(store: DialogueStore) -> None:
    """Every write in a dialogue in which no field is empty."""
    fill(store)
    before = partition(store, "tides")
    assert unset(before) == UNSET
    found: dict[str, set[str]] = {}
    for what, method, args, _ in STEPS:
        call(store, method, {"dialogue_id": "tides", **args})
        after = partition(store, "tides")
        found[what] = changes(before, after)
        before = after
    expected = {what: owned for what, _, _, owned in STEPS}
    assert {what: sorted(found[what] ^ owned) for what, owned in expected.items()} == {
        what: [] for what in expected
    }
