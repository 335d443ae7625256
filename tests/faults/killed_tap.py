"""Reads by the tap that are killed and run again."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from tests.e2e.commands import write_json
from tests.faults.killed import (
    EARLIER_END,
    END,
    PAGE_ROWS,
    ROWS,
    KillFlow,
    Verdict,
)
from tests.faults.kills import Kill
from tests.faults.output import Output

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended


class TapKills(KillFlow):
    """A read by the tap from the last STATE."""

    command = "tap-sfbulk"

    def __init__(
        self, sandbox: Sandbox, database: Path, folder: Path, method: str, **settings: Any
    ) -> None:
        super().__init__(sandbox, database, folder)
        self._method = method
        self._settings = settings
        self._state: dict[str, Any] = {}
        self._out: list[list[str]] = []

    def _begin(self) -> None:
        table = ["Name,SystemModstamp", *(f"Row {n},{_stamp(n)}" for n in range(1, ROWS + 1))]
        self._sandbox.control.seed_csv("Account", "\n".join(table))
        self._sandbox.control.set_page_rows(PAGE_ROWS)
        self._state, self._out = {}, []
        if self._method == "INCREMENTAL":
            kept = {"replication_key": "SystemModstamp", "window_end": EARLIER_END}
            self._state = {"bookmarks": {"Account": kept}}

    def _arguments(self) -> list[str]:
        config = self._config(
            streams_to_discover=["Account"],
            lookback=0,
            end_date=END,
            spool_dir=str(self.work / "spool"),
            **{"api_type": "BULK2", **self._settings},
        )
        entry = {
            "tap_stream_id": "Account",
            "replication_method": self._method,
            "replication_key": "SystemModstamp",
            "key_properties": ["Id"],
            "schema": {
                "properties": {
                    name: {"type": ["string", "null"]} for name in ("Id", "Name", "SystemModstamp")
                }
            },
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        }
        files = {"catalog": {"streams": [entry]}, "state": self._state}
        paths = [f"--{key}={write_json(self._folder / key, it)}" for key, it in files.items()]
        return ["--config", str(config), *paths]

    def _take(self, ended: Ended) -> None:
        output = Output(ended)
        self._out.append([row["Name"] for row in output.records.get("Account", [])])
        self._state = output.last_state(self._state)

    def acknowledged(self) -> Verdict:
        # What a STATE has that was not written is missing after the next run.
        return Verdict(doubled=[row for rows in self._out for row in _more_than_once(rows)])

    def judge(self) -> Verdict:
        verdict = self.acknowledged()
        verdict.left = self._left("spool", "temporary")
        first = ROWS // 4 if self._method == "INCREMENTAL" else 0
        wanted = [f"Row {number}" for number in range(first + 1, ROWS + 1)]
        # A run may write rows of an earlier one again.
        verdict.compare({row for rows in self._out for row in rows}, wanted)
        return verdict


class ResumeKills(TapKills):
    """The read of a table that an earlier run has not ended, from its last STATE."""

    def _begin(self) -> None:
        super()._begin()
        self.run(Kill(state=3))


def _stamp(number: int) -> str:
    day = "2026-01-01" if number <= ROWS // 4 else "2026-01-20"
    return f"{day}T00:00:{number % 60:02}.000Z"


def _more_than_once(rows: list[str]) -> list[str]:
    return [row for row, count in Counter(rows).items() if count > 1]
