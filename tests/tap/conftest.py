"""An org with a clock of its own, and the tap's command run against it as a process."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.clock import Clock
from tests.e2e.commands import BIN, sign_in, write_json
from tests.faults.commands import forked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECONDS = 60

ACCOUNTS = [
    {
        "Id": "001000000000001AAA",
        "Name": 'Acme, "Quoted" Ltd',
        "AnnualRevenue": "12345678",
        "NumberOfEmployees": "47",
        "Description": "CR\rLF\nCRLF\r\nseparator\u2028emoji 😀 tab\tend",
        "AccountNumber": "007",
        "IsDeleted": "false",
        "SystemModstamp": "2026-01-01T00:00:00.000Z",
    },
    {
        "Id": "001000000000002AAA",
        "Name": "NA",
        "AnnualRevenue": "123456789012345678",
        "NumberOfEmployees": "",
        "Description": "",
        "AccountNumber": "null",
        "IsDeleted": "true",
        "SystemModstamp": "2026-01-02T00:00:00.000Z",
    },
    {
        "Id": "001000000000003AAA",
        "Name": "Zürich 東京",
        "AnnualRevenue": "",
        "NumberOfEmployees": "0",
        "Description": "a\n\n\nb",
        "AccountNumber": "",
        "IsDeleted": "false",
        "SystemModstamp": "2026-01-03T00:00:00.000Z",
    },
]
CONTACTS = [
    {
        "Id": f"00300000000000{number}AAA",
        "LastName": f"Person {number}",
        "AccountId": "001000000000001AAA",
        "SystemModstamp": f"2026-01-0{number}T00:00:00.000Z",
    }
    for number in range(1, 6)
]


class HandSetClock(Clock):
    """The org's time: it stands still until it is moved."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.at = datetime(2026, 11, 23, 9, 0, tzinfo=timezone.utc)

    def now(self) -> datetime:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Run:
    """What a run of the command left behind."""

    code: int
    messages: list[dict[str, Any]]
    stdout: str
    log: str

    def records(self, stream: str) -> list[dict[str, Any]]:
        found = (m for m in self.messages if m["type"] == "RECORD" and m["stream"] == stream)
        return [message["record"] for message in found]

    @property
    def state(self) -> dict[str, Any]:
        """The last state."""
        states = [m["value"] for m in self.messages if m["type"] == "STATE"]
        value: dict[str, Any] = states[-1]
        return value

    @property
    def schemas(self) -> dict[str, dict[str, Any]]:
        return {m["stream"]: m["schema"] for m in self.messages if m["type"] == "SCHEMA"}

    @property
    def reason(self) -> str:
        """The last ERROR line."""
        return [line for line in self.log.splitlines() if "| ERROR " in line][-1]


class TapCommand:
    """The command `tap-sfbulk`, signed in to an org."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.config: dict[str, Any] = {
            **sign_in(sandbox),
            "streams_to_discover": ["Account", "Contact"],
            # The objects are small, so by itself the tap would read them by REST.
            "api_type": "BULK2",
        }

    def line(self, *options: str, **given: Any) -> list[str]:
        """The words of the command line; `catalog` and `state` are put into files."""
        words = [str(BIN / "tap-sfbulk")]
        files = {"catalog": given.pop("catalog", None), "state": given.pop("state", None)}
        files["config"] = {**self.config, **given}
        for name, body in files.items():
            if body is not None:
                words += [f"--{name}", str(write_json(self.folder / f"{name}.json", body))]
        return [*words, *options]

    def __call__(self, *options: str, **given: Any) -> Run:
        """Run it to its end, as a process that is forked and not started, which is faster."""
        done = forked("tap-sfbulk").run_line(self.folder, self.line(*options, **given)[1:])
        return finished(done.code, (self.folder / "stdout").read_bytes(), done.log.encode())

    def discover(self, **given: Any) -> dict[str, dict[str, Any]]:
        """The catalog's entries by name."""
        run = self("--discover", **given)
        assert run.code == 0, run.log
        return {entry["tap_stream_id"]: entry for entry in json.loads(run.stdout)["streams"]}


def finished(code: int, stdout: bytes, stderr: bytes) -> Run:
    text = stdout.decode()
    # Lines end at LF alone: a record may hold U+2028, which splitlines would cut.
    lines = [line for line in text.split("\n") if line.startswith('{"type"')]
    messages = [json.loads(line, parse_float=Decimal) for line in lines]
    return Run(code, messages, text, stderr.decode())


@pytest.fixture(scope="session")
def clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture(scope="session")
def org(tmp_path_factory: pytest.TempPathFactory, clock: HandSetClock) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("org")
    for name, rows in {"Account": ACCOUNTS, "Contact": CONTACTS}.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), quoting=csv.QUOTE_ALL)
            writer.writeheader()
            writer.writerows(rows)
    with Sandbox(data=folder, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(org: Sandbox, clock: HandSetClock) -> Sandbox:
    """The org as it was at its start, with nothing asked of it yet."""
    clock.reset()
    org.control.jobs_at_once()
    org.control.reset()
    return org


@pytest.fixture
def tap(sandbox: Sandbox, tmp_path: Path) -> TapCommand:
    return TapCommand(sandbox, tmp_path)
