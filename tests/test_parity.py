"""Histories and parity: what parts is found, made short, written down and played again."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from random import Random
from threading import Event
from typing import Any

import pytest

from conformance.liars.kit.trial import chosen
from conformance.model.store import ModelStore
from conformance.running.session import World
from conformance.spec import BUILT
from conformance.stateful import parity
from conformance.stateful.blame import CORE_RULES, rule_of
from conformance.stateful.corpus import recorded
from conformance.stateful.counting import ENOUGH, PARITY_CODES, Counts
from conformance.stateful.faults import Used, spoiled
from conformance.stateful.history import CLOSE, OPEN, SWITCH, History, Step, expanded, long_text
from conformance.stateful.inputs import BUILDERS, Draw
from conformance.stateful.machine import STARTS, Recipe, histories, methods_of
from conformance.stateful.outcomes import Outcome, differing, returned
from conformance.stateful.parity import compare
from conformance.stateful.playing import NoAnswer, Player, Side
from conformance.stateful.prepared import BEGINNING, MAIN, PREPARED, steps_of
from conformance.stateful.record import BadRecord, read_record, write_record
from conformance.stateful.shrinking import shrunk
from conformance.targets.base import Backend, Engine, Target
from conformance.targets.guard import Undecided
from conformance.targets.load import TargetOptions, adapt, open_target
from reference_impl.contract.errors import CODES
from reference_impl.contract.tables import METHODS
from reference_impl.testing import ManualClock

pytestmark = pytest.mark.property

ALL = ("core", "batch", "idempotency", "encrypted", "keys", "audit")
FULL = {
    "full round": {"claims", "evidence"},
    "full of tensions": {"perspectives", "tensions"},
    "full of moves": {"recommendations", "moves"},
}
FEW = 10


def liar_target(name: str) -> Target:
    (liar,) = chosen([name])
    return Target(
        f"liar:{name}", adapt(liar.factory), Engine("in-process"), name, discard=liar.discard
    )


def player_of(target: Target, folder: Path, *, at_once: bool = False) -> Player:
    """Plays on the target alone, beside the model."""
    number = count()
    side = Side(target.name, lambda: World(target, folder / f"{next(number)}"))
    return Player([side], at_once=at_once)


CLAIM: dict[str, Any] = {"label": "a", "content": "b", "contributors": []}


def a_step(method: str, **params: Any) -> Step:
    return Step(BEGINNING, method, {"dialogue_id": MAIN, **params})


# -- the machine -------------------------------------------------------------------------------------


def test_a_seed_gives_the_same_histories_and_another_seed_others() -> None:
    first = histories(FEW, 5, Recipe(ALL))
    histories.cache_clear()
    assert histories(FEW, 5, Recipe(ALL)) == first
    assert histories(FEW, 6, Recipe(ALL)) != first


def test_what_else_is_loaded_does_not_change_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hypothesis draws some numbers from the constants of local modules."""
    first = histories(FEW, 5, Recipe(ALL))
    module = tmp_path / "some_of_the_users_own.py"
    module.write_text(f"NUMBERS = {[*range(100_000, 101_000)]}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module(module.stem)
    try:
        histories.cache_clear()
        assert histories(FEW, 5, Recipe(ALL)) == first
    finally:
        del sys.modules[module.stem]


def test_histories_start_from_every_prepared_partition_and_are_no_longer_than_fifty_steps() -> None:
    made = histories(len(STARTS), 5, Recipe(ALL))
    assert {history.prepared for history in made} == set(PREPARED) == set(STARTS)
    assert all(15 <= len(history.steps) <= 50 for history in made)
    assert {CLOSE, OPEN, SWITCH} < {step.method for history in made for step in history.steps}


def test_histories_are_plain_json() -> None:
    steps = [step for history in histories(FEW, 5, Recipe(ALL)) for step in history.steps]
    again = json.loads(json.dumps([step.as_json() for step in steps]))
    assert [Step.from_json(step) for step in again] == steps


def test_every_method_of_the_built_profiles_has_inputs() -> None:
    wanted = {name for name, method in METHODS.items() if method.profile in BUILT}
    assert wanted == set(BUILDERS) == set(methods_of(BUILT))


def test_a_core_history_names_nothing_of_other_profiles() -> None:
    for history in histories(FEW, 5, Recipe(("core",))):
        assert all("request_id" not in step.params for step in history.steps)
        assert "register_round" not in {step.method for step in history.steps}


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("prepared", [name for name in PREPARED if name != "empty"])
def test_prepared_partitions_are_what_they_are_called(
    prepared: str, at_once: bool, memory_target: Target, tmp_path: Path
) -> None:
    side = Side("memory", lambda: World(memory_target, tmp_path / "w"))
    side.wait(side.begin())
    for step in steps_of(prepared, at_once=at_once):
        ended, _ = side.wait(side.play(step, None))
        assert ended.code == ""
    whole = side.wait(side.look(MAIN)).value()
    side.wait(side.end())
    lists = ("claims", "evidence", "perspectives", "tensions", "recommendations", "moves")
    full = {kind for kind in lists if len([one for one in whole[kind] if one["round"] == 7]) == 99}
    size = sum(len(one["content"]) for one in whole["claims"])
    assert full == FULL.get(prepared, set())
    assert (900_000 < size < 2**20) == (prepared == "near 1 MB")
    assert (whole["dialogue"]["status"] == "converged") == (prepared == "converged")


@pytest.mark.full
def test_an_ordinary_run_reaches_every_method_and_every_code() -> None:
    counts = Counts()
    player = Player([], at_once=True, watch=counts)
    for history in histories(300, 0, Recipe(ALL)):
        player.play(history, look_every=100)
    assert counts.shortfalls(methods_of(ALL), ALL) == []
    assert counts.succeeded * 2 > counts.steps > 6000


def test_what_was_wrong_least_often_is_wrong_next() -> None:
    """By chance alone some faults of a call would be met often and others never."""
    storage: dict[str, Any] = {}
    model = ModelStore(ManualClock(BEGINNING), storage=storage)
    for step in steps_of("begun", at_once=True):
        getattr(model, step.method)(**step.params)
    used = Used()
    draw = Draw(Random(7), MAIN, storage[MAIN], 1)
    given = {"dialogue_id": MAIN, "round": 1, "expert_slug": "muffin", "score": 3}
    for _ in range(60):
        spoiled("update_expert_score", given, draw, used, most=1)
    kinds = {code: times for (_, code, *_), times in used.items()}
    assert {"missing_field", "invalid_field", "invalid_round", "round_not_found"} < kinds.keys()
    assert {"expert_not_found", "dialogue_not_found", "invalid_identifier"} < kinds.keys()
    alike = {
        tuple(names): times
        for (_, code, *names), times in used.items()
        if code == "invalid_field" and "" not in names
    }
    assert alike.keys() == {("dialogue_id",), ("expert_slug",), ("round",), ("score",)}
    assert max(alike.values()) - min(alike.values()) <= 1
    variants = {name: used[key] for key in used if (name := key[-1]) and key[2:4] == ("score", "")}
    assert max(variants.values()) - min(variants.values()) <= 1


def test_every_kind_can_be_one_too_many() -> None:
    met: set[str] = set()

    def watch(step: Step, expected: Outcome) -> None:
        if expected.code == "limit_exceeded":
            met.add(step.method)

    player = Player([], at_once=True, watch=watch)
    recipe = Recipe(ALL, starts=tuple(FULL))
    for history in histories(60, 0, recipe):
        player.play(history, look_every=100)
    kinds = ("perspective", "tension", "recommendation", "evidence", "claim", "move")
    assert met == {f"register_{kind}" for kind in kinds}


def test_the_codes_of_the_one_list_are_codes_of_the_contract() -> None:
    assert set(PARITY_CODES) <= set(CODES)
    assert len(set(PARITY_CODES)) == len(PARITY_CODES)


def test_a_shortfall_is_named() -> None:
    counts = Counts()
    for _ in range(ENOUGH):
        counts(a_step("get_rounds"), returned([]))
    counts(a_step("get_claims"), Outcome(b"{}", "dialogue_not_found"))
    short = counts.shortfalls(["get_rounds", "get_claims"], ["core"])
    assert short[0] == "get_claims 1"
    assert "dialogue_not_found 1" in short
    assert not any(line.startswith(("get_rounds", "validation_failed")) for line in short)


# -- playing -----------------------------------------------------------------------------------------


def test_the_reference_and_the_model_agree(memory_target: Target, tmp_path: Path) -> None:
    with open_target("model", TargetOptions()) as model:
        result = compare([memory_target, model], wanted=FEW, seed=3, folder=tmp_path / "out")
    assert (result.verdict, result.played, result.found) == ("equal", FEW, [])
    assert result.as_json()["sides"][1] == {"name": "model", "engine": result.engines[1]}
    assert not (tmp_path / "out").exists()


LIES = (
    *("verdicts_as_inserted", "counts_across_rounds", "renews_a_ref", "updates_without_event"),
    *("event_one_microsecond_late", "final_verdict_in_two_writes", "leaks_by_prefix"),
    *("sorts_references", "counts_attempts", "answers_after_close", "forgets_on_reopen"),
    *("one_code_for_all_that_is_missing", "always_retryable", "signals_in_local_form"),
)


@pytest.mark.parametrize("name", LIES)
def test_a_liar_is_found_made_short_and_told_under_a_rule_of_its_own(
    name: str, tmp_path: Path
) -> None:
    (liar,) = chosen([name])
    player = player_of(liar_target(name), tmp_path)
    made = histories(300, 0, Recipe(("core",), most_steps=30))
    found = next(one for history in made if (one := player.play(history)) is not None)
    short = shrunk(found, player)
    assert len(short.history.steps) <= 6
    assert short.guilty == (f"liar:{name}",)
    assert rule_of(short) in {*liar.must_fail, *liar.also}


def test_several_divergences_each_have_a_file(memory_target: Target, tmp_path: Path) -> None:
    liar = liar_target("answers_after_close")
    result = compare([memory_target, liar], wanted=30, seed=0, folder=tmp_path)
    assert result.verdict == "diverging"
    assert 2 <= len(result.found) <= parity.MOST_FOUND
    assert {found.path for found in result.found} == set(tmp_path.glob("divergence-*.json"))
    for found in result.found:
        assert len(found.divergence.history.steps) <= 6
        assert read_record(found.path).history == found.divergence.history


def test_the_same_run_writes_the_same_files(memory_target: Target, tmp_path: Path) -> None:
    written = []
    for folder in (tmp_path / "one", tmp_path / "two"):
        histories.cache_clear()
        compare(
            [memory_target, liar_target("counts_rounds_instead")], wanted=5, seed=1, folder=folder
        )
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    assert written[0].keys() == {"divergence-memory-liar_counts_rounds_instead-1-1.json"}


def test_a_divergence_of_an_earlier_run_of_the_seed_does_not_stay(
    memory_target: Target, tmp_path: Path
) -> None:
    old = tmp_path / "divergence-memory-memory_again-0-7.json"
    other = tmp_path / "divergence-memory-sqlite-0-7.json"
    for path in (old, other):
        path.write_text("{}")
    compare([memory_target, memory_target], wanted=1, seed=0, folder=tmp_path)
    assert not old.exists()
    assert other.exists()


def _adapted(change: Callable[[Backend], None]) -> Target:
    """The reference in memory with something done to each opened backend."""
    with open_target("memory", TargetOptions()) as memory:
        inner = memory.factory

    def factory(folder: Path, **more: Any) -> Backend:
        backend = inner(folder, **more)
        change(backend)
        return backend

    return Target("changed", factory, Engine("memory"), "changed", discard=memory.discard)


def test_stored_items_that_differ_are_found_at_their_step(
    memory_target: Target, tmp_path: Path
) -> None:
    def change(backend: Backend) -> None:
        assert backend.raw is not None
        scan = backend.raw.scan

        def without_signals(dialogue_id: str) -> list[Any]:
            return [one for one in scan(dialogue_id) if not str(one["sk"]).startswith("signal#")]

        backend.raw = type("Raw", (), {"scan": staticmethod(without_signals)})()

    result = compare([memory_target, _adapted(change)], wanted=FEW, seed=0, folder=tmp_path)
    found = result.found[0]
    assert (found.divergence.where, found.rule) == ("items", "ADDR-05")
    assert found.divergence.guilty == ("memory", "changed")
    assert found.divergence.step.method in ("record_convergence_signal", "register_round")
    assert len(found.divergence.history.steps) <= 6


def test_without_a_clock_times_are_left_out_and_the_result_says_so(
    memory_target: Target, tmp_path: Path
) -> None:
    def change(backend: Backend) -> None:
        backend.set_clock = None

    result = compare([memory_target, _adapted(change)], wanted=8, seed=0, folder=tmp_path)
    assert (result.verdict, result.with_times) == ("equal", False)


def test_a_lie_in_the_preparation_is_a_history_from_nothing(
    memory_target: Target, tmp_path: Path
) -> None:
    player = player_of(liar_target("touches_the_dialogue"), tmp_path)
    start = History("mine", "begun", (a_step("get_rounds"),))
    found = player.play(start)
    assert found is not None
    assert (found.history.prepared, found.step.method) == ("empty", "register_tension")


def test_a_side_that_does_not_answer_ends_the_run() -> None:
    released = Event()

    class Stuck:
        def open(self) -> Backend:
            released.wait(60)
            raise TimeoutError("its own, not the player's")

        def close_all(self) -> None:
            pass

    side = Side("stuck", Stuck, threaded=True, patience_s=0.05)
    begun = side.begin()
    with pytest.raises(NoAnswer, match=r"stuck did not answer in 0\.05 s"):
        side.wait(begun)
    released.set()
    patient = Side("stuck", Stuck, threaded=True)
    with pytest.raises(Undecided, match="TimeoutError: its own"):
        patient.wait(patient.begin())


# -- two clients ---------------------------------------------------------------------------------------


def test_a_client_that_trusts_what_it_remembers_is_found_by_the_other_one(tmp_path: Path) -> None:
    player = player_of(liar_target("remembers_dialogues"), tmp_path)
    change = a_step("create_round", round=3, score=7)
    read = a_step("get_dialogue")
    alone = (a_step("create_dialogue", title="t"), read, change, read)
    assert player.play(History("mine", "empty", alone)) is None
    turn = Step(BEGINNING, SWITCH, {})
    found = player.play(History("mine", "empty", (*alone[:2], turn, change, turn, read)))
    assert found is not None
    assert (found.where, found.step.method, rule_of(found)) == (
        "outcome",
        "get_dialogue",
        "STORE-18",
    )


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("numbers_from_memory", a_step("next_seq", round=1, entity="claim")),
        ("refuses_from_memory", a_step("register_claim", round=3, **CLAIM)),
    ],
)
def test_a_client_is_not_told_before_its_turn(name: str, call: Step, tmp_path: Path) -> None:
    player = player_of(liar_target(name), tmp_path)
    turn = Step(BEGINNING, SWITCH, {})
    steps = (
        *(a_step("get_dialogue"), turn, a_step("create_round", round=3)),
        *(a_step("register_claim", round=1, **CLAIM), turn, call),
    )
    found = player.play(History("mine", "begun", steps))
    assert found is not None
    assert found.step == call


