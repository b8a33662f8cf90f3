"""KEY-01: UMK, KEK and DEK are handles; what they stand for is nowhere to be seen."""

from __future__ import annotations

import copy
import dataclasses
import json
import pickle
import pprint
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ..running.session import Session, World
from ..targets.base import Backend
from .kit.forge import PUBLISHED_UMK, derive_kek, kek_key_id, open_wrapped
from .kit.helpers import expect_error
from .kit.leaks import SealedTexts
from .kit.marks import profile, rules
from .kit.sample import lasting_world

pytestmark = profile("keys")

D = "harbour-1"
LEVELS = ("umk", "kek", "dek")


def provider(backend: Backend) -> Any:
    """The key provider of the backend."""
    assert backend.keys is not None, "the profile needs the backend's key provider (Backend.keys)"
    return backend.keys


def generated(keys: Any, kek: Any, dialogue_id: str, version: int) -> tuple[Any, Any]:
    """What ``generate_dek`` gives: a handle and the wrapped key."""
    made = keys.generate_dek(kek, dialogue_id, version)
    # Its class, and not what it holds: a report must not show a key.
    assert isinstance(made, tuple), f"expected a handle and a wrapped key, got {type(made)}"
    assert len(made) == 2
    return made


def handles(backend: Backend, user_id: str = "local") -> tuple[dict[str, Any], dict[str, bytes]]:
    """A handle of each level, made in the one way there is, and the bytes that each stands for,
    which the toolkit finds out for itself."""
    keys = provider(backend)
    umk = keys.get_umk()
    kek = keys.derive_kek(umk, user_id)
    dek, wrapped = generated(keys, kek, D, 1)
    opened = derive_kek(PUBLISHED_UMK, user_id)
    address = f"dialogue:{D}/entity:dek/1"
    key = open_wrapped(opened, address, wrapped)
    return {"umk": umk, "kek": kek, "dek": dek}, {"umk": PUBLISHED_UMK, "kek": opened, "dek": key}


