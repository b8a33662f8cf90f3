"""KEY-02's processes are made by the target's factory, whatever its key provider is made from."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conformance.running.session import World
from conformance.suite.test_keys_file import test_processes_that_start_at_once_end_with_one_key
from conformance.targets.base import Backend, Engine, Target
from reference_impl.partitions.memory import MemoryPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.testing import open_store

at_once: Callable[[World, str], None] = test_processes_that_start_at_once_end_with_one_key
del test_processes_that_start_at_once_end_with_one_key  # pytest must not collect it here


def world_of(root: Path, provider: Callable[[Path], Any]) -> World:
    def factory(
        folder: Path, *, key_file: Path, user_id: str = "local", deadline_s: float = 10.0
    ) -> Backend:
        keys = provider(key_file)
        return Backend(open_store(MemoryPartitionStore(), keys), keys=keys)

    return World(Target("mine", factory, Engine("in-process"), "mine"), root)


def test_a_provider_that_no_other_module_can_name_and_that_takes_more_than_a_path(
    tmp_path: Path,
) -> None:
    class Mine(LocalFileKeyProvider):
        def __init__(self, realm: str, key_file: Path) -> None:
            assert realm == "harbours"
            super().__init__(key_file)

    at_once(world_of(tmp_path, lambda key_file: Mine("harbours", key_file)), "quick")


def test_keys_that_differ_are_red(tmp_path: Path) -> None:
    def apart(key_file: Path) -> LocalFileKeyProvider:
        return LocalFileKeyProvider(key_file.with_name(f"{os.getpid()}.key"))

    with pytest.raises((AssertionError, FileNotFoundError)):
        at_once(world_of(tmp_path, apart), "quick")


def test_a_child_that_dies_says_what_it_wrote_to_stderr(tmp_path: Path) -> None:
    class Dies(LocalFileKeyProvider):
        def get_umk(self) -> Any:
            print("the vault is locked: set VAULT_TOKEN", file=sys.stderr)
            os._exit(3)

    with pytest.raises(AssertionError, match="the vault is locked: set VAULT_TOKEN"):
        at_once(world_of(tmp_path, Dies), "quick")


def test_a_child_is_heard_where_many_descriptors_are_open(tmp_path: Path) -> None:
    """A backend may hold as many as it likes: some calls of the system take none from 1,024 on."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 1200:
        pytest.skip(f"a process may open few files here: {hard}")
    with ExitStack() as opened:
        opened.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
        while opened.enter_context(Path(os.devnull).open("rb")).fileno() < 1024:
            pass
        at_once(world_of(tmp_path, LocalFileKeyProvider), "quick")
