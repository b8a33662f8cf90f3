"""A function of the reference exchanged for a whole run, and put back."""

from __future__ import annotations

import pytest

from reference_impl.contract import addresses
from reference_impl.sealing import envelope, keys
from reference_impl.store import composing
from reference_impl.testing import exchanged


def test_a_function_is_exchanged_wherever_it_is_named_and_put_back() -> None:
    with exchanged(addresses.partition_key, lambda honest, name: honest(name).upper()):
        from reference_impl.store import snapshot

        assert addresses.partition_key("d") == "DIALOGUE#D"
        assert snapshot.Snapshot("d").pk == "DIALOGUE#D"
    assert addresses.partition_key("d") == "dialogue#d"


def test_a_name_that_was_imported_is_exchanged_as_well() -> None:
    with exchanged(envelope.address_digest, lambda honest, address: b"\x00" * 32):
        with pytest.raises(Exception, match="another address"):
            envelope.check_address("dialogue:d/entity:dialogue/meta", {"aad_hash": "ff" * 32})
        assert envelope.check_address("x", {"aad_hash": "00" * 32}) == b"\x00" * 32


def test_a_method_is_exchanged_and_is_given_its_object() -> None:
    key = keys.DekHandle(bytes(32), "d", 1)
    right = key.commitment()
    with exchanged(keys.DekHandle.commitment, lambda honest, dek: honest(dek)[::-1]):
        assert key.commitment() == right[::-1]
    assert key.commitment() == right


def test_what_is_exchanged_already_is_exchanged_once_more_everywhere() -> None:
    def told() -> list[str]:
        return [keys.check_user_id("a"), vars(composing)["check_user_id"]("b")]

    with exchanged(keys.check_user_id, lambda honest, name: honest(name) + "1"):
        with exchanged(keys.check_user_id, lambda honest, name: honest(name) + "2"):
            assert told() == ["a12", "b12"]
        assert told() == ["a1", "b1"]
    assert told() == ["a", "b"]


def test_an_exception_puts_everything_back() -> None:
    with pytest.raises(ZeroDivisionError), exchanged(addresses.partition_key, lambda honest, n: n):
        raise ZeroDivisionError
    assert addresses.partition_key("d") == "dialogue#d"


def test_what_the_reference_does_not_have_is_no_exchange() -> None:
    with (
        pytest.raises(LookupError, match="dumps"),
        exchanged(__import__("json").dumps, lambda *a: a),
    ):
        pass
