"""A program with the client that loads records with a journal; one run of the fork server.

Its argument is a JSON file: `settings`, `api`, `operation`, `external_id`, `records`, `journal`.
It writes the counts of the load as JSON to standard output. Jobs and batches are small.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from sfbulk import Operation, Salesforce, client, client_bulk1
from sfbulk.load.spool import FileLimits

LIMITS = FileLimits(bytes=70, rows=2)


def main() -> int:
    order = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    for module, limits in ((client, "JOB_LIMITS"), (client_bulk1, "BATCH_LIMITS")):
        setattr(module, limits, LIMITS)
    counts: dict[str, int] = {}
    with Salesforce.from_settings(order["settings"]) as sf:
        door = sf if order["api"] == "2.0" else sf.bulk1
        for outcome in door.load(
            "Account",
            Operation(order["operation"]),
            order["records"],
            external_id=order["external_id"],
            journal=order["journal"],
        ):
            counts[outcome.status.value] = counts.get(outcome.status.value, 0) + 1
    print(json.dumps(counts))  # noqa: T201 - what the test reads
    return 0
