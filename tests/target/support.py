"""Runs target-sfbulk as a process against a sandbox, and asks the sandbox over REST what landed."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tests.faults.commands import forked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended

COMMAND = Path(sys.executable).parent / "target-sfbulk"


def schema(stream: str, *fields: str, key: str | None = None) -> dict[str, Any]:
    return {
        "type": "SCHEMA",
        "stream": stream,
        "schema": {"properties": {name: {} for name in fields}},
        "key_properties": [key] if key else [],
    }


def record(stream: str, **fields: Any) -> dict[str, Any]:
    return {"type": "RECORD", "stream": stream, "record": fields}


def state(**value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


def as_lines(messages: Iterable[dict[str, Any] | bytes]) -> bytes:
    """Singer lines; bytes are taken as they are."""
    return b"".join(
        (m if isinstance(m, bytes) else json.dumps(m, default=float).encode()) + b"\n"
        for m in messages
    )


@dataclass
class Run:
    """One run of the command."""

    code: int
    stdout: str
    log: str
    output: Path

    @property
    def states(self) -> list[Any]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    @property
    def reason(self) -> str:
        """The last ERROR line, without time and logger."""
        errors = [line for line in self.log.splitlines() if "| ERROR " in line]
        return errors[-1].split("|", maxsplit=3)[-1].strip() if errors else ""

    def rejects(self, stream: str) -> list[dict[str, Any]]:
        path = self.output / f"{stream}.rejects.jsonl"
        # Not by `splitlines`, which also divides a record at U+2028.
        return [json.loads(line) for line in path.read_bytes().split(b"\n") if line]

    def table(self, stream: str) -> Path:
        """The CSV file of the latest run's rejects."""
        return self.output / f"{stream}.rejects.{self.report(stream)['run_id']}.csv"

    def report(self, stream: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.output / f"{stream}.report.json").read_text())
        return found


def edit(
    path: Path, change: Callable[[dict[str, str]], object], *, delimiter: str = ",", mark: str = ""
) -> None:
    """Change the rows of a CSV file as a spreadsheet would save them."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        change(row)
    text = io.StringIO()
    table = csv.DictWriter(text, list(rows[0]), delimiter=delimiter, lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    path.write_text(mark + text.getvalue(), "utf-8", newline="")


class Org:
    """A sandbox as a user sees it: through the command and over REST."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.sandbox = sandbox
        self.folder = folder

    def config(self, **settings: Any) -> Path:
        path = self.folder / "config.json"
        path.write_text(
            json.dumps(
                {
                    "instance_url": self.sandbox.url,
                    "access_token": self.sandbox.access_token,
                    "output_dir": str(self.folder / "output"),
                    **settings,
                }
            )
        )
        return path

    def load(self, *messages: dict[str, Any] | bytes, **settings: Any) -> Run:
        """Feed these messages to the command, a process that is forked and not started."""
        line = ["--config", str(self.config(**settings))]
        done = forked("target-sfbulk").run_line(self.folder, line, stdin=as_lines(messages))
        return self.run_of(done)

    def feed(self, *paths: Path, run: str | None = None, **settings: Any) -> Run:
        """Load the rejects in these files again by the command."""
        line = ["--config", str(self.config(**settings))]
        for path in paths:
            line += ["--rejects", str(path)]
        line += ["--rejects-run", run] if run else []
        return self.run_of(forked("target-sfbulk").run_line(self.folder, line))

    def run_of(self, ended: Ended) -> Run:
        """What a forked run of the command left."""
        stdout = (self.folder / "stdout").read_text("utf-8")
        return Run(ended.code, stdout, ended.log, self.folder / "output")

    @contextmanager
    def start(self, **settings: Any) -> Iterator[subprocess.Popen[bytes]]:
        """The command, waiting for its input; a test that fails does not wait for its end."""
        with self.start_with(self.config(**settings)) as process:
            yield process

    @contextmanager
    def start_with(self, config: Path) -> Iterator[subprocess.Popen[bytes]]:
        with subprocess.Popen(
            [COMMAND, "--config", config],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            try:
                yield process
            except BaseException:
                process.kill()
                raise

    def query(self, soql: str) -> list[dict[str, Any]]:
        """Rows over REST, numbers with all their digits."""
        answer = self._get("/query", q=soql)
        body = answer.json(parse_float=Decimal)
        assert body["done"], "the tests here load less than a page"
        return [{k: v for k, v in row.items() if k != "attributes"} for row in body["records"]]

    def create(self, sobject: str, **fields: Any) -> str:
        """A record made over REST; its id."""
        answer = requests.post(
            f"{self.sandbox.url}/services/data/v68.0/sobjects/{sobject}",
            json=fields,
            headers={"Authorization": f"Bearer {self.sandbox.access_token}"},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def delete(self, sobject: str, record_id: str) -> None:
        """Delete a record over REST."""
        answer = requests.delete(
            f"{self.sandbox.url}/services/data/v68.0/sobjects/{sobject}/{record_id}",
            headers={"Authorization": f"Bearer {self.sandbox.access_token}"},
            timeout=30,
        )
        assert answer.status_code == 204, answer.text

    def job(self, job_id: str) -> dict[str, Any]:
        """A job as Salesforce describes it."""
        described: dict[str, Any] = self._get(f"/jobs/ingest/{job_id}").json()
        return described

    def objects(self) -> list[dict[str, Any]]:
        """All objects, as the global describe has them."""
        listed: list[dict[str, Any]] = self._get("/sobjects").json()["sobjects"]
        self.sandbox.control.forget_requests()
        return listed

    def jobs(self) -> list[dict[str, Any]]:
        """All ingest jobs of the org."""
        listed: list[dict[str, Any]] = self._get("/jobs/ingest").json()["records"]
        return listed

    def keep_jobs(self) -> None:
        """Refuse to delete jobs, so that `loaded` finds those of which all rows are in."""
        self.sandbox.control.add_fault(
            kind="answer", method="DELETE", path="*/jobs/ingest/*", status=400, times=1_000
        )

    def loaded(self, job_id: str) -> list[dict[str, str]]:
        """The rows a job saved, its own `sf__` columns left out."""
        text = self._get(f"/jobs/ingest/{job_id}/successfulResults").content.decode()
        rows = csv.DictReader(io.StringIO(text, newline=""))
        return [{k: v for k, v in row.items() if not k.startswith("sf__")} for row in rows]

    def jobs_created(self) -> int:
        return sum(
            request.method == "POST" and request.path.endswith("/jobs/ingest")
            for request in self.sandbox.requests
        )

    def _get(self, path: str, **params: str) -> requests.Response:
        answer = requests.get(
            f"{self.sandbox.url}/services/data/v68.0{path}",
            params=params,
            headers={"Authorization": f"Bearer {self.sandbox.access_token}"},
            timeout=30,
        )
        answer.raise_for_status()
        return answer


def high_water(pid: int) -> int:
    """The most memory of a process so far, in bytes; 0 once it has ended."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    # In the process that forks, `ru_maxrss` would begin with the memory of its parent.
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM")), 0)
