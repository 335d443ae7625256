"""Measures the sandbox: load, Bulk API 2.0 query and ingest of many wide rows.

Run it with `make bench`. The sandbox is a process; its peak memory and CPU time are from the
operating system. Rows have 24 columns of text, numbers, dates and booleans. Rates use the
wall-clock time of client and sandbox, so other processes slow them down. Therefore the load average
is printed, and the rate for the CPU time of the sandbox alone.
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
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

API = "/services/data/v68.0"
OBJECT = "Wide__c"
TEXTS, NUMBERS, DATES, BOOLEANS = 12, 6, 3, 2
ROWS_A_JOB = 150_000  # 96 MB of CSV; a job may have 100 MB
HTTP_SECONDS = 600
READY_SECONDS = 600
MEGABYTE = 1_000_000
MOST_MEGABYTES = 500
ROWS_SERVED, ROWS_INGESTED = 60_000, 15_000


def columns() -> dict[str, dict[str, Any]]:
    """Return facts for the describe of 23 custom fields by name. With Name there are 24 columns."""
    made: dict[str, dict[str, Any]] = {}
    for n in range(TEXTS):
        made[f"Text_{n}__c"] = {"type": "string", "soapType": "xsd:string", "length": 80}
    for n in range(NUMBERS):
        facts = {"type": "double", "soapType": "xsd:double", "precision": 18, "scale": 2}
        made[f"Number_{n}__c"] = facts
    for n in range(DATES):
        made[f"Date_{n}__c"] = {"type": "date", "soapType": "xsd:date"}
    for n in range(BOOLEANS):
        made[f"Flag_{n}__c"] = {"type": "boolean", "soapType": "xsd:boolean"}
    return made


def describe(url: str, token: str) -> dict[str, Any]:
    """Return the describe of the wide object, made from that of the sandbox's custom object."""
    answer = requests.get(
        f"{url}{API}/sobjects/Invoice__c/describe",
        headers={"Authorization": f"Bearer {token}"},
        timeout=HTTP_SECONDS,
    )
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    kept = [f for f in body["fields"] if not f["custom"] and f["name"] != "Name"]
    template = next(f for f in body["fields"] if f["name"] == "Notes__c")
    plain = {"nillable": True, "createable": True, "updateable": True, "custom": True}
    own = [{**template, **plain, **facts, "name": n, "label": n} for n, facts in columns().items()]
    name = {**template, **plain, "name": "Name", "type": "string", "length": 80, "custom": False}
    body.update(name=OBJECT, label=OBJECT, keyPrefix="a99", fields=[*kept, name, *own])
    return body


def cells(number: int) -> list[str]:
    """Return one row. Its texts must be quoted in CSV."""
    texts = [f'row {number}, "text" {n} of some length' for n in range(TEXTS)]
    numbers = [f"{number * (n + 1)}.25" for n in range(NUMBERS)]
    dates = [f"2026-{number % 12 + 1:02d}-{n + 1:02d}" for n in range(DATES)]
    flags = ["true" if (number + n) % 2 else "false" for n in range(BOOLEANS)]
    return [f"Row {number}", *texts, *numbers, *dates, *flags]


def write_csv(path: Path, first: int, last: int) -> None:
    """Write rows `first` to `last` - 1 with a header."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow(["Name", *columns()])
        writer.writerows(cells(number) for number in range(first, last))


@contextmanager
def sandbox(*arguments: str) -> Iterator[tuple[dict[str, str], int]]:
    """Run a sandbox, and yield its ready line and its process id."""
    command = [str(Path(sys.executable).with_name("sfbulk-sandbox")), "serve", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            line = process.stdout.readline() if process.stdout else ""
            yield json.loads(line), process.pid
        finally:
            process.terminate()
            process.wait(READY_SECONDS)


def processor_seconds(pid: int) -> float:
    """Return the CPU time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(") ")[2].split()
    user, system = fields[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid: int) -> float:
    """Return the peak memory of a process in MB."""
    status = Path(f"/proc/{pid}/status").read_text("utf-8")
    kilobytes = next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]
    return int(kilobytes) * 1024 / MEGABYTE


