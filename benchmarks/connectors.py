"""Measures tap-sfbulk and target-sfbulk on the sandbox: rows a second, CPU time and peak memory.

Run it with `make bench-connectors`. The commands are processes, and their CPU time and memory are
from the operating system. The rows have eight fields. The sandbox works on the same machine, so
the wall clock counts its work too; the CPU time is that of the connector alone.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sfbulk_sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

BIN = Path(sys.executable).parent
FIELDS = (
    "Ext_Id__c",
    "Name",
    "Phone",
    "Website",
    "Description",
    "AnnualRevenue",
    "NumberOfEmployees",
    "Industry",
)
KILOBYTES_IN_A_MEGABYTE = 1024


class Used(NamedTuple):
    """What one run of a command has taken."""

    seconds: float
    cpu_seconds: float
    megabytes: float


def rows(count: int) -> Iterator[dict[str, str | int | float]]:
    """Accounts with text, a line break, numbers with and without decimals."""
    for n in range(count):
        text = f"Customer {n}, the one\nof line {n}"
        values = (f"A-{n}", f"Company {n}", f"+49 30 {n:08d}", f"https://c{n}.example.com", text)
        yield dict(zip(FIELDS, (*values, n, n % 5000, "Energy"), strict=True))


def run(name: str, config: Path, *, stdin: Path | None = None, stdout: Path) -> Used:
    """Run a connector to its end.

    Raises:
        SystemExit: it failed; its log is on stderr.
    """
    with Path(stdin or os.devnull).open("rb") as given, stdout.open("wb") as taken:
        began = time.monotonic()
        process = subprocess.Popen([BIN / name, "--config", config], stdin=given, stdout=taken)  # noqa: S603 - our own command
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - began
    if status:
        raise SystemExit(f"{name} failed")
    cpu = usage.ru_utime + usage.ru_stime
    return Used(seconds, cpu, usage.ru_maxrss / KILOBYTES_IN_A_MEGABYTE)


def write_rows(folder: Path, count: int) -> Path:
    """The rows as a CSV file for the sandbox."""
    folder.mkdir()
    path = folder / "Account.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, FIELDS)
        table.writeheader()
        table.writerows(rows(count))
    return path


def write_messages(path: Path, count: int) -> None:
    """The rows as Singer messages."""
    kinds: dict[str, str] = dict.fromkeys(FIELDS, "string")
    kinds |= {"AnnualRevenue": "number", "NumberOfEmployees": "integer"}
    properties = {name: {"type": [kind, "null"]} for name, kind in kinds.items()}
    schema = {"type": "SCHEMA", "stream": "Account", "schema": {"properties": properties}}
    with path.open("w", encoding="utf-8") as file:
        file.write(json.dumps({**schema, "key_properties": ["Ext_Id__c"]}) + "\n")
        for row in rows(count):
            file.write(json.dumps({"type": "RECORD", "stream": "Account", "record": row}) + "\n")
        file.write('{"type":"STATE","value":{"done":true}}\n')


def config(sandbox: Sandbox, path: Path, **settings: object) -> Path:
    """The settings of a connector, signed in to the sandbox."""
    signed_in = {"instance_url": sandbox.url, "access_token": sandbox.access_token}
    path.write_text(json.dumps(signed_in | settings), encoding="utf-8")
    return path


def read(folder: Path, count: int) -> Used:
    """Read all fields of the rows by Bulk API 2.0."""
    write_rows(folder / "rows", count)
    with Sandbox(data=folder / "rows") as sandbox:
        settings = {"streams_to_discover": ["Account"], "api_type": "BULK2"}
        used = run(
            "tap-sfbulk", config(sandbox, folder / "tap.json", **settings), stdout=folder / "out"
        )
    with (folder / "out").open("rb") as lines:
        records = sum(line.startswith(b'{"type":"RECORD"') for line in lines)
    if records != count:
        raise SystemExit(f"{records} of {count} rows came")
    return used


def load(folder: Path, count: int) -> Used:
    """Load the rows into an empty org by an upsert, with a journal."""
    write_messages(folder / "in", count)
    with Sandbox(sample=False) as sandbox:
        settings = {"external_id": "Ext_Id__c", "output_dir": str(folder / "output")}
        path = config(sandbox, folder / "target.json", **settings)
        used = run("target-sfbulk", path, stdin=folder / "in", stdout=folder / "state")
        loaded = sandbox.org.counts()["Account"]
    if loaded != count:
        raise SystemExit(f"{loaded} of {count} rows are in")
    return used


def main() -> None:
    """Measure both connectors, and print a line for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=200_000)
    count = parser.parse_args().rows
    for name, measure in (("tap", read), ("target", load)):
        with tempfile.TemporaryDirectory() as folder:
            used = measure(Path(folder), count)
        print(
            f"{name}: {count:,} rows in {used.seconds:.1f} s, {used.cpu_seconds:.1f} s of CPU "
            f"({count / used.cpu_seconds:,.0f} rows for each), at most {used.megabytes:.0f} MB; "
            f"load average {os.getloadavg()[0]:.1f}"
        )


if __name__ == "__main__":
    main()
