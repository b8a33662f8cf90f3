"""Liars in pure functions: ids from titles, addresses, times. No store holds them, so that the wrong one
is in force while the model is tried."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from types import ModuleType
from typing import Any
from unittest import mock

from conformance.model.store import ModelStore
from reference_impl.contract import addresses, timestamps
from reference_impl.contract.tables import TYPES

from .kit.lie import Made, lie
from .kit.over_model import factory_over_model, forget

__all__: list[str] = []

F = Callable[..., Any]


def instead(module: ModuleType, name: str, *must_fail: str) -> Callable[[F], F]:
    """Put a function in the place of another one, which it is given first."""

    def register(wrong: F) -> F:
        honest = getattr(module, name)

        def during() -> AbstractContextManager[object]:
            return mock.patch.object(module, name, partial(wrong, honest))

        def tried(_: F, profile: str) -> Made:
            return Made(factory_over_model(ModelStore, profile), forget, during)

        return lie("core", *must_fail, tried=tried)(wrong)

    return register


# -- ids from titles (ADDR-06) -------------------------------------------------------------------------

id_from_title = partial(instead, addresses, "new_dialogue_id", "ADDR-06")


@id_from_title()
def drops_all_that_is_not_ascii(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Makes an id of a title's ASCII characters only, as if the others were not there."""
    yield from honest(title.encode("ascii", "ignore").decode(), opaque=opaque)


@id_from_title()
def composes_titles(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Takes a title in its composed form, so that an accent ends a word."""
    kept = re.sub(r"[^A-Za-z0-9]+", "-", unicodedata.normalize("NFKC", title))
    yield from honest(kept, opaque=opaque)


@id_from_title()
def cuts_the_number_off(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Cuts an id to 64 characters after its number was appended."""
    yield from (name[:64] for name in honest(title, opaque=opaque))


@id_from_title()
def counts_ids_from_one(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """The second candidate for an id ends in 1."""
    for number, name in zip(count(), honest(title, opaque=opaque), strict=False):
        yield re.sub(r"-\d+$", f"-{number}", name) if number else name


@id_from_title()
def never_gives_up(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Goes on with candidates for an id after the ninety-ninth."""
    names = []
    for name in honest(title, opaque=opaque):
        names.append(name)
        yield name
        if len(names) == 99:
            break
    if not opaque:
        yield from (f"{names[0]}-{number}" for number in count(100))


@id_from_title()
def ids_without_their_time(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """An opaque id is random throughout, a UUID of version 4."""
    yield from [f"d-{uuid.uuid4().hex}"] if opaque else honest(title)


# -- addresses (ADDR-03, ADDR-04) ----------------------------------------------------------------------


@instead(addresses, "address", "ADDR-03", "ADDR-04")
def addresses_without_padding(honest: F, dialogue_id: str, entity: str, parts: Any) -> str:
    """Writes rounds and numbers of an address without their leading zeros."""
    return re.sub(r"(?<=[/#])0(?=\d)", "", honest(dialogue_id, entity, parts))


@instead(addresses, "address", "ADDR-03", "ADDR-04")
def addresses_by_display_id(honest: F, dialogue_id: str, entity: str, parts: Any) -> str:
    """Gives an entity's address by its display id."""
    if (letter := TYPES[entity].display_letter) is None:
        made: str = honest(dialogue_id, entity, parts)
        return made
    return f"dialogue:{dialogue_id}/entity:{entity}/{letter}{parts['round']:02d}{parts['seq']:02d}"


@instead(addresses, "address", "ADDR-03", "ADDR-04")
def one_address_for_all_events(honest: F, dialogue_id: str, entity: str, parts: Any) -> str:
    """Leaves the time out of an event's address, so that events of one entity share it."""
    made: str = honest(dialogue_id, entity, parts)
    return made.rpartition("#")[0] if entity.endswith("_event") else made


@instead(addresses, "parse_address", "ADDR-04")
def reads_any_zeros(honest: F, text: str) -> Any:
    """Reads a number in an address with however many zeros before it."""
    return honest(re.sub(r"(?<=[/#])0*(?=\d{2}(#|$))", "", text))


@instead(addresses, "parse_address", "ADDR-04")
def takes_any_letter_in_an_event(honest: F, text: str) -> Any:
    """Reads the address of a tension's event that names a claim."""
    own = {"perspective": "P", "tension": "T", "recommendation": "R"}
    form = re.compile(r"(entity:event/)(\w+)#[PTREC](\d{4})#")
    return honest(form.sub(lambda m: f"{m[1]}{m[2]}#{own.get(m[2], 'P')}{m[3]}#", text))


# -- times (ADDR-07) -----------------------------------------------------------------------------------

time_text = partial(instead, timestamps, "parse", "ADDR-07")


@time_text()
def rounds_times(honest: F, text: str) -> datetime:
    """Rounds a time to the nearest microsecond instead of cutting it off."""
    moment: datetime = honest(text)
    digits = re.search(r"\.\d{6}([5-9])", text)
    return moment + timedelta(microseconds=1) if digits else moment


@time_text()
def reads_small_letters(honest: F, text: str) -> datetime:
    """Reads a time with a small t or z."""
    moment: datetime = honest(text.upper())
    return moment


@time_text()
def reads_naive_times(honest: F, text: str) -> datetime:
    """Takes a time without an offset for UTC."""
    moment: datetime = honest(text if re.search(r"(Z|[+-]\d\d:\d\d)$", text) else f"{text}Z")
    return moment


@time_text()
def forgets_the_offset(honest: F, text: str) -> datetime:
    """Reads a time as if its offset were UTC's."""
    moment: datetime = honest(re.sub(r"[+-](?!00:00)\d\d:\d\d$", "Z", text))
    return moment
