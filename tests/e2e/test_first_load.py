"""The recipe of the first load, with its settings, of few rows and of a million."""

from __future__ import annotations

import csv
import json
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.test_recipes import CUSTOMERS, PEOPLE, recipe
from tests.target.support import Org, as_lines, high_water, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TITLE = "The first load of a million rows"
MOST_MEMORY = 220_000_000
RESULTS = {CUSTOMERS: "customer_key", PEOPLE: "person_key"}


def messages(each: int) -> Iterator[dict[str, Any]]:
    """As many customers as people, parents first."""
    yield schema(CUSTOMERS, "customer_key", "customer_name", key="customer_key")
    for n in range(each):
        yield record(CUSTOMERS, customer_key=f"A-{n}", customer_name=f"Customer {n}")
    yield schema(PEOPLE, "person_key", "last_name", "customer_key", key="person_key")
    for n in range(each):
        yield record(PEOPLE, person_key=f"C-{n}", last_name=f"P {n}", customer_key=f"A-{n}")
    yield state(done=each)


def feed(org: Org, path: Path, **settings: Any) -> int:
    """Load a file by the command; return its peak memory in bytes."""
    with org.start(**settings) as process:
        assert process.stdin is not None
        with path.open("rb") as stream, process.stdin as stdin:
            while piece := stream.read(1_000_000):
                stdin.write(piece)
        peak = 0
        while process.returncode is None:
            peak = max(peak, high_water(process.pid))
            with suppress(subprocess.TimeoutExpired):
                process.wait(timeout=0.1)
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read().decode()[-4000:]
    return peak


def count(org: Org, condition: str) -> int:
    found: int = org.query(f"SELECT COUNT(Id) n FROM {condition}")[0]["n"]  # noqa: S608 - our own names
    return found


@pytest.mark.parametrize(
    "each",
    [150, pytest.param(500_000, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])],
)
def test_the_first_load_is_accounted_row_by_row_and_can_be_taken_back(
    tmp_path: Path, each: int
) -> None:
    settings = recipe(TITLE)
    assert settings.pop("output_dir")
    path = tmp_path / "input.jsonl"
    with path.open("wb") as stream:
        for message in messages(each):
            stream.write(as_lines([message]))
    with Sandbox(sample=False, db=tmp_path / "org.db") as sandbox:
        org = Org(sandbox, tmp_path)
        assert feed(org, path, **settings) < MOST_MEMORY
        assert count(org, "Account") == each
        assert count(org, "Contact WHERE AccountId != null") == each
        for name, key in RESULTS.items():
            assert len(results(org, name, key)) == each
        take_back(org, results(org, CUSTOMERS, "customer_key"))
        assert count(org, "Account") == 0


def results(org: Org, stream: str, key: str) -> dict[str, str]:
    """The Ids by key of a results file, in which each key stands once."""
    with (org.folder / "output" / f"{stream}.results.csv").open(newline="") as lines:
        rows = [(row[key], row["sf__Id"]) for row in csv.DictReader(lines)]
    found = dict(rows)
    assert len(found) == len(rows)
    return found


def take_back(org: Org, ids: dict[str, str]) -> None:
    path = org.folder / "results.jsonl"
    with path.open("wb") as stream:
        stream.write(as_lines([schema("first_load", "customer_key", "sf__Id", "job_id")]))
        for key, found in ids.items():
            row = {"customer_key": key, "sf__Id": found, "job_id": "750"}
            message = {"type": "RECORD", "stream": "first_load", "record": row}
            stream.write(json.dumps(message).encode() + b"\n")
    feed(org, path, **recipe(TITLE, 1), output_dir=str(org.folder / "again"))
