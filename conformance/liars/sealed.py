"""Liars for profiles encrypted and keys in single functions: seals, keys, sums. The wrong one is in force,
wherever the reference uses it, while the reference store in memory is tried."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from functools import partial
from typing import Any
from unittest import mock

from reference_impl.contract.items import canonical_json
from reference_impl.contract.tables import TYPES
from reference_impl.sealing import envelope, head, keys, payloads

from . import liar
from .encrypted import LyingStore, factory_of, forget
from .kit.touched import touched

__all__ = ["everywhere", "wrong"]

F = Callable[..., Any]

_OPENS_NOTHING = "what lies there is not what the toolkit makes or opens"
_READS = ("STORE-03", "ENV-06", "ENV-07", "ENV-08", "ENV-05", "ERR-03", "ENV-04", "ENV-03")


@contextmanager
def everywhere(honest: F, wrong: F) -> Iterator[None]:
    """Put a function in the place of another one in every module of the reference that names it."""
    with ExitStack() as patches:
        for name, module in list(sys.modules.items()):
            if name.startswith("reference_impl."):
                for attribute, value in list(vars(module).items()):
                    if value is honest:
                        patches.enter_context(mock.patch.object(module, attribute, wrong))
        yield


def wrong(
    honest: F,
    *must_fail: str,
    profile: str = "encrypted",
    also: Mapping[str, str] | None = None,
    holder: type | None = None,
) -> Callable[[F], F]:
    """Make a liar of a function, which is given the honest one first; ``holder``: the class that has it
    as a method."""

    def register(lie: F) -> F:
        def during() -> AbstractContextManager[object]:
            if holder is None:
                return everywhere(honest, partial(lie, honest))
            instead = lambda *args, **kwargs: lie(honest, *args, **kwargs)  # noqa: E731
            return mock.patch.object(holder, honest.__name__, instead)

        factory = factory_of(LyingStore)
        factory.__name__, factory.__doc__ = lie.__name__, lie.__doc__
        liar(must_fail=must_fail, profile=profile, also=also, discard=forget, during=during)(
            factory
        )
        return lie

    return register


def _because(*rules: str) -> dict[str, str]:
    return dict.fromkeys(rules, _OPENS_NOTHING)


# -- what is sealed (ENV-02, ENV-09) -------------------------------------------------------------------


def _reading(honest: F, entity: str, text: bytes, change: F) -> Any:
    with suppress(ValueError, zlib.error, TypeError, AttributeError):
        text = change(text)
    return honest(entity, text)


@contextmanager
def _both(*pairs: tuple[F, F]) -> Iterator[None]:
    with ExitStack() as stack:
        for honest, lie in pairs:
            stack.enter_context(everywhere(honest, lie))
        yield


def sealing(
    *must_fail: str, also: Mapping[str, str] | None = None
) -> Callable[[type[Any]], type[Any]]:
    """Make a liar of a pair: ``write`` changes what is sealed, ``read`` changes it back."""

    def register(pair: type[Any]) -> type[Any]:
        def payload_of(*args: Any) -> bytes:
            text: bytes = pair.write(honest_payload(*args))
            return text

        def parse(entity: str, text: bytes) -> Any:
            return _reading(honest_parse, entity, text, pair.read)

        honest_payload, honest_parse = envelope.payload_of, payloads.parse_payload
        factory = factory_of(LyingStore)
        factory.__name__, factory.__doc__ = pair.__name__, pair.__doc__
        liar(
            must_fail=must_fail,
            profile="encrypted",
            also=also,
            discard=forget,
            during=lambda: _both((honest_payload, payload_of), (honest_parse, parse)),
        )(factory)
        return pair

    return register


@sealing(
    "ENV-02",
    "ENV-09",
    also={**_because(*_READS, "ADDR-10", "ADDR-05"), **touched("STORE-18", "STORE-20", "ENV-01")},
)
class leaves_nulls_out:  # noqa: N801
    """Seals only the fields that are set."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return canonical_json({k: v for k, v in json.loads(text).items() if v is not None})

    @staticmethod
    def read(text: bytes) -> bytes:
        return text


