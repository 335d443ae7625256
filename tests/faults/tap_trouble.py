"""Reads an org with the tap's command run by run, and compares what has arrived with the org."""

from __future__ import annotations

import json
import sqlite3
from typing import TYPE_CHECKING, Any, Protocol

from tests.e2e.commands import write_json
from tests.faults.commands import Ended, forked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.rewriting import Rewriting
    from tests.tap.conftest import HandSetClock

State = dict[str, Any]
OLD = [{"Id": f"00100000000000{number}AAA", "Name": f"Old {number}"} for number in range(6)]
"""What the org has before the first run."""


class NewReader(Protocol):
    """Makes a reader of the org, which has the rows of `OLD` and nothing else."""

    def __call__(self, **settings: Any) -> Reader:
        """Make a reader with these settings of the tap."""


class Reader:
    """A warehouse with a table `arrived`, filled by runs of the command that follow each other.

    Args:
        proxy: Between command and org.
        clock: The org's.
        folder: For the files of the runs.
        settings: Of the tap, beside the ones of the sign-in.
    """

    def __init__(
        self, proxy: Rewriting, clock: HandSetClock, folder: Path, **settings: Any
    ) -> None:
        self.clock = clock
        self.sandbox: Sandbox = proxy.sandbox
        self.control = proxy.sandbox.control
        self.edits = proxy.edits
        self.state: State | None = None
        """The last STATE that came out."""
        self.rows: list[str] = []
        """The ids of the rows of the last run, in their order."""
        self._folder = folder
        self._settings = {
            "login_url": proxy.url,
            "client_id": self.sandbox.client_id,
            "client_secret": self.sandbox.client_secret,
            "streams_to_discover": ["Account"],
            "api_type": "BULK2",
            **settings,
        }
        self._warehouse = sqlite3.connect(":memory:")
        self._warehouse.execute("CREATE TABLE arrived (id PRIMARY KEY, name, deleted)")

    def run(self, *, hours: Sequence[float] = (0.0,), **settings: Any) -> Ended:
        """Run the command from the last STATE, and load its rows.

        Args:
            hours: By how much the machine's clock is wrong, reading by reading.
            settings: Of this run only.
        """
        files = {"config": {**self._settings, **settings}, "state": self.state}
        words = []
        for name, body in files.items():
            if body is not None:
                words += [f"--{name}", str(write_json(self._folder / f"{name}.json", body))]
        ended = forked("tap-sfbulk").run_line(self._folder, words, hurried=True, hours=hours)
        assert "Traceback" not in ended.log, ended.log
        self.rows = []
        for line in ended.messages:
            self._take(json.loads(line))
        return ended

    def missing(self) -> list[tuple[Any, ...]]:
        """What org and warehouse do not both have, as SQLite compares it."""
        self._warehouse.execute("DROP TABLE IF EXISTS org")
        self._warehouse.execute("CREATE TABLE org (id, name, deleted)")
        rows_of_org = self.sandbox.org.query(
            "SELECT Id, Name, IsDeleted FROM Account", all_rows=True
        )
        rows = [(str(i), str(n), d == "true") for i, n, d in rows_of_org.rows()]
        self._warehouse.executemany("INSERT INTO org VALUES (?, ?, ?)", rows)
        org, arrived = "SELECT id, name, deleted FROM org", "SELECT id, name, deleted FROM arrived"
        ask = self._warehouse.execute
        missing = ask(f"{org} EXCEPT {arrived}").fetchall()
        return missing + ask(f"{arrived} EXCEPT {org}").fetchall()

    def begin_again(self, state: State | None) -> None:
        """Let the next run begin with this STATE."""
        self.state = state

    @property
    def bookmark(self) -> dict[str, Any]:
        """What the last STATE has of the stream."""
        kept: dict[str, Any] = (self.state or {}).get("bookmarks", {}).get("Account", {})
        return kept

    def _take(self, message: dict[str, Any]) -> None:
        if message["type"] == "STATE":
            self.state = message["value"]
        elif message["type"] == "RECORD":
            record = message["record"]
            self.rows.append(record["Id"])
            row = (record["Id"], record.get("Name"), record.get("IsDeleted"))
            self._warehouse.execute("REPLACE INTO arrived VALUES (?, ?, ?)", row)
