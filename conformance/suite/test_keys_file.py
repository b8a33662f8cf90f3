"""KEY-02: the master key's file is made once, whole and private, and never where it would hide a
loss."""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reference_impl.contract.dialogue_store import DialogueStore
from reference_impl.contract.entities import plain
from reference_impl.contract.errors import DialogueStoreError

from ..running.session import World
from ..targets.base import Backend
from ..targets.streams import lent_streams
from .kit.forge import PUBLISHED_UMK, Forge, derive_kek, kek_key_id
from .kit.forking import Child, can_be_read
from .kit.helpers import expect_error
from .kit.marks import profile, rules

pytestmark = profile("keys")


def new_key_file(world: World) -> Path:
    """Where no key is yet, in a folder that is not there either."""
    return world.root / "blue" / "keys" / "umk.key"


def wrapped_under(backend: Backend, dialogue_id: str) -> str:
    """The key_id of the dialogue's wrapped key."""
    assert backend.raw is not None
    item = backend.raw.get(f"dialogue#{dialogue_id}", "dek#1")
    assert item is not None, "there is no wrapped key in the storage"
    return str(item["key_id"])


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@rules("KEY-02")
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
def test_the_key_is_made_on_first_use_for_its_owner_alone(world: World, umask: int) -> None:
    key_file = new_key_file(world)
    before = os.umask(umask)
    try:
        backend = world.open(key_file=key_file)
        backend.store.create_dialogue("d", "T")
    finally:
        os.umask(before)
    assert key_file.is_file()
    assert (mode(key_file), mode(key_file.parent)) == (0o600, 0o700)
    key = key_file.read_bytes()
    assert len(key) == 32
    assert len(set(key)) > 8, "a key of one byte over and over"
    assert [path.name for path in key_file.parent.iterdir()] == ["umk.key"]
    assert wrapped_under(backend, "d") == kek_key_id(derive_kek(key, "local"), "local")


@rules("KEY-02")
def test_a_made_key_serves_from_then_on(world: World) -> None:
    key_file = new_key_file(world)
    world.open(key_file=key_file).store.create_dialogue("d", "Which harbour?")
    assert key_file.exists(), "no key was made"
    key = key_file.read_bytes()
    again = world.open(key_file=key_file).store
    assert plain(again.get_dialogue("d"))["title"] == "Which harbour?"
    again.create_dialogue("e", "Which other?")
    assert key_file.read_bytes() == key


@rules("KEY-02")
def test_two_made_keys_differ(world: World) -> None:
    made = []
    for storage in (world, world.new_world()):
        key_file = new_key_file(storage)
        storage.open(key_file=key_file).store.create_dialogue("d", "T")
        assert key_file.exists(), "no key was made"
        made.append(key_file.read_bytes())
    assert made[0] != made[1]


@rules("KEY-02")
def test_a_key_that_is_there_is_used_as_it_is(world: World) -> None:
    """Any 32 bytes are a key, a newline at the end included."""
    key = bytes(31) + b"\n"
    world.key_file.write_bytes(key)
    backend = world.open()
    backend.store.create_dialogue("d", "T")
    assert world.key_file.read_bytes() == key
    assert wrapped_under(backend, "d") == kek_key_id(derive_kek(key, "local"), "local")


# -- what is no key --------------------------------------------------------------------------------


def _bytes(content: bytes, mode: int = 0o600) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        path.write_bytes(content)
        path.chmod(mode)

    return make


def _folder(path: Path) -> None:
    path.mkdir(mode=0o700)


def _link(path: Path) -> None:
    elsewhere = path.with_name("elsewhere.key")
    _bytes(PUBLISHED_UMK)(elsewhere)
    path.symlink_to(elsewhere)


