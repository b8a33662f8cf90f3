"""A process of its own that writes one whole round: ``python -m tests.journal_writer JSON``.

It ends itself with SIGKILL after as many calls of the engine as the JSON says; without that it prints the
calls that it made, as JSON.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from typing import Any

from conformance.suite.kit.rounds import many
from reference_impl.partitions.dynamodb.store import DynamoPartitionStore
from reference_impl.sealing.providers import LocalFileKeyProvider
from reference_impl.store import journal
from reference_impl.testing import open_store
from tests.stopping_store import StoppingPartitionStore


def main(given: dict[str, Any]) -> None:
    """Write ``given["count"]`` of everything into round 1 of ``tides``, as far as it goes."""

    def step(number: int, name: str) -> None:
        if number == given.get("kill_after"):
            os.kill(os.getpid(), signal.SIGKILL)

    if "part_bytes" in given:
        journal.PART_BYTES = given["part_bytes"]
    engine = DynamoPartitionStore(given["table"], client_options=given["client"])
    partitions = StoppingPartitionStore(engine, step, max_actions=given["max_actions"])
    keys = LocalFileKeyProvider(given["key_file"])
    with open_store(partitions, keys) as store:
        if given.get("kill_after") == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        store.register_round("tides", **many(given["count"]))
    print(json.dumps(partitions.calls), flush=True)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