@sealing(
    "ENV-02",
    "ENV-09",
    also={
        **_because(*_READS, "ADDR-10", "ADDR-05"),
        **touched("STORE-14", "STORE-15", "ERR-02", "ENV-01"),
    },
)
class compresses_first:  # noqa: N801
    """Compresses what it seals."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return zlib.compress(text)

    @staticmethod
    def read(text: bytes) -> bytes:
        return zlib.decompress(text)


@sealing(
    "ENV-02", "ADDR-10", also={**_because(*_READS, "ADDR-05", "ENV-09"), **touched("STORE-15")}
)
class seals_with_spaces:  # noqa: N801
    """Seals JSON as Python writes it: with spaces, in ASCII, unsorted."""

    @staticmethod
    def write(text: bytes) -> bytes:
        return json.dumps(json.loads(text)).encode()

    @staticmethod
    def read(text: bytes) -> bytes:
        return canonical_json(json.loads(text))


# -- what a reader takes (ENV-02, ENV-03, ENV-06) ------------------------------------------------------


@wrong(payloads.parse_payload, "ENV-02", "ENV-06", also=touched("ENV-05", "ERR-03"))
def takes_unknown_members(honest: F, entity: str, text: bytes) -> Any:
    """Overlooks a member of a plaintext that the type does not have."""
    known = {field.name for field in TYPES[entity].sealed_fields}

    def drop(plain: bytes) -> bytes:
        value = json.loads(plain)
        if canonical_json(value) != plain:
            return plain
        return canonical_json({k: v for k, v in value.items() if k in known})

    return _reading(honest, entity, text, drop)


@wrong(payloads.parse_payload, "ENV-02", "ENV-06", also=touched("ENV-05", "ENV-07", "ERR-03"))
def fills_missing_members(honest: F, entity: str, text: bytes) -> Any:
    """Takes a member that a plaintext lacks for null."""
    fields = TYPES[entity].sealed_fields

    def fill(plain: bytes) -> bytes:
        value = json.loads(plain)
        if canonical_json(value) != plain:
            return plain
        return canonical_json({**{f.name: None for f in fields if f.nullable}, **value})

    return _reading(honest, entity, text, fill)


@wrong(
    envelope.check_address,
    "ENV-03",
    "ENV-06",
    also={"ENV-08": "what is stored is not looked at", **touched("ENV-07")},
)
def ignores_the_aad_hash(honest: F, address: str, item: Mapping[str, Any]) -> bytes:
    """Decrypts with the right AAD and never looks at the stored aad_hash."""
    return hashlib.sha256(address.encode()).digest()


@wrong(
    envelope.dek_version,
    "ENV-06",
    also={
        "ENV-08": "the key is not the one that is named",
        **touched("ENV-05", "ENV-07", "ERR-03"),
    },
)
def ignores_the_key_id(honest: F, dialogue_id: str, item: Mapping[str, Any]) -> int:
    """Opens every item under the first data key, whatever dialogue or version it names."""
    return 1


@wrong(envelope.check_form, "ENV-01", "ENV-06", "ADDR-05")
def takes_any_index(
    honest: F, kind: Any, parts: Any, dialogue_id: str, item: Mapping[str, Any]
) -> None:
    """Does not compare index attributes with what they follow from."""
    from reference_impl.contract.items import index_attributes

    try:
        right = index_attributes(kind, dialogue_id, parts, item)
    except (KeyError, ValueError, TypeError):
        right = {}
    honest(kind, parts, dialogue_id, {**item, **{n: right[n] for n in right if n in item}})


# -- what is written (ADDR-05, ENV-01, ENV-04) ---------------------------------------------------------


@wrong(envelope.seal, "ENV-04", also={"ENV-06": "a nonce twice in one read is a bad item"})
def derives_nonces(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Takes a nonce from the address and the text, so that the same text has the same one."""
    return honest(dek, address, payload, hashlib.sha256(address.encode() + payload).digest()[:12])


@wrong(envelope.seal, "ENV-04")
def fixes_half_a_nonce(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Begins every nonce with four bytes that name the dialogue."""
    fixed = hashlib.sha256(dek.key_id.encode()).digest()[:4]
    return honest(dek, address, payload, fixed + nonce[4:])


@wrong(envelope.seal, "ENV-05", "ERR-03")
def logs_what_it_seals(honest: F, dek: Any, address: str, payload: bytes, nonce: bytes) -> Any:
    """Logs what it seals, for debugging."""
    logging.getLogger("store").debug("sealing %s: %s", address, payload.decode())
    return honest(dek, address, payload, nonce)


# -- the head (HEAD-02 as far as ENV-09 shows it) ------------------------------------------------------


@wrong(
    head.term,
    "ENV-06",
    "ENV-09",
    also={
        **_because("STORE-03", "ENV-07", "ENV-08", "ENV-02", "ENV-04", "ENV-03"),
        **touched("ADDR-05", "ADDR-10", "ENV-01"),
    },
)
def sums_without_refs(honest: F, key: bytes, item: Mapping[str, Any]) -> int:
    """Leaves refs out of the head's sum."""
    term: int = honest(key, item)
    return 0 if str(item["sk"]).startswith("ref#") else term


# -- keys (KEY-03, KEY-05, KEY-06) ---------------------------------------------------------------------

_TOOLKIT = (*_READS, "ADDR-05", "ADDR-10", "ENV-01", "ENV-02", "ENV-09", "KEY-01", "KEY-02")


@wrong(
    keys.DekHandle.commitment,
    "KEY-05",
    "KEY-06",
    profile="keys",
    holder=keys.DekHandle,
    also=_because(*_TOOLKIT, "KEY-08"),
)
def commits_without_a_label(honest: F, dek: Any) -> str:
    """Commits to a data key by its plain digest."""
    return hashlib.sha256(dek._Handle__key).hexdigest()


@wrong(
    keys.hkdf,
    "KEY-03",
    "KEY-05",
    profile="keys",
    also=_because(*_TOOLKIT, "KEY-06", "KEY-08"),
)
def ends_labels_with_nul(honest: F, key: bytes, info: bytes) -> bytes:
    """Ends every label of a derivation with NUL, as a C string does."""
    derived: bytes = honest(key, info + b"\x00")
    return derived