def test_a_closed_client_leaves_the_other_one_open(memory_target: Target, tmp_path: Path) -> None:
    turn, close = Step(BEGINNING, SWITCH, {}), Step(BEGINNING, CLOSE, {})
    read = a_step("get_dialogue")
    steps = (a_step("create_dialogue", title="t"), turn, read, close, read, turn, read)
    seen: list[str] = []
    player = Player(
        player_of(memory_target, tmp_path).sides,
        at_once=True,
        watch=lambda step, expected: seen.append(expected.code),
    )
    assert player.play(History("mine", "empty", steps)) is None
    assert seen == ["", "", "", "", "store_closed", "", ""]


def test_a_partition_is_compared_though_another_client_is_closed(tmp_path: Path) -> None:
    """And not while the one whose turn it is is closed, be the other one opened again."""
    turn, close, reopen = (Step(BEGINNING, method, {}) for method in (SWITCH, CLOSE, OPEN))
    change = a_step("create_round", round=3)
    begun = a_step("create_dialogue", title="t")
    player = player_of(liar_target("counts_rounds_instead"), tmp_path)
    found = player.play(History("mine", "empty", (begun, close, turn, change)))
    assert found is not None
    assert (found.where, found.step) == ("partition", change)
    shut = (begun, close, turn, close, turn, reopen, turn, change)
    assert player.play(History("mine", "empty", shut)) is None


