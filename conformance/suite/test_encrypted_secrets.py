"""Nothing sealed and no key is to be seen: not in the storage, not in errors, tracebacks or
logs."""

from __future__ import annotations

import base64
import os
import pickle
import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.errors import DialogueStoreError

from ..running.session import Session, World
from ..targets.base import Backend, RawAccess
from ..targets.guard import NotApplicable, Undecided
from .kit.builders import begin, call, calls, populate
from .kit.faults import KEY, PAYLOAD, TAG
from .kit.forge import PUBLISHED_UMK, Forge, derive_kek
from .kit.leaks import SealedTexts, files_in
from .kit.marks import profile, rules
from .kit.sample import SAMPLE_ID, lasting_world, may_be_seen, texts_of, write_sample
from .kit.watching import watching

pytestmark = profile("encrypted")


def words(seed: int) -> Callable[[], str]:
    """Texts of three words that nobody else uses, another one with each call."""
    source = random.Random(seed)
    letters = "bdfgjklmnpqrstvwxz"

    def text() -> str:
        return " ".join("".join(source.choices(letters, k=9)) for _ in range(3))

    return text


def write_marked(store: DialogueStore, d: str, text: Callable[[], str]) -> None:
    """A dialogue in which every sealed field of every type holds a text of its own."""
    store.create_dialogue(
        d,
        text(),
        question=text(),
        output_dir=text(),
        background={
            "subject": text(),
            "description": text(),
            "constraints": text(),
            "situation": text(),
        },
    )
    store.create_round(d, 1, title=text())
    store.register_expert(
        d,
        "anne",
        text(),
        "Core",
        description=text(),
        focus=text(),
        creation_reason=text(),
        color=text(),
    )
    store.record_expert_response(d, "anne", 1, text())
    names = ["anne", text().replace(" ", "-")]
    for kind in ("perspective", "recommendation", "evidence", "claim"):
        register = getattr(store, f"register_{kind}")
        more = {"parameters": {text(): [text(), {text(): text()}]}} if kind[0] == "r" else {}
        register(d, 1, label=text(), content=text(), contributors=names, **more)
    store.register_tension(d, 1, text(), text(), names)
    store.register_move(d, 1, "anne", "request", [text()], context=text())
    store.register_verdict(
        d,
        "v-1",
        "interim",
        1,
        text(),
        text(),
        author_expert=text().replace(" ", "_"),
        conditions=[text(), text()],
        vote=text(),
        supporting_experts=[text().replace(" ", ".")],
        ethos_compliance={
            "fully_compliant": True,
            "exceptions": [text()],
            "violations": [text()],
        },
    )
    store.update_tension_status(
        d, "T0101", "addressed", [text()], 1, reason=text(), reference=text()
    )
    store.update_perspective_status(d, "P0101", "refined", [text()], 1, reason=text())
    store.update_recommendation_status(d, "R0101", "amended", [text()], 1, reference=text())
    store.comment_tension(d, "T0101", [text()], 1, text())
    store.update_round_status(d, 1, "completed", summary=text())


def as_bytes(item: Mapping[str, Any]) -> bytes:
    """Names and values of an item one after the other, bytes as they are."""
    parts: list[bytes] = []
    for name, value in item.items():
        parts += [name.encode(), value if isinstance(value, bytes) else str(value).encode()]
    return b"\x00\x01\x00".join(parts)


def stored(raw: RawAccess, dialogues: Sequence[str]) -> tuple[list[Forge], SealedTexts]:
    """Dialogues as they lie there, and what may not be seen of them: every sealed text and every key."""
    items = {d: [dict(item) for item in raw.scan(d)] for d in dialogues}
    made = [Forge(d, found) for d, found in items.items()]
    texts = [text for one in made for text in texts_of(one)]
    keys = [key for one in made for key in keys_of(one)]
    seen = may_be_seen([item for found in items.values() for item in found])
    secrets = SealedTexts([*texts, *keys], seen=seen)
    assert len(secrets.windows) > 1000 * len(made), "there is next to nothing to look for"
    return made, secrets


