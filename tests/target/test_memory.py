"""The memory of a run grows with the rows that wait, which are bounded, not with its input.

A run has at most 500,000 rows without an outcome, or 400 MB of them on disk (`BufferLimits`);
then it reads no further. In memory it has the key of each, by which the order of a record's
versions is kept, its number and size, and the place of each STATE among them.
"""

from __future__ import annotations

import json
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import COMMAND, high_water, schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.target.support import Org

FEW, MANY = 60_000, 300_000
BYTES_OF_A_ROW = 350
"""What may be in memory of a row that waits, and of the STATE after it."""
SLACK = 15_000_000
"""Blocks that the memory allocator has not given back."""
MANY_STREAMS = [f"stream_{number}" for number in range(100)]

STREAMS = pytest.mark.parametrize(
    "streams", [["Account"], MANY_STREAMS], ids=["one stream", "100 streams"]
)


def messages(
    rows: int, streams: list[str], *, states: int = 0, **values: Any
) -> Iterator[dict[str, Any]]:
    yield from (schema(stream, "Ext_Id__c", "Name", "NumberOfEmployees") for stream in streams)
    for at in range(rows):
        record = {"Ext_Id__c": f"Key {at}", "Name": f"Name {at}", **values}
        yield {"type": "RECORD", "stream": streams[at % len(streams)], "record": record}
        if states and (at + 1) % (rows // states) == 0:
            yield {"type": "STATE", "value": {"at": at, "bookmarks": "x" * 300}}
    yield {"type": "STATE", "value": {"done": True}}


def peak_of_run(org: Org, lines: Iterator[dict[str, Any]], *, hold: bool = False) -> int:
    """The most memory in bytes that a run of the command had, which came to its end.

    Args:
        org: Where the records go.
        lines: What it reads.
        hold: Whether no job ends before all is read.
    """
    org.sandbox.control.reset()
    if hold:
        org.sandbox.control.hold_jobs()
    streams = {"stream_*": {"sobject": "Account"}}
    config = org.config(
        external_id="Ext_Id__c", batch_size_rows=10_000, max_rejects="100%", streams=streams
    )
    given, log = org.folder / "input", org.folder / "log"
    with given.open("w", encoding="utf-8") as file:
        file.writelines(f"{json.dumps(line)}\n" for line in lines)
    with given.open("rb") as stdin, log.open("wb") as stderr:
        process = subprocess.Popen(
            [COMMAND, "--config", config], stdin=stdin, stdout=subprocess.DEVNULL, stderr=stderr
        )
    peak = 0
    while process.returncode is None:
        peak = max(peak, high_water(process.pid))
        if hold and b"completed processing" in log.read_bytes():
            org.sandbox.control.release_jobs()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    assert process.returncode == 0, log.read_text("utf-8")
    return peak


def rejects(org: Org) -> int:
    files = (org.folder / "output").glob("*.rejects.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in files)


@pytest.mark.slow
@pytest.mark.timeout(600)
@STREAMS
def test_rows_and_states_that_wait_for_jobs_take_little_memory(
    org: Org, streams: list[str]
) -> None:
    few = peak_of_run(org, messages(FEW, streams, states=FEW // 15), hold=True)
    many = peak_of_run(org, messages(MANY, streams, states=MANY // 15), hold=True)
    assert many < few + (MANY - FEW) * BYTES_OF_A_ROW + SLACK


@pytest.mark.slow
@pytest.mark.timeout(600)
@STREAMS
def test_records_that_cannot_be_sent_take_no_memory(org: Org, streams: list[str]) -> None:
    few = peak_of_run(org, messages(FEW, streams, NumberOfEmployees="many"))
    many = peak_of_run(org, messages(MANY, streams, NumberOfEmployees="many"))
    assert rejects(org) == FEW + MANY
    assert many < few + SLACK


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_rows_that_salesforce_refuses_take_memory_only_until_their_outcome_is_known(
    org: Org,
) -> None:
    few = peak_of_run(org, messages(FEW, ["Account"], Name=None))
    many = peak_of_run(org, messages(MANY, ["Account"], Name=None))
    assert rejects(org) == FEW + MANY
    assert many < few + (MANY - FEW) * BYTES_OF_A_ROW + SLACK
