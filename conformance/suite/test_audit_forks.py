"""AUDIT-08: the child of a fork is another instance: a chain of its own, and keys that it opened itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..running.session import World
from .kit.builders import begin, listed
from .kit.chain import Log, is_linked, operations
from .kit.forking import Child
from .kit.marks import profile, rules

pytestmark = profile("audit")

D = "d"


@rules("AUDIT-08")
def test_after_a_fork_each_process_logs_on_a_chain_of_its_own(world: World) -> None:
    """Both have read before, with the keys and the chain of the parent; now both read what is new."""
    backend = world.open()
    begin(backend.store, D, rounds=[1])
    reader = world.open()
    assert len(listed(reader.store.get_rounds(D))) == 1
    assert backend.raw is not None, "the profile needs raw access, and the backend gives none"
    log = Log(backend.raw, D)
    (mine,) = [name for name in log.all() if name != "w"]

    def work(_: Callable[[], None]) -> dict[str, list[dict[str, Any]]]:
        assert len(listed(reader.store.get_rounds(D))) == 1
        found = world.open()  # what this process sees: not every storage is shared with the parent
        assert found.raw is not None
        return {name: list(chain) for name, chain in Log(found.raw, D).all().items()}

    with Child(work) as child:
        seen = child.answer()
    own = {name: chain for name, chain in seen.items() if name not in ("w", mine)}
    assert len(own) == 1, f"the child logged on {len(own)} chains of its own"
    ((name, events),) = own.items()
    assert operations(events) == ["derive", "unwrap", "decrypt"]
    assert is_linked(D, name, events)
    backend.store.create_round(D, 2)
    assert len(listed(reader.store.get_rounds(D))) == 2
    chains = log.all()
    assert operations(chains[mine])[3:] == ["decrypt"]
    assert is_linked(D, mine, chains[mine])
