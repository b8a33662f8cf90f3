"""What the two packages offer by name, and what asking for one of them loads."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest


@pytest.mark.parametrize("package", ["reference_impl", "conformance"])
def test_every_public_name_is_there_and_is_told(package: str) -> None:
    module = importlib.import_module(package)
    assert sorted(module.__all__) == list(module.__all__)
    assert set(module.__all__) <= set(dir(module))
    for name in module.__all__:
        assert getattr(module, name).__doc__, name


def test_what_day_one_needs() -> None:
    reference, suite = (importlib.import_module(name) for name in ("reference_impl", "conformance"))
    assert {
        *("KeyProvider", "LocalFileKeyProvider", "EncryptedStore", "new_dialogue_id"),
        *("Perspective", "Verdict", "DialoguePartition", "RoundRegistration", "ChainReport"),
    } <= set(reference.__all__)
    assert set(suite.__all__) >= {
        *("Backend", "RawAccess", "RawParts", "Crypto", "Target", "run", "Report", "load_vectors"),
    }


@pytest.mark.parametrize("package", ["reference_impl", "conformance"])
def test_a_name_that_is_not_there_is_an_attribute_error(package: str) -> None:
    with pytest.raises(AttributeError, match="no attribute 'walk'"):
        getattr(importlib.import_module(package), "walk")  # noqa: B009


def test_reading_vectors_loads_no_test_runner_and_no_engine() -> None:
    code = (
        "import sys; from conformance import load_vectors; load_vectors('timestamp');"
        "print([n for n in ('pytest', 'hypothesis', 'boto3', 'reference_impl') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("[]\n", "")
