"""A process of its own that reads and writes one dialogue: ``python -m tests.audit_worker JSON``.

It opens the store that the JSON describes, prints ``ready``, waits for a line, does its work and prints what
it did itself, as JSON: the outcomes of its own calls and nothing out of any log.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store.encrypted_store import EncryptedStore
from reference_impl.testing import open_store

D = "d"
ROUND = 0


def opened(given: dict[str, Any]) -> EncryptedStore:
    """A store instance of its own over the storage that all share."""
    if "path" in given:
        from reference_impl.partitions.sqlite.store import SqlitePartitionStore

        partitions: Any = SqlitePartitionStore(Path(given["path"]))
    else:
        from reference_impl.partitions.dynamodb.store import DynamoPartitionStore

        partitions = DynamoPartitionStore(given["table"], client_options=given["client"])
    return open_store(
        partitions,
        LocalFileKeyProvider(given["key_file"]),
        principal=given["principal"],
        deadline_s=given.get("deadline_s", 10.0),
    )


def story(given: dict[str, Any], ready: Callable[[], None]) -> dict[str, Any]:
    """A read, then ``times`` writes, each followed by a read. ``said``: for a write True, for a read the
    revision and every expert's score."""
    said: list[Any] = []
    with opened(given) as store:

        def read() -> None:
            whole = store.load_partition(D)
            scores = {e.expert_slug: e.scores.get(f"{ROUND:02d}") for e in whole.experts}
            said.append({"revision": whole.revision, "scores": scores})

        ready()
        read()
        for number in range(1, given["times"] + 1):
            store.update_expert_score(D, given["principal"], ROUND, number)
            said.append(True)
            read()
    return {"said": said}


def writes(given: dict[str, Any], ready: Callable[[], None]) -> dict[str, Any]:
    """Writes, so many ``times`` or for ``seconds``: ``per_second``, or as fast as they get through.
    ``late``: how far the slowest was behind its time, in seconds."""
    done, late = 0, 0.0
    with opened(given) as store:
        store.load_partition(D)
        ready()
        began = time.monotonic()
        pause = threading.Event()
        while done < given.get("times", float("inf")):
            if "per_second" in given:
                due = began + done / given["per_second"]
                pause.wait(max(0.0, due - time.monotonic()))
                late = max(late, time.monotonic() - due)
            if time.monotonic() - began >= given.get("seconds", float("inf")):
                break
            done += 1
            store.update_expert_score(D, given["principal"], ROUND, done)
    return {"writes": done, "late": late}


def reads(given: dict[str, Any], ready: Callable[[], None]) -> dict[str, Any]:
    """``instances`` of the store, a thread each, read so many ``times`` or for ``seconds``: how often
    each did, and the errors."""
    seen = [0] * given["instances"]
    failed: list[str] = []
    stores = [opened(given) for _ in seen]
    for store in stores:
        store.load_partition(D)
    ready()
    began = time.monotonic()

    def read(number: int) -> None:
        try:
            while seen[number] < given.get("times", float("inf")):
                if time.monotonic() - began >= given.get("seconds", float("inf")):
                    break
                stores[number].load_partition(D)
                seen[number] += 1
        except Exception as failure:  # noqa: BLE001 - the parent is told
            failed.append(f"{type(failure).__name__}: {failure}")

    threads = [threading.Thread(target=read, args=(number,)) for number in range(len(seen))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for store in stores:
        store.close()
    return {"reads": seen, "failed": failed}


def main(given: dict[str, Any]) -> None:
    """Do what ``given["work"]`` names."""

    def ready() -> None:
        print("ready", flush=True)
        sys.stdin.readline()

    done = {"story": story, "writes": writes, "reads": reads}[given["work"]](given, ready)
    print(json.dumps(done), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