class Keys:
    """One backend whose handles serve all cases: they are looked at, never changed."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._made: tuple[dict[str, Any], dict[str, bytes]] | None = None

    @property
    def made(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        if self._made is None:
            self._made = handles(self._world.open())
        return self._made


@pytest.fixture(scope="session")
def keys(session: Session) -> Iterator[Keys]:
    with lasting_world(session) as world:
        yield Keys(world)


def _attempt(show: Callable[[Any], object], handle: Any) -> str:
    try:
        return f"{show(handle)!r}"
    except Exception as error:  # noqa: BLE001 - whatever is raised is looked at
        return "".join(traceback.format_exception(error))


def _copied(how: Callable[[Any], Any]) -> Callable[[Any], object]:
    return lambda handle: [repr(twin := how(handle)), _attempt(vars, twin)]


def _in_a_traceback(handle: Any) -> str:
    try:
        raise RuntimeError(handle)
    except RuntimeError as error:
        trace = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(trace.format())


def _public(handle: Any) -> list[str]:
    def named(name: str) -> Callable[[Any], object]:
        return lambda handle: getattr(handle, name)

    return [_attempt(named(name), handle) for name in dir(handle) if not name.startswith("_")]


#: Every way in which a value comes into a log, a report or a file without anybody's asking for the
#: key.
SHOWN: dict[str, Callable[[Any], object]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "percent": lambda handle: "%s %r" % (handle, handle),  # noqa: UP031
    "bytes": bytes,
    "list": list,
    "hash": hash,
    "vars": vars,
    "dict": dict,
    "asdict": dataclasses.asdict,
    "json": json.dumps,
    "json with a default": lambda handle: json.dumps(handle, default=repr),
    "pretty print": pprint.pformat,
    "copy": _copied(copy.copy),
    "deep copy": _copied(copy.deepcopy),
    "a container": lambda handle: [repr({"handle": [handle]}), f"{(handle,)}"],
    "a traceback with locals": _in_a_traceback,
    "public attributes": _public,
    "reduce": lambda handle: handle.__reduce_ex__(4),
    "state": lambda handle: handle.__getstate__(),
}


@rules("KEY-01")
@pytest.mark.parametrize("how", SHOWN)
@pytest.mark.parametrize("level", LEVELS)
def test_a_handle_shows_no_key(keys: Keys, level: str, how: str) -> None:
    made, secret = keys.made
    said = _attempt(SHOWN[how], made[level])
    secrets = SealedTexts(secret.values())
    assert secrets.search(said.encode("utf-8", "surrogatepass"), raw_deflate=False) == []
    as_numbers = repr(list(secret[level])) in said  # apart: a report must not show it either
    assert not as_numbers


@rules("KEY-01")
@pytest.mark.parametrize(
    "protocol", range(pickle.HIGHEST_PROTOCOL + 1), ids=lambda number: f"protocol {number}"
)
@pytest.mark.parametrize("level", LEVELS)
def test_a_handle_cannot_be_pickled(keys: Keys, level: str, protocol: int) -> None:
    handle = keys.made[0][level]
    for value in (handle, [handle], {"key": handle}):
        with pytest.raises(TypeError):
            pickle.dumps(value, protocol)


@rules("KEY-01")
def test_the_provider_shows_no_key_before_and_after_use(backend: Backend) -> None:
    keys = provider(backend)
    before = [repr(keys), str(keys), _attempt(vars, keys)]
    _, secret = handles(backend)
    after = [repr(keys), str(keys), _attempt(vars, keys), _attempt(pickle.dumps, keys)]
    said = "\n".join([*before, *after]).encode()
    assert SealedTexts(secret.values()).search(said, raw_deflate=False) == []


@rules("KEY-01")
def test_the_store_shows_no_key(backend: Backend) -> None:
    backend.store.create_dialogue("d", "T")
    assert backend.raw is not None
    assert backend.raw.get("dialogue#d", "dek#1") is not None, "no key was wrapped"
    said = [repr(backend.store), str(backend.store), _attempt(vars, backend.store)]
    said += [repr(backend), _attempt(pickle.dumps, backend.store)]
    keys = [PUBLISHED_UMK, derive_kek(PUBLISHED_UMK, "local")]
    assert SealedTexts(keys).search("\n".join(said).encode(), raw_deflate=False) == []


@rules("KEY-01", "KEY-03", "KEY-05", "KEY-06")
@pytest.mark.parametrize("user_id", ["local", "ann@example.org", "é", "a b"])
def test_a_key_is_wrapped_and_opened_in_three_steps(backend: Backend, user_id: str) -> None:
    """UMK to KEK to DEK: the toolkit opens what was wrapped, and what the toolkit wrapped is
    opened."""
    keys = provider(backend)
    kek = keys.derive_kek(keys.get_umk(), user_id)
    for version in (1, 2, 10):
        dek, wrapped = generated(keys, kek, D, version)
        assert dek is not None
        opened = derive_kek(PUBLISHED_UMK, user_id)
        assert wrapped["key_id"] == kek_key_id(opened, user_id)
        found = open_wrapped(opened, f"dialogue:{D}/entity:dek/{version}", wrapped)
        assert len(found) == 32
        assert keys.decrypt_dek(kek, D, version, wrapped) is not None


@rules("KEY-01")
def test_a_handle_of_the_wrong_version_does_not_open(backend: Backend) -> None:
    """What was wrapped at one address opens at no other one."""
    keys = provider(backend)
    kek = keys.derive_kek(keys.get_umk(), "local")
    _, wrapped = generated(keys, kek, D, 1)
    for dialogue_id, version in ((D, 2), ("harbour-2", 1)):
        address = f"dialogue:{dialogue_id}/entity:dek/{version}"
        with expect_error("integrity_error", layer="address", address=address):
            keys.decrypt_dek(kek, dialogue_id, version, wrapped)
