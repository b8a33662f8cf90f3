"""The payload vectors against the reference: what it writes, takes and refuses, and at which layer."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from reference_impl.contract.items import canonical_json
from reference_impl.sealing.payloads import Fault, parse_payload
from tests.vector_reading import cases


@pytest.mark.parametrize("test", cases("payload", "canonicalise"))
def test_canonicalise(test: Any) -> None:
    text = bytes.fromhex(test["input"]["json"])
    assert canonical_json(orjson.loads(text)).hex() == test["expected"]["canonical"]


_BEFORE = b'{"content":"c","contributors":[],"label":"l","parameters":{"a":'
_BEHIND = b'},"references":[]}'


@pytest.mark.parametrize("test", cases("payload", "canonical"))
def test_canonical(test: Any) -> None:
    """Inside a recommendation's parameters, where any JSON may stand, so that the reader decides."""
    plaintext = _BEFORE + bytes.fromhex(test["input"]["json"]) + _BEHIND
    if test["result"] == "valid":
        assert canonical_json(parse_payload("recommendation", plaintext)) == plaintext
        return
    with pytest.raises(Fault) as refused:
        parse_payload("recommendation", plaintext)
    assert refused.value.layer == test["layer"]


@pytest.mark.parametrize("test", cases("payload", "fields"))
def test_fields(test: Any) -> None:
    given = test["input"]
    plaintext = bytes.fromhex(given["plaintext"])
    if test["result"] == "valid":
        fields = parse_payload(given["entity"], plaintext)
        assert fields == test["expected"]["fields"]
        assert canonical_json(test["expected"]["fields"]) == plaintext
        return
    with pytest.raises(Fault) as refused:
        parse_payload(given["entity"], plaintext)
    assert (refused.value.layer, refused.value.code) == (test["layer"], test["code"])