# -- what is told --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rule"), [("says_nothing", "ERR-01"), ("findings_without_advice", "STORE-14")]
)
def test_words_are_free_but_must_be_there(name: str, rule: str, tmp_path: Path) -> None:
    player = player_of(liar_target(name), tmp_path)
    found = player.play(History("mine", "begun", (a_step("create_round", round=100),)))
    assert found is not None
    assert rule_of(found) == rule


def test_what_only_a_large_partition_shows_is_told_after_one(
    memory_target: Target, tmp_path: Path
) -> None:
    result = compare(
        [memory_target, liar_target("stops_at_fifty")], wanted=5, seed=0, folder=tmp_path
    )
    found = result.found[0]
    history = found.divergence.history
    assert (history.prepared, len(history.steps), found.rule) == ("full round", 1, "STORE-23")
    again = parity.play_again(read_record(found.path), [liar_target("stops_at_fifty")])
    (shown,) = again.values()
    assert shown is not None
    assert (shown.step, shown.guilty) == (found.divergence.step, ("liar:stops_at_fifty",))
    healed = parity.play_again(read_record(found.path), [memory_target])
    assert list(healed.values()) == [None]


def test_a_stray_exception_is_told_as_such(memory_target: Target, tmp_path: Path) -> None:
    def change(backend: Backend) -> None:
        def get_claims(dialogue_id: str) -> None:
            raise KeyError(dialogue_id)

        backend.store.get_claims = get_claims  # type: ignore[method-assign, assignment]

    result = compare([memory_target, _adapted(change)], wanted=FEW, seed=0, folder=tmp_path)
    assert {found.rule for found in result.found} == {"ERR-01"}
    seen = result.found[0].divergence.seen
    assert seen["changed"] == {"no error of the contract": "KeyError"}