@rules("ENV-05")
def test_the_items_hold_no_window_of_a_sealed_text(
    raw: RawAccess, store: DialogueStore, seed: int
) -> None:
    """As UTF-8, UTF-16, JSON, hex, base64, and inside compressed streams."""
    write_marked(store, "d", words(seed))
    _, secrets = stored(raw, ["d"])
    for item in raw.scan("d"):
        assert secrets.search(as_bytes(item), str(item["sk"]), raw_deflate=False) == []


@rules("ENV-05")
def test_the_files_hold_no_window_of_a_sealed_text(
    world: World, backend: Backend, capfd: pytest.CaptureFixture[str], seed: int, budget: str
) -> None:
    """Files, their names, indexes and write-ahead log, while the store is open and after it was closed:
    in the storage, where the backend says that it stores and logs, and wherever this process writes.

    What lies there in clear has to be found, else nothing was searched; a backend may say that its
    items lie in no file here. The head's sum is looked for whole: windows of it lie among so many
    digests by chance.
    """
    assert backend.raw is not None
    dialogues = [
        f"kept-in-clear-{n}" for n in range({"quick": 2, "ordinary": 3, "nightly": 60}[budget])
    ]
    text = words(seed)
    with watching(capfd) as watch:
        for d in dialogues:
            write_marked(backend.store, d, text)
    made, secrets = stored(backend.raw, dialogues)
    sums = [one.payload("head")["sum"].encode() for one in made]

    thorough = None if budget == "quick" else True
    places = (world.folder, *backend.places)
    assert [leak for p in places for leak in secrets.search_in(p, raw_deflate=thorough)] == []
    files = [path for place in places for path in files_in(place)]
    assert [path.name for path in files for digest in sums if digest in path.read_bytes()] == []
    in_clear = SealedTexts(dialogues)
    found = any(in_clear.search_in(place) for place in places)
    backend.store.close()
    assert [leak for p in places for leak in secrets.search_in(p, raw_deflate=thorough)] == []
    assert watch.search(secrets, apart=world.folder) == []
    if not found and not any(in_clear.search_in(place) for place in places):
        nothing_found(backend)


def nothing_found(backend: Backend) -> NoReturn:
    """There was no file to be searched: a backend elsewhere is not asked, any other one undecided."""
    if backend.elsewhere:
        raise NotApplicable(f"no file was searched: the backend's items lie {backend.elsewhere}")
    raise Undecided(
        "nothing_to_search",
        "no file holds the dialogue's id, which lies there in clear: say where the backend stores "
        "(Backend.places), or that its items lie in no file here (Backend.elsewhere)",
    )


# -- errors and logs -------------------------------------------------------------------------------


def shown(error: BaseException) -> str:
    """Everything that a program or a person is shown of an error."""
    parts = [str(error), repr(error), repr(error.args), "".join(traceback.format_exception(error))]
    if isinstance(error, DialogueStoreError):
        parts += [error.message, repr(error.data), repr(pickle.dumps(error))]
    return "\n".join(parts)


def refused(attempt: Callable[[], object]) -> str:
    """What is shown of the error that an attempt ends with; it must end with one of the contract's
    (a ``TypeError`` about arguments apart)."""
    try:
        attempt()
    except (DialogueStoreError, TypeError) as error:
        return shown(error)
    raise AssertionError("expected an error, nothing was raised")