def _dangling(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere.key"))


MALFORMED = ("key_malformed",)
PERMISSIONS = ("key_permissions",)
EITHER = (*MALFORMED, *PERMISSIONS)
NO_KEY: dict[str, tuple[Callable[[Path], None], tuple[str, ...]]] = {
    "empty": (_bytes(b""), MALFORMED),
    "one byte": (_bytes(b"x"), MALFORMED),
    "31 bytes": (_bytes(PUBLISHED_UMK[:31]), MALFORMED),
    "33 bytes": (_bytes(PUBLISHED_UMK + b"\n"), MALFORMED),
    "64 hex digits": (_bytes(PUBLISHED_UMK.hex().encode()), MALFORMED),
    "a megabyte": (_bytes(bytes(2**20)), MALFORMED),
    "readable by the group": (_bytes(PUBLISHED_UMK, 0o640), PERMISSIONS),
    "readable by others": (_bytes(PUBLISHED_UMK, 0o604), PERMISSIONS),
    "readable by everybody": (_bytes(PUBLISHED_UMK, 0o644), PERMISSIONS),
    "31 bytes for everybody": (_bytes(PUBLISHED_UMK[:31], 0o666), EITHER),
    "a folder": (_folder, EITHER),
    "a link to a key": (_link, EITHER),
    "a link to nothing": (_dangling, EITHER),
}


def state(path: Path) -> list[tuple[str, int, str | bytes]]:
    """Everything in a folder: names, modes, contents or where links lead."""
    out: list[tuple[str, int, str | bytes]] = []
    for entry in sorted(path.iterdir()):
        kind = entry.lstat().st_mode
        content: str | bytes = ""
        if entry.is_symlink():
            content = str(entry.readlink())
        elif entry.is_file():
            content = entry.read_bytes()
        out.append((entry.name, kind, content))
    return out


def outcome(attempt: Callable[[], object]) -> str:
    """The code of the error that an attempt ends with, or that there was none."""
    try:
        attempt()
    except DialogueStoreError as error:
        return error.code
    return "no error"


@rules("KEY-02")
@pytest.mark.parametrize("what", NO_KEY)
def test_what_is_no_key_is_refused_and_left_alone(world: World, what: str) -> None:
    make, allowed = NO_KEY[what]
    key_file = new_key_file(world)
    key_file.parent.mkdir(mode=0o700, parents=True)
    make(key_file)
    before = state(key_file.parent)
    code = outcome(lambda: world.open(key_file=key_file).store.create_dialogue("d", "T"))
    assert code in allowed
    assert state(key_file.parent) == before
    raw = world.open().raw
    assert raw is not None
    assert list(raw.scan("d")) == []


@rules("KEY-02")
@pytest.mark.parametrize("what", NO_KEY)
def test_what_is_no_key_any_more_is_refused_and_left_alone(world: World, what: str) -> None:
    """The same where the store holds what a good key wrapped."""
    make, allowed = NO_KEY[what]
    world.open().store.create_dialogue("d", "T")
    world.key_file.unlink()
    make(world.key_file)
    before = state(world.key_file.parent)
    assert outcome(lambda: world.open().store.get_dialogue("d")) in allowed
    assert outcome(lambda: world.open().store.create_round("d", 1)) in allowed
    assert state(world.key_file.parent) == before


# -- a key that is gone ----------------------------------------------------------------------------

USES: dict[str, Callable[[DialogueStore], object]] = {
    "a read": lambda store: store.get_dialogue("d"),
    "a write": lambda store: store.create_round("d", 1),
    "a new dialogue": lambda store: store.create_dialogue("e", "T"),
    "a verification": lambda store: store.verify_partition("d"),
}


@rules("KEY-02")
@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("folder_too", [False, True], ids=["file", "folder"])
def test_no_key_is_made_where_keys_are_wrapped(world: World, use: str, folder_too: bool) -> None:
    """``umk_missing``; nothing is made, nothing is written, and the key put back opens all."""
    world.open().store.create_dialogue("d", "Which harbour?")
    world.key_file.unlink()
    if folder_too:
        world.key_file.parent.rmdir()
    backend = world.open()
    with expect_error("umk_missing"):
        USES[use](backend.store)
    assert not world.key_file.exists()
    assert not folder_too or not world.key_file.parent.exists()
    assert backend.raw is not None
    assert list(backend.raw.scan("e")) == []

    world.key_file.parent.mkdir(mode=0o700, exist_ok=True)
    _bytes(PUBLISHED_UMK)(world.key_file)
    found = world.open()
    assert plain(found.store.get_dialogue("d"))["title"] == "Which harbour?"
    assert found.raw is not None
    assert Forge.of(found.raw, "d").items["head"]["revision"] == 1


@rules("KEY-02")
def test_a_store_without_wrapped_keys_gets_a_new_key_again(world: World) -> None:
    """Nothing depends on a key that never wrapped anything."""
    key_file = new_key_file(world)
    for _ in range(2):
        store = world.open(key_file=key_file).store
        with expect_error("dialogue_not_found"):
            store.get_dialogue("d")
        key_file.unlink(missing_ok=True)
    backend = world.open(key_file=key_file)
    backend.store.create_dialogue("d", "T")
    key = key_file.read_bytes()
    assert wrapped_under(backend, "d") == kek_key_id(derive_kek(key, "local"), "local")


# -- two at once -----------------------------------------------------------------------------------


@rules("KEY-02")
def test_clients_that_start_at_once_end_with_one_key(world: World, budget: str) -> None:
    for turn in range({"quick": 2, "ordinary": 5, "nightly": 30}[budget]):
        storage = world.new_world()
        key_file = new_key_file(storage)
        clients = [storage.open(key_file=key_file) for _ in range(4)]
        start = threading.Barrier(len(clients))
        failures: list[BaseException] = []

        def work(
            number: int,
            clients: list[Backend] = clients,
            start: threading.Barrier = start,
            failures: list[BaseException] = failures,
        ) -> None:
            try:
                start.wait(10)
                clients[number].store.create_dialogue(f"d-{number}", "T")
            except BaseException as failure:  # noqa: BLE001 - told by the thread that waits
                failures.append(failure)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(len(clients))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failures == []
        key_ids = {wrapped_under(clients[0], f"d-{n}") for n in range(len(clients))}
        key = key_file.read_bytes()
        assert key_ids == {kek_key_id(derive_kek(key, "local"), "local")}, f"turn {turn}"


@rules("KEY-02")
def test_processes_that_start_at_once_end_with_one_key(world: World, budget: str) -> None:
    """Each is a fork that opens a backend of its own, by the target's factory, over one key file."""
    key_file = new_key_file(world)
    storages = [
        world.new_world() for _ in range({"quick": 2, "ordinary": 4, "nightly": 12}[budget])
    ]
    opened, ready = os.pipe()

    def work(storage: World, told: Callable[[], None]) -> str:
        with lent_streams():
            keys: Any = storage.open(key_file=key_file).keys
        assert keys is not None, "the profile needs the backend's key provider (Backend.keys)"
        os.write(ready, b"!")
        told()
        kek = keys.derive_kek(keys.get_umk(), "local")
        return str(keys.generate_dek(kek, "d", 1)[1]["key_id"])

    with ExitStack() as stack:
        stack.callback(os.close, opened)
        stack.callback(os.close, ready)
        children = [stack.enter_context(Child(partial(work, one))) for one in storages]
        for child in children:
            if not can_be_read(opened, 20.0):
                child.answer()  # says what became of it
            os.read(opened, 1)
        assert not key_file.exists(), "made before the first use"
        for child in children:
            child.tell()
        answers = [child.answer() for child in children]
    expected = kek_key_id(derive_kek(key_file.read_bytes(), "local"), "local")
    assert answers == [expected] * len(children)
    assert [path.name for path in key_file.parent.iterdir()] == ["umk.key"]