# -- values ------------------------------------------------------------------------------------------


def test_numbers_and_truths_that_python_takes_for_equal_differ() -> None:
    one, other = returned({"n": 1, "b": True}), returned({"n": 1.0, "b": 1})
    assert not one.same(other)
    found = {path for path, _, _ in differing(one.value(), other.value())}
    assert found == {"n", "b"}
    assert returned({"a": 1, "b": 2}).same(returned({"b": 2, "a": 1}))


def test_a_long_text_is_written_out_and_bounded() -> None:
    assert expanded({"a": [long_text("ab", 3)]}) == {"a": ["ababab"]}
    for part, times in (("x", 5_000_000), ("x", -1), (7, 2), ("x", True)):
        with pytest.raises(ValueError, match="long text"):
            expanded({"$text": part, "times": times})


def test_every_rule_that_a_divergence_is_told_under_is_of_profile_core() -> None:
    from conformance.spec import PROFILES

    assert set(CORE_RULES) <= set(PROFILES["core"].rules)


# -- making it short ---------------------------------------------------------------------------------


def test_what_does_not_diverge_again_is_left_as_it_is(
    memory_target: Target, tmp_path: Path
) -> None:
    result = compare(
        [memory_target, liar_target("updates_without_event")], wanted=20, seed=0, folder=tmp_path
    )
    found = result.found[0].divergence
    healed = Player([], at_once=True)
    assert shrunk(found, healed) is found


