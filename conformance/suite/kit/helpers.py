"""What tests share: the expected error, and builders of dialogues."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from reference_impl.contract.errors import DialogueStoreError

__all__ = ["Caught", "expect_error"]


@dataclass
class Caught:
    """The error that a block ended with; filled in when the block ends."""

    error: DialogueStoreError | None = None

    @property
    def data(self) -> dict[str, Any]:
        """The error's ``data``."""
        assert self.error is not None, "read before the block ended"
        return self.error.data


@contextmanager
def expect_error(code: str, **data: Any) -> Iterator[Caught]:
    """The block must end with the contract's error ``code``; ``data``: members it must carry.

    Red by an assertion when nothing is raised, when the error is not of the contract's class
    (ERR-01) and when its code or data differ.
    """
    caught = Caught()
    try:
        yield caught
    except DialogueStoreError as error:
        caught.error = error
    except Exception as other:
        kind = type(other).__name__
        raise AssertionError(f"expected {code}, the store raised {kind}") from other
    assert caught.error is not None, f"expected {code}, nothing was raised"
    assert caught.error.code == code, f"expected {code}, the store raised {caught.error.code}"
    assert {name: caught.data.get(name) for name in data} == data