def wrong_calls(text: str) -> dict[str, tuple[str, dict[str, Any]]]:
    """A call for each way of refusing one, with the text in fields that would be sealed."""
    entity = {"round": 1, "label": text, "content": text, "contributors": ["muffin"]}
    claim, tension = "register_claim", "register_tension"
    verdict = {"verdict_id": "v-9", "verdict_type": "interim", "round": 1}
    verdict_text = {**verdict, "recommendation": text, "description": text}
    return {
        "a list for a text": (claim, {**entity, "label": [text]}),
        "an object for a text": (claim, {**entity, "content": {text: text}}),
        "bytes for a text": (claim, {**entity, "content": text.encode()}),
        "a lone surrogate": (claim, {**entity, "content": f"{text}\ud800"}),
        "no identifier": (claim, {**entity, "contributors": [text]}),
        "an unknown round": (claim, {**entity, "round": 77}),
        "no round": (claim, {**entity, "round": 100}),
        "an unknown parameter": (claim, {**entity, "text": text}),
        "a missing parameter": (tension, {**entity}),
        "a wrong target": (claim, {**entity, "references": [{"type": "refine", "target": text}]}),
        "a wrong ref": (claim, {**entity, "references": [text]}),
        "an unknown target": (
            claim,
            {**entity, "references": [{"type": "refine", "target": "C0199"}]},
        ),
        "too large": (claim, {**entity, "content": text * 20_000}),
        "not a number": (
            "register_recommendation",
            {**entity, "parameters": {text: float("nan")}},
        ),
        "too deep": ("register_recommendation", {**entity, "parameters": nested(text)}),
        "a number too large": (
            "register_recommendation",
            {**entity, "parameters": {text: [text, 2**60]}},
        ),
        "an unknown expert": (
            "register_move",
            {"round": 1, "expert_slug": "nobody", "move_type": "request", "targets": [text]},
        ),
        "a target that is none": (
            "register_move",
            {"round": 1, "expert_slug": "muffin", "move_type": "defend", "targets": [text]},
        ),
        "a text for a list": (
            "register_move",
            {"round": 1, "expert_slug": "muffin", "move_type": "request", "targets": text},
        ),
        "a verdict that is there": (
            "register_verdict",
            {**verdict_text, "verdict_id": "v-interim"},
        ),
        "no tension": ("register_verdict", {**verdict_text, "tensions_accepted": [text]}),
        "no author": ("register_verdict", {**verdict_text, "author_expert": text}),
        "a half compliance": (
            "register_verdict",
            {**verdict_text, "ethos_compliance": {"exceptions": [text]}},
        ),
        "a round that is there": ("create_round", {"round": 1, "title": text}),
        "a title that is none": ("create_round", {"round": 9, "title": [text]}),
        "a dialogue that is there": ("create_dialogue", {"title": text, "question": text}),
        "a background without a subject": (
            "create_dialogue",
            {"title": text, "background": {"description": text}},
        ),
        "an expert that is there": (
            "register_expert",
            {"expert_slug": "muffin", "role": text, "tier": "Core"},
        ),
        "an answer to no round": (
            "record_expert_response",
            {"expert_slug": "muffin", "round": 55, "content": text},
        ),
        "a status that is not next": (
            "update_tension_status",
            {
                "entity_id": "T0101",
                "status": "addressed",
                "actors": [text],
                "event_round": 1,
                "reason": text,
            },
        ),
        "an actor that is none": (
            "comment_tension",
            {"entity_id": "T0101", "actors": [text, 1], "event_round": 1, "reason": text},
        ),
        "a summary of no round": (
            "update_round_status",
            {"round": 44, "status": "completed", "summary": text},
        ),
    }


def nested(text: str) -> dict[str, Any]:
    """An object deeper than the contract allows, with the text at every level."""
    value: dict[str, Any] = {text: text}
    for _ in range(70):
        value = {text: value}
    return value