class Org:
    """The Bulk API 2.0 requests of the benchmark."""

    def __init__(self, ready: dict[str, str]) -> None:
        self.base = ready["url"] + API
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {ready['access_token']}"

    def call(self, method: str, path: str, **options: Any) -> requests.Response:
        """Make a request that must succeed."""
        answer = self.session.request(method, self.base + path, timeout=HTTP_SECONDS, **options)
        answer.raise_for_status()
        return answer

    def wait(self, kind: str, job: str) -> dict[str, Any]:
        """Poll a job until it is complete. A failed job ends the benchmark."""
        while True:
            info: dict[str, Any] = self.call("GET", f"/jobs/{kind}/{job}").json()
            if info["state"] == "JobComplete":
                return info
            if info["state"] in {"Failed", "Aborted"}:
                sys.exit(f"job {job} ended {info['state']}: {info.get('errorMessage')}")
            time.sleep(0.2)  # noqa: TID251 - a benchmark waits for the real clock

    def query(self) -> str:
        """Run a query job for every row, and return its id."""
        soql = f"SELECT Name, {', '.join(columns())} FROM {OBJECT}"  # noqa: S608 - our own names
        job = self.call("POST", "/jobs/query", json={"operation": "query", "query": soql}).json()
        self.wait("query", job["id"])
        return str(job["id"])

    def results(self, job: str) -> int:
        """Read every page of a job, and return the number of rows."""
        rows, locator = 0, ""
        while locator != "null":
            params = {"locator": locator} if locator else {}
            with self.call("GET", f"/jobs/query/{job}/results", params=params, stream=True) as page:
                rows += int(page.headers["Sforce-NumberOfRecords"])
                locator = page.headers["Sforce-Locator"]
                for _ in page.iter_content(MEGABYTE):
                    pass
        return rows

    def insert(self, file: Path) -> int:
        """Load one file, and return the number of saved rows."""
        job = self.call("POST", "/jobs/ingest", json={"object": OBJECT, "operation": "insert"})
        path = f"/jobs/ingest/{job.json()['id']}"
        with file.open("rb") as body:
            self.call("PUT", f"{path}/batches", data=body, headers={"Content-Type": "text/csv"})
        self.call("PATCH", path, json={"state": "UploadComplete"})
        info = self.wait("ingest", job.json()["id"])
        return int(info["numberRecordsProcessed"]) - int(info["numberRecordsFailed"])


@dataclass
class Stage:
    """One line of the report, with the wall-clock time and the CPU time in seconds."""

    pid: int
    seconds: float = 0.0
    processor: float = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Add the time of the block."""
        begun, used = time.perf_counter(), processor_seconds(self.pid)
        yield
        self.seconds += time.perf_counter() - begun
        self.processor += processor_seconds(self.pid) - used

    def report(self, what: str, rows: int, target: int | None = None) -> None:
        """Print the line, with the target if there is one."""
        rate, own = rows / self.seconds, rows / max(self.processor, 0.01)
        peak = peak_megabytes(self.pid)
        text = f"{what:<16} {rows:>9,} rows {self.seconds:>6.1f} s {rate:>8,.0f} rows/s"
        text += f" (CPU seconds {self.processor:>6.1f}: {own:>8,.0f} rows/s)  peak {peak:>4.0f} MB"
        if target:
            text += f"  target {target:,} rows/s: {verdict(rate >= target)}"
        print(f"{text}, {MOST_MEGABYTES} MB: {verdict(peak < MOST_MEGABYTES)}", flush=True)


def verdict(met: bool) -> str:
    """Return the word for a result."""
    return "met" if met else "MISSED"


def measure(rows: int, folder: Path) -> None:
    """Measure the load at the start, a query job and ingest jobs."""
    data, describes, jobs = folder / "data", folder / "describe", folder / "jobs"
    for each in (data, describes, jobs):
        each.mkdir()
    with sandbox() as (ready, _):
        body = describe(ready["url"], ready["access_token"])
    (describes / f"{OBJECT}.json").write_text(json.dumps(body), encoding="utf-8")
    write_csv(data / f"{OBJECT}.csv", 0, rows)
    begun = time.perf_counter()
    with sandbox("--data", str(data), "--describe", str(describes)) as (ready, pid):
        Stage(pid, time.perf_counter() - begun, processor_seconds(pid)).report("load", rows)
        org = Org(ready)
        serving, ingesting = Stage(pid), Stage(pid)
        with serving.running():
            job = org.query()
        serving.report("query job", rows)
        with serving.running():
            served = org.results(job)
        serving.report("and its results", served, ROWS_SERVED)
        saved = 0
        for first in range(0, rows, ROWS_A_JOB):
            file = jobs / "rows.csv"
            write_csv(file, rows + first, rows + min(first + ROWS_A_JOB, rows))
            with ingesting.running():
                saved += org.insert(file)
        ingesting.report("ingest", saved, ROWS_INGESTED)
    if (served, saved) != (rows, rows):
        sys.exit(f"expected {rows} rows, but {served} were read and {saved} were saved")


def main() -> None:
    """Parse the options and measure in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    load = " ".join(f"{one:.1f}" for one in os.getloadavg())
    print(f"python {' '.join(sys.argv)}: {os.cpu_count()} processors, load average {load}")
    with tempfile.TemporaryDirectory() as folder:
        measure(arguments.rows, Path(folder))


if __name__ == "__main__":
    main()
