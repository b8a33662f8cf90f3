"""Liars about configuration (CONF-01, CONF-02) and ids from titles (ADDR-06), which the project's own tests
catch: no backend claims them."""

from __future__ import annotations

import re
import unicodedata
import uuid
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NoReturn

from conformance.spec import OWN_PROFILE
from reference_impl import config
from reference_impl.contract import addresses
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.partitions.port import Transient
from reference_impl.partitions.sqlite.store import SqlitePartitionStore
from reference_impl.sealing.keys import check_user_id
from reference_impl.store.composing import compose
from reference_impl.testing import exchanged

from .kit.lie import Made, lie

__all__: list[str] = []

F = Callable[..., Any]


def _no_backend(folder: Path, **more: Any) -> NoReturn:
    del folder, more
    raise NotImplementedError("it is a lie about the project itself, and no backend")


def instead(honest: F, *must_fail: str) -> Callable[[F], F]:
    """Put a function in the place of one of the reference's, which it is given first."""

    def tried(wrong: F, profile: str) -> Made:
        del profile
        return Made(_no_backend, during=lambda: exchanged(honest, wrong))

    return lie(OWN_PROFILE, *must_fail, tried=tried)


@instead(config.flat_settings, "CONF-02")
def overlooks_unknown_settings(
    honest: F, tree: Mapping[str, Any], prefix: str = ""
) -> dict[str, Any]:
    """Leaves out a setting that it does not know."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        try:
            flat |= honest({key: value}, prefix)
        except DialogueStoreError as refusal:
            if refusal.code != "unknown_setting":
                raise
    return flat


@instead(config.one_of, "CONF-01")
def takes_the_first_backend(honest: F, flat: Mapping[str, Any], where: str, allowed: Any) -> str:
    """Takes SQLite where the configuration names no backend that there is."""
    try:
        return str(honest(flat, where, allowed))
    except DialogueStoreError:
        return str(allowed[0])


@instead(compose, "CONF-02")
def falls_back_to_a_file(honest: F, partitions: Any, keys: Any, **settings: Any) -> Any:
    """Takes a SQLite file where DynamoDB does not answer."""
    if isinstance(partitions, DynamoPartitionStore):
        try:
            partitions.get("dialogue#anything", "head")
        except Transient:
            partitions.close()
            partitions = SqlitePartitionStore(":memory:")
    return honest(partitions, keys, **settings)


@instead(config.endpoint_of, "CONF-01")
def keeps_its_endpoint(honest: F, flat: Mapping[str, Any], environ: Mapping[str, str]) -> Any:
    """Takes the endpoint of the configuration, whatever DYNAMODB_ENDPOINT says."""
    del environ
    return honest(flat, {})


@instead(config.read_toml, "CONF-01")
def takes_a_missing_file_for_an_empty_one(honest: F, path: Any) -> Mapping[str, Any]:
    """A configuration file that is not there says nothing, and SQLite in the working folder is taken."""
    try:
        return dict(honest(path))
    except DialogueStoreError:
        return {"storage": {"backend": "sqlite", "sqlite": {"path": "dialogues.db"}}}


@instead(check_user_id, "CONF-01")
def takes_any_principal(honest: F, user_id: str, where: str = "user_id") -> str:
    """Takes a user or principal of any text."""
    try:
        return str(honest(user_id, where))
    except DialogueStoreError:
        return user_id


# -- ids from titles (ADDR-06) ---------------------------------------------------------------------


id_from_title = instead(addresses.new_dialogue_id, "ADDR-06")


@id_from_title
def drops_all_that_is_not_ascii(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Makes an id of a title's ASCII characters only, as if the others were not there."""
    yield from honest(title.encode("ascii", "ignore").decode(), opaque=opaque)


@id_from_title
def composes_titles(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Takes a title in its composed form, so that an accent ends a word."""
    kept = re.sub(r"[^A-Za-z0-9]+", "-", unicodedata.normalize("NFKC", title))
    yield from honest(kept, opaque=opaque)


@id_from_title
def cuts_the_number_off(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """Cuts an id to 64 characters after its number was appended."""
    yield from (name[:64] for name in honest(title, opaque=opaque))


@id_from_title
def counts_ids_from_one(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """The second candidate for an id ends in 1."""
    for number, name in zip(count(), honest(title, opaque=opaque), strict=False):
        yield re.sub(r"-\d+$", f"-{number}", name) if number else name


@id_from_title
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


@id_from_title
def ids_without_their_time(honest: F, title: str, *, opaque: bool = False) -> Iterator[str]:
    """An opaque id is random throughout, a UUID of version 4."""
    yield from [f"d-{uuid.uuid4().hex}"] if opaque else honest(title)
