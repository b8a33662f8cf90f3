"""STORE-16, with STORE-04 and STORE-18: four clients write at the same time, and a reader looks on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from conformance.running.session import World
from conformance.suite.kit.builders import begin, partition, shown
from conformance.suite.kit.marks import profile, rules
from reference_impl.contract.dialogue_store import DialogueStore

pytestmark = profile("core")

CLIENTS = 4
EACH = 5
#: Longer than any call may take (STORE-16), shorter than one case may.
WAIT_S = 30.0


@dataclass
class Story:
    """What clients that wrote at the same time were told, and what a reader saw meanwhile."""

    before: dict[str, Any]
    #: Client -> the tensions that its writes gave back, in order.
    told: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: Each load of the reader: the ids acknowledged before it began, and the whole partition.
    loads: list[tuple[set[str], dict[str, Any]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    after: dict[str, Any] = field(default_factory=dict)

    def acknowledged(self) -> set[str]:
        return {made["display_id"] for entities in self.told.values() for made in list(entities)}


def _write(store: DialogueStore, story: Story, name: str, step: int) -> None:
    label = f"{name}, {step}"
    made = store.register_tension("tides", 1, label, "The tide comes first.", [name])
    story.told[name].append(shown(made))


def _look(store: DialogueStore, story: Story, goes_on: Callable[[], bool]) -> None:
    """Load while the others write, once at least."""
    while True:
        known = story.acknowledged()
        story.loads.append((known, partition(store, "tides")))
        if not goes_on():
            return


def play(world: World) -> Story:
    """Five steps; at each of them every client registers one tension, all at once, and a reader loads
    the partition until all of them are through. Each client is opened and used by a thread of its own.
    """
    with world.client() as first:
        begin(first.store, "tides", rounds=[1])
        story = Story(partition(first.store, "tides"))
        step = threading.Barrier(CLIENTS + 1)
        through = [threading.Semaphore(0) for _ in range(EACH)]
        written = [0] * EACH

        def client(name: str) -> None:
            with world.client() as backend:
                for number in range(EACH):
                    step.wait(WAIT_S)
                    _write(backend.store, story, name, number)
                    through[number].release()

        def reader() -> None:
            with world.client() as backend:
                for number in range(EACH):
                    step.wait(WAIT_S)
                    _look(backend.store, story, partial(goes_on, number))

        def goes_on(number: int) -> bool:
            while through[number].acquire(blocking=False):
                written[number] += 1
            return written[number] < CLIENTS and not step.broken

        def run(job: Callable[..., None], *args: str) -> None:
            try:
                job(*args)
            except threading.BrokenBarrierError:
                pass  # another one failed, and says why
            except NotImplementedError as error:
                missing.append(error)
                step.abort()
            except Exception as error:  # noqa: BLE001 - it is told by the thread that may raise it
                story.failures.append(f"{args[0] if args else 'the reader'}: {error!r}")
            finally:
                if story.failures:
                    step.abort()

        missing: list[NotImplementedError] = []
        story.told = {f"client-{number}": [] for number in range(CLIENTS)}
        threads = [threading.Thread(target=run, args=(client, n), daemon=True) for n in story.told]
        threads.append(threading.Thread(target=run, args=(reader,), daemon=True))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(WAIT_S)
        if missing:
            raise missing[0]
        story.failures += ["a call never came back" for t in threads if t.is_alive()][:1]
        story.after = partition(first.store, "tides")
        return story


def _ids(count: int) -> list[str]:
    return [f"T01{number:02d}" for number in range(1, count + 1)]


@rules("STORE-16")
def test_clients_at_once_lose_nothing(world: World) -> None:
    """Every acknowledged write is there, no number is used twice or skipped, and the outcome is that of
    the writes one after the other."""
    story = play(world)
    assert story.failures == []
    told = [made for entities in story.told.values() for made in entities]
    assert sorted(made["display_id"] for made in told) == _ids(CLIENTS * EACH)
    assert [made["label"] for made in sorted(told, key=lambda made: made["display_id"])] == [
        tension["label"] for tension in story.after["tensions"]
    ]
    assert sorted(tension["label"] for tension in story.after["tensions"]) == sorted(
        f"{name}, {number}" for name in story.told for number in range(EACH)
    )
    assert story.after["revision"] == story.before["revision"] + CLIENTS * EACH
    for entities in story.told.values():  # a client's own writes are in its own order
        ids = [made["display_id"] for made in entities]
        assert ids == sorted(ids)


@rules("STORE-04", "STORE-18")
def test_a_reader_beside_writers_sees_whole_writes(world: World) -> None:
    """Each load shows one moment: every tension with its event, numbered without a gap, as many as the
    revision counts, and whatever was acknowledged before the load began."""
    story = play(world)
    assert story.failures == []
    assert len(story.loads) >= EACH
    for known, whole in story.loads:
        ids = [tension["display_id"] for tension in whole["tensions"]]
        assert ids == _ids(len(ids))
        assert sorted(event["entity_id"] for event in whole["events"]) == ids
        assert whole["revision"] == story.before["revision"] + len(ids)
        assert known <= set(ids)