class Desk:
    """One dialogue at which every wrong call is made; none of them changes it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._store: DialogueStore | None = None
        self.folder = world.folder

    @property
    def store(self) -> DialogueStore:
        if self._store is None:
            store = self._world.open().store
            begin(store, "d", rounds=[1], experts=["muffin"])
            store.register_tension("d", 1, "L", "D", [])
            store.update_tension_status("d", "T0101", "addressed", ["judge"], 1)
            store.register_verdict("d", "v-interim", "interim", 1, "Stay", "For now")
            self._store = store
        return self._store


@pytest.fixture(scope="session")
def desk(session: Session) -> Iterator[Desk]:
    with lasting_world(session) as world:
        yield Desk(world)


@rules("ENV-05", "ERR-03")
@pytest.mark.parametrize("name", wrong_calls(""))
def test_a_refused_write_shows_nothing_of_what_was_to_be_sealed(
    desk: Desk, capfd: pytest.CaptureFixture[str], seed: int, name: str
) -> None:
    text = words(seed)()
    method, args = wrong_calls(text)[name]
    attempt = partial(getattr(desk.store, method), "d", **args)
    with watching(capfd) as watch:
        said = refused(attempt)
    secrets = SealedTexts([text])
    assert secrets.search(said.encode("utf-8", "surrogatepass"), raw_deflate=False) == []
    assert watch.search(secrets, apart=desk.folder) == []


@rules("ENV-05", "ERR-03")
def test_a_read_that_fails_shows_nothing_of_what_lies_there(
    world: World, capfd: pytest.CaptureFixture[str], budget: str
) -> None:
    """Items whose key, seal or plaintext was changed: nothing of any item, and no key."""
    backend = world.open()
    assert backend.raw is not None
    sample = write_sample(backend.store, backend.raw)
    step = {"quick": 12, "ordinary": 3, "nightly": 1}[budget]
    title = words(1)()
    secrets = SealedTexts([title, *sample.texts(), *keys_of(sample.forge())], seen=sample.seen())
    for fault in [*KEY, *TAG, *PAYLOAD][::step]:
        made, _ = fault.into(sample)
        there = {str(item["sk"]): item for item in backend.raw.scan(SAMPLE_ID)}
        made.put_into(backend.raw, found=there)
        with watching(capfd) as watch, world.open().store as store:
            said = [refused(partial(store.load_partition, SAMPLE_ID))]
            said += [refused(partial(store.create_round, SAMPLE_ID, 50, title=title))]
            said += [repr(store.verify_partition(SAMPLE_ID))]
        everything = "\n".join(said).encode("utf-8", "surrogatepass")
        assert secrets.search(everything, fault.name, raw_deflate=False) == []
        assert watch.search(secrets, fault.name, apart=world.folder) == []


@rules("ENV-05", "ERR-03")
def test_what_is_logged_of_ordinary_work_shows_nothing_sealed(
    world: World, capfd: pytest.CaptureFixture[str], seed: int
) -> None:
    """Every write and every read of the contract, at level DEBUG: what any logger makes, what is
    printed, and what is written outside the storage."""
    with watching(capfd) as watch:
        backend = world.open()
        assert backend.raw is not None
        populate(backend.store, "d")
        for method, args in calls("d").items():
            call(backend.store, method, args)
        write_marked(backend.store, "e", words(seed))
        backend.store.load_partition("e")
    found = [Forge.of(backend.raw, d) for d in ("d", "e")]
    texts = [text for made in found for text in texts_of(made)]
    texts = [text for text in texts if len(text) > 20]  # short ones are words of any log
    seen = may_be_seen(item for made in found for item in made.items.values())
    keys = [key for made in found for key in keys_of(made)]
    secrets = SealedTexts([*texts, *keys], seen=seen)
    assert len(secrets.windows) > 1000
    assert watch.search(secrets, apart=world.folder) == []
    assert [leak for place in backend.places for leak in secrets.search_in(place)] == []


def keys_of(made: Forge) -> list[bytes]:
    """Every key that opens a dialogue, as bytes and as base64."""
    keys = [PUBLISHED_UMK, made.kek, *made.deks.values()]
    return [*keys, *(base64.b64encode(key) for key in keys)]


@rules("ERR-03")
@pytest.mark.parametrize("content", ["31 bytes", "33 bytes", "another key"])
def test_an_error_about_a_key_shows_no_key(
    world: World, capfd: pytest.CaptureFixture[str], content: str
) -> None:
    backend = world.open()
    backend.store.create_dialogue("d", "T")
    other = os.urandom(32)
    data = {"31 bytes": PUBLISHED_UMK[:31], "33 bytes": other + b"x", "another key": other}[content]
    key_file = world.key_file.with_name("other.key")
    key_file.write_bytes(data)
    key_file.chmod(0o600)
    with watching(capfd) as watch:
        said = refused(lambda: world.open(key_file=key_file).store.get_dialogue("d"))
    secrets = SealedTexts([data, PUBLISHED_UMK, derive_kek(other, "local")])
    assert watch.search(secrets) == []
    assert secrets.search(said.encode("utf-8", "surrogatepass"), raw_deflate=False) == []
