"""Liars for profile idempotency: the executable specification with one thing wrong with its memory."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from conformance.model.store import ModelStore
from reference_impl.contract.addresses import is_identifier
from reference_impl.contract.entities import CLASSES, RoundRegistration, plain
from reference_impl.contract.errors import DialogueStoreError, error
from reference_impl.contract.tables import METHODS

from .kit.lie import lie
from .kit.touched import touched

__all__: list[str] = []

S = TypeVar("S", bound=ModelStore)

_WRITES = [
    name
    for name, method in METHODS.items()
    if method.kind == "write" and method.profile in ("core", "batch")
]
_RESULTS: dict[str, Any] = {
    **{cls.__name__: cls for cls in CLASSES.values()},
    "RoundRegistration": RoundRegistration,
}


@dataclass
class Call:
    """One call of a write: the store, the method as it should be, and the arguments by name."""

    store: Any
    method: str
    honest: Callable[..., Any]
    given: dict[str, Any]

    def made(self) -> Any:
        """The result of the honest method."""
        return self.honest(self.store, **self.given)

    @property
    def request_id(self) -> Any:
        return self.given.get("request_id")

    @property
    def is_known(self) -> bool:
        """Whether a request of this id was made."""
        partition = self.store.state.partitions.get(self.given.get("dialogue_id"))
        return partition is not None and self.request_id in partition.requests

    def kept(self, name: str) -> Any:
        """What the liar knows of this dialogue's request, by request: a dictionary of its own."""
        return self.store.__dict__.setdefault(name, {})

    @property
    def key(self) -> tuple[Any, Any]:
        return self.given.get("dialogue_id"), self.request_id


def on_every_write(answer: Callable[[Call], Any]) -> Callable[[type[S]], type[S]]:
    """Let every write of a class that names a request go through a lie."""

    def changed(store: type[S]) -> type[S]:
        for name in _WRITES:
            setattr(store, name, _through(answer, name, getattr(ModelStore, name)))
        return store

    return changed


def _through(answer: Callable[[Call], Any], name: str, honest: Callable[..., Any]) -> Any:
    names = [param.name for param in METHODS[name].params]

    @functools.wraps(honest)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        given = {**dict(zip(names, args, strict=False)), **kwargs}
        if not is_identifier(given.get("request_id")) or not is_identifier(
            given.get("dialogue_id")
        ):
            return honest(self, *args, **kwargs)
        return answer(Call(self, name, honest, given))

    return method


# -- the lies ------------------------------------------------------------------------------------------


def _twice(call: Call) -> Any:
    del call.given["request_id"]
    return call.made()


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_twice)
class WritesAgain(ModelStore):
    """Takes a request id and does every write anew."""


def _id_only(call: Call) -> Any:
    if not call.is_known:
        return call.made()
    result = call.store.state.partitions[call.given["dialogue_id"]].requests[call.request_id][1]
    try:
        return _RESULTS[METHODS[call.method].returns.split("{")[0]](**result)
    except TypeError:  # another method's result
        return call.made()


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_id_only)
class ForgetsTheInput(ModelStore):
    """Remembers the id without the input: whatever is asked under it gets the first result."""


def _failures(call: Call) -> Any:
    failed = call.kept("_failed")
    if call.key in failed:
        raise failed[call.key]
    try:
        return call.made()
    except DialogueStoreError as refused:
        if refused.code not in ("request_mismatch", "store_closed"):
            failed[call.key] = refused
        raise


@lie("idempotency", "STORE-22")
@on_every_write(_failures)
class RemembersRefusals(ModelStore):
    """A refused write is remembered, and refused again under its id whatever it is by then."""


def _own(call: Call) -> Any:
    own = f"{call.request_id} {id(call.store)}"
    call.given["request_id"] = hashlib.sha256(own.encode()).hexdigest()
    return call.made()


@lie("idempotency", "STORE-22")
@on_every_write(_own)
class RemembersOnItsOwn(ModelStore):
    """What one client asked, no other client and no reopened store knows."""