def test_ids_that_a_left_out_step_made_are_counted_down(tmp_path: Path) -> None:
    player = player_of(liar_target("updates_without_event"), tmp_path)
    tension = {"round": 3, "label": "a", "description": "b", "contributors": []}
    change = {"entity_id": "T0303", "status": "resolved", "actors": [], "event_round": 3}
    steps = (
        a_step("create_dialogue", title="t"),
        a_step("create_round", round=3),
        *(a_step("register_tension", **tension) for _ in range(3)),
        a_step("update_tension_status", **change),
    )
    found = player.play(History("mine", "empty", steps))
    assert found is not None
    short = shrunk(found, player)
    assert [step.method for step in short.history.steps] == [
        *("create_dialogue", "create_round", "register_tension", "update_tension_status")
    ]
    assert short.step.params["entity_id"] == "T0301"


# -- the file ----------------------------------------------------------------------------------------


@pytest.fixture
def divergence(memory_target: Target, tmp_path: Path) -> Path:
    result = compare(
        [memory_target, liar_target("counts_rounds_instead")], wanted=2, seed=0, folder=tmp_path
    )
    return result.found[0].path


def test_a_file_has_all_that_is_needed(divergence: Path) -> None:
    value = json.loads(divergence.read_text())
    assert value["format_version"] == 2
    assert (value["seed"], value["where"], value["rule"]) == (0, "partition", "STORE-09")
    assert value["guilty"] == ["liar:counts_rounds_instead"]
    assert set(value["outcomes"]) == {"model", "memory", "liar:counts_rounds_instead"}
    assert value["steps"][-1]["method"] == "create_round"


