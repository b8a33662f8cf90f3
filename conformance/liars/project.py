"""Liars about configuration (CONF-01, CONF-02), which the project's own tests catch: no backend claims it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any, NoReturn
from unittest import mock

from conformance.spec import OWN_PROFILE
from reference_impl import config
from reference_impl import factory as stores
from reference_impl.contract.errors import DialogueStoreError
from reference_impl.sealing.keys import check_user_id

from . import liar
from .sealed import everywhere

__all__: list[str] = []

F = Callable[..., Any]


def _no_backend(folder: Path, **more: Any) -> NoReturn:
    del folder, more
    raise NotImplementedError("it is a lie about configuration, and no backend")


def instead(honest: F, *must_fail: str) -> Callable[[F], F]:
    """Put a function in the place of one of the configuration's, which it is given first."""

    def register(lie: F) -> F:
        def during() -> AbstractContextManager[object]:
            return everywhere(honest, partial(lie, honest))

        def factory(folder: Path, **more: Any) -> NoReturn:
            _no_backend(folder, **more)

        factory.__name__, factory.__doc__ = lie.__name__, lie.__doc__
        liar(must_fail=must_fail, profile=OWN_PROFILE, during=during)(factory)
        return lie

    return register


@instead(config._flatten, "CONF-02")
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


@instead(config._choice, "CONF-01")
def takes_the_first_backend(honest: F, flat: Mapping[str, Any], where: str, allowed: Any) -> str:
    """Takes SQLite where the configuration names no backend that there is."""
    try:
        return str(honest(flat, where, allowed))
    except DialogueStoreError:
        return str(allowed[0])


@instead(stores.DynamoDialogueStore, "CONF-02")
def falls_back_to_a_file(honest: F, table_name: str, keys: Any, **settings: Any) -> Any:
    """Takes a SQLite file where DynamoDB does not answer."""
    store = honest(table_name, keys, **settings)
    try:
        store.get_dialogue("anything")
    except DialogueStoreError as refusal:
        if refusal.code == "backend_unavailable":
            return stores.SqliteDialogueStore(":memory:", keys)
    return store


def _another_variable() -> AbstractContextManager[object]:
    return mock.patch.object(config, "ENDPOINT_VARIABLE", "AWS_ENDPOINT_URL_DYNAMODB")


@liar(must_fail=("CONF-01",), profile=OWN_PROFILE, during=_another_variable)
def keeps_its_endpoint(folder: Path, **more: Any) -> NoReturn:
    """Takes the endpoint of the configuration, whatever DYNAMODB_ENDPOINT says."""
    _no_backend(folder, **more)


@instead(config._file, "CONF-01")
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