def _words(call: Call) -> Any:
    said = call.kept("_said")
    words = f"{call.method} {sorted((name, repr(value)) for name, value in call.given.items())}"
    if call.is_known and said.get(call.key, words) != words:
        raise error("request_mismatch", "other words", findings=[])
    result = call.made()
    said.setdefault(call.key, words)
    return result


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_words)
class ComparesWords(ModelStore):
    """Compares what was given word by word: 1.0 is not 1, and a default is not the same as nothing."""


def _first(call: Call) -> Any:
    try:
        return call.made()
    except DialogueStoreError as refused:
        if call.is_known and refused.code != "store_closed":
            raise error("request_mismatch", "another input", findings=[]) from None
        raise


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_first)
class MismatchBeforeAllElse(ModelStore):
    """Says request_mismatch even of an input that is not valid."""


def _duplicate(call: Call) -> Any:
    try:
        return call.made()
    except DialogueStoreError as refused:
        if refused.code == "request_mismatch":
            raise error("duplicate_entity", "the request was made", **refused.data) from None
        raise


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_duplicate)
class MismatchIsADuplicate(ModelStore):
    """Says duplicate_entity of an id that was used with another input."""


def _repeats(call: Call) -> Any:
    result = call.made()
    if not call.is_known:
        requests = call.store.state.partitions[call.given["dialogue_id"]].requests
        requests[call.request_id] = (b"", plain(result))
    return result


@lie("idempotency", "STORE-22")
@on_every_write(_repeats)
class RemembersWhatWroteNothing(ModelStore):
    """A ref that was there already uses up the request id."""


def _now(call: Call) -> Any:
    was_known = call.is_known
    result = call.made()
    if was_known and METHODS[call.method].returns == "Expert":
        there = call.store.get_experts(call.given["dialogue_id"])
        (result,) = (one for one in there if one.expert_slug == result.expert_slug)
    return result


@lie("idempotency", "STORE-22")
@on_every_write(_now)
class AnswersFromTheState(ModelStore):
    """Answers a repeat with the expert as it is by now."""


def _anywhere(call: Call) -> Any:
    first = call.store.__dict__.setdefault("_first", {})
    result = call.made() if call.request_id not in first else first[call.request_id]
    return first.setdefault(call.request_id, result)


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_anywhere)
class OneIdForAllDialogues(ModelStore):
    """A request id that was used in one dialogue is a repeat in every other one."""


def _last_only(call: Call) -> Any:
    partition = call.store.state.partitions.get(call.given.get("dialogue_id"))
    if partition is not None:
        for known in [one for one in partition.requests if one != call.request_id]:
            del partition.requests[known]
    return call.made()


@lie("idempotency", "STORE-22")
@on_every_write(_last_only)
class RemembersTheLast(ModelStore):
    """Remembers the last request of a dialogue only."""


def _counted(call: Call) -> Any:
    was_known, result = call.is_known, call.made()
    call.store.state.partitions[call.given["dialogue_id"]].revision += was_known
    return result


@lie("idempotency", "STORE-22")
@on_every_write(_counted)
class RepeatsCount(ModelStore):
    """A repeat gives the first result and moves the revision."""


def _roughly(call: Call) -> Any:
    try:
        return call.made()
    except DialogueStoreError as refused:
        if refused.code != "request_mismatch":
            raise
        known = call.store.state.partitions[call.given["dialogue_id"]].requests[call.request_id]
        same = [f'"{name}":' in known[0].decode() for name in call.given if name != "request_id"]
        if f'"method":"{call.method}"' not in known[0].decode() or not all(same[1:]):
            raise
        return _RESULTS[METHODS[call.method].returns.split("{")[0]](**known[1])


@lie("idempotency", "STORE-22")
@on_every_write(_roughly)
class ComparesNames(ModelStore):
    """Compares the method and which parameters were given, not their values."""


def _of_one_dialogue(call: Call) -> Any:
    if call.method == "create_dialogue":
        del call.given["request_id"]
    return call.made()


@lie("idempotency", "STORE-22", also=touched("STORE-14"))
@on_every_write(_of_one_dialogue)
class CreatesUnnamed(ModelStore):
    """The creation of a dialogue is not remembered."""