HOSTILE: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no object": lambda value: [value],
    "an earlier version": lambda value: {**value, "format_version": 1},
    "another version": lambda value: {**value, "format_version": 3},
    "an unknown member": lambda value: {**value, "command": "rm"},
    "no steps": lambda value: {**value, "steps": []},
    "an unknown partition": lambda value: {**value, "prepared": "../secret"},
    "a method of Python": lambda value: _first_step(value, method="__class__"),
    "a method of the store's own": lambda value: _first_step(value, method="_commit"),
    "a method in no history": lambda value: _first_step(value, method="restore", params={}),
    "an unknown parameter": lambda value: _first_step(value, params={"self": 1}),
    "a time that is none": lambda value: _first_step(value, at="yesterday"),
    "a text without end": lambda value: _first_step(
        value, params={"title": {"$text": "x", "times": 10**12}}
    ),
    "too many long texts": lambda value: {
        **value,
        "steps": [_long_step(value) for _ in range(40)],
    },
    "parameters that are no object": lambda value: _first_step(value, params=["a"]),
}


def _first_step(value: dict[str, Any], **changed: Any) -> dict[str, Any]:
    first, *rest = value["steps"]
    return {**value, "steps": [{**first, **changed}, *rest]}


def _long_step(value: dict[str, Any]) -> Any:
    first = value["steps"][0]
    return {**first, "params": {"title": {"$text": "x", "times": 3_000_000}}}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused(name: str, divergence: Path) -> None:
    value = json.loads(divergence.read_text())
    divergence.write_text(json.dumps(HOSTILE[name](value)))
    with pytest.raises(BadRecord, match="is no divergence"):
        read_record(divergence)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b"7"])
def test_a_file_that_is_no_json_object_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "divergence-x.json"
    path.write_bytes(content)
    with pytest.raises(BadRecord, match="is no divergence"):
        read_record(path)
    with pytest.raises(BadRecord, match="there is no file"):
        read_record(tmp_path / "none.json")


def test_a_lone_surrogate_survives_the_file(divergence: Path) -> None:
    record = read_record(divergence)
    step = a_step("create_dialogue", title="half \ud800")
    value = json.loads(divergence.read_text())
    write_record({**value, "steps": [step.as_json()]}, divergence)
    assert read_record(divergence).history.steps == (step,)
    assert record.history.name.endswith("of seed 0")


# -- recorded dialogues ------------------------------------------------------------------------------


def test_recorded_dialogues_become_histories(shared: Path) -> None:
    made = list(recorded(shared / "corpus"))
    assert len(made) == 15
    assert all(history.steps[0].method == "create_dialogue" for history in made)
    assert sum(len(history.steps) for history in made) > 1000


def test_recorded_dialogues_are_replayed(
    memory_target: Target, shared: Path, tmp_path: Path
) -> None:
    with open_target("model", TargetOptions()) as model:
        result = compare(
            [memory_target, model], wanted=1, seed=0, folder=tmp_path, corpus=shared / "corpus"
        )
    assert (result.corpus_played, result.corpus_missing, result.verdict) == (5, "", "equal")


def test_a_corpus_that_is_not_there_is_named(memory_target: Target, tmp_path: Path) -> None:
    with open_target("model", TargetOptions()) as model:
        result = compare(
            [memory_target, model], wanted=1, seed=0, folder=tmp_path, corpus=tmp_path / "none"
        )
    assert result.corpus_played == 0
    assert str(tmp_path / "none") in result.corpus_missing
