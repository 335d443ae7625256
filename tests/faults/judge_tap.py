"""Runs the tap's command against faults and judges what came out, by rows and by STATE."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.client.sign_in_settings import client_credentials
from tests.faults.flows_tap import ACCOUNTS, CONTACTS, EARLIER_END, END
from tests.faults.org_rows import OrgRows
from tests.faults.strikes import Strikes
from tests.faults.tally import Outcome
from tests.faults.variants import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Command, Ended
    from tests.faults.flows_tap import Row, TapFlow


class TapHarness:
    """One sandbox, put back to its beginning for each run, and the command."""

    def __init__(self, sandbox: Sandbox, command: Command, folder: Path) -> None:
        self.sandbox = sandbox
        self.struck = False
        """Whether each fault of the last run was applied as often as it can be."""
        self.outcome = Outcome.NOT_STRUCK
        """What became of the last run."""
        self._org = OrgRows(sandbox)
        self._strikes = Strikes(sandbox)
        self._command = command
        self._folder = folder

    def run(self, flow: TapFlow, *faults: dict[str, Any], late: bool = False) -> Ended:
        """Read with faults, judge, and read once more from the last STATE without faults."""
        self._begin(flow)
        self._strikes = Strikes(self.sandbox, faults)
        ended = self._read(flow, flow.state, late=late, **flow.settings)
        self.struck = self._strikes.all_struck(ended.sent)
        right = Outcome.NEXT if ended.code else Outcome.INSIDE
        self.outcome = right if self.struck else Outcome.NOT_STRUCK
        self._judge(flow, ended)
        if ended.code or not self.struck:
            self._judge_next_run(flow, ended)
        return ended

    def _begin(self, flow: TapFlow) -> None:
        control = self.sandbox.control
        control.reset()
        control.jobs_at_once()
        control.set_page_rows(flow.page_rows)
        for sobject, rows in {"Account": ACCOUNTS, "Contact": CONTACTS}.items():
            assert control.seed_csv(sobject, _as_csv(rows)) == {sobject: len(rows)}

    def _read(
        self, flow: TapFlow, state: dict[str, Any], *, late: bool = False, **settings: Any
    ) -> Ended:
        config = {
            **client_credentials(self.sandbox),
            "streams_to_discover": list(flow.rows),
            "lookback": 0,
            # The objects are small, so by itself the tap would read them by REST.
            "api_type": "BULK2",
            **settings,
        }
        ended = self._command.run(
            self._folder,
            {"config": config, "catalog": flow.catalog, "state": state},
            patience=PATIENCE_SECONDS if late else None,
            refused=self._strikes.refused,
        )
        if late:
            self._org.settle(ended.given_up)
        return ended

    def _judge(self, flow: TapFlow, ended: Ended) -> None:
        """Each row at most once; all of them when the command is content, or STATE moves."""
        self._judge_rows(flow.rows, ended, complete=ended.code == 0)
        for at, message in enumerate(_messages(ended)):
            if message["type"] == "STATE" and _window_end(message["value"]) == END:
                before = _rows(flow.rows, _messages(ended)[:at])
                assert _sorted(before) == _sorted(flow.rows), "STATE is ahead of the rows"
        if ended.code == 0:
            moves = flow.method == "INCREMENTAL"
            assert _window_end(self._last_state(flow, ended)) == (END if moves else None)
        else:
            assert ended.code == 1
            self._judge_error(ended)

    def _judge_error(self, ended: Ended) -> None:
        ended.assert_says_why(self.sandbox.url)
        self._org.assert_no_secret(ended.log)
        values = [str(row[name]) for row in ACCOUNTS for name in ("Id", "Name")]
        assert [value for value in values if value in ended.log] == []

    def _judge_rows(self, wanted: dict[str, list[Row]], ended: Ended, *, complete: bool) -> None:
        found = _rows(wanted, _messages(ended))
        for stream, rows in found.items():
            ids = [row["Id"] for row in rows]
            assert len(ids) == len(set(ids)), f"{stream}: a row came twice"
            assert [row for row in rows if row not in wanted[stream]] == []
        if complete:
            assert _sorted(found) == _sorted(wanted), ended.log

    def _judge_next_run(self, flow: TapFlow, ended: Ended) -> None:
        self._org.give_back()
        self._strikes = Strikes(self.sandbox)
        state = self._last_state(flow, ended)
        wanted = flow.rows_after if _window_end(state) == END else flow.rows_after_all
        again = self._read(flow, state)
        assert again.code == 0, again.log
        if not _is_unfinished(state):
            self._judge_rows(wanted, again, complete=True)
            return
        # It reads on after a page that is out; rows of the page in which the first run ended, and
        # of the window's end, may come again.
        self._judge_rows(wanted, again, complete=False)
        first, rest = _rows(wanted, _messages(ended)), _rows(wanted, _messages(again))
        assert {name: _ids(first[name]) | _ids(rest[name]) for name in wanted} == {
            name: _ids(rows) for name, rows in wanted.items()
        }, again.log
        for name in wanted:
            assert len(_ids(first[name]) & _ids(rest[name])) <= flow.page_rows

    def _last_state(self, flow: TapFlow, ended: Ended) -> dict[str, Any]:
        states = [it["value"] for it in _messages(ended) if it["type"] == "STATE"]
        last: dict[str, Any] = states[-1] if states else flow.state
        assert _window_end(last) in (None, EARLIER_END, END)
        return last


def _is_unfinished(state: dict[str, Any]) -> bool:
    return any("unfinished_job" in each for each in state.get("bookmarks", {}).values())


def _ids(rows: list[Row]) -> set[Any]:
    return {row["Id"] for row in rows}


def _messages(ended: Ended) -> list[dict[str, Any]]:
    return [json.loads(line, parse_float=Decimal) for line in ended.messages]


def _rows(streams: dict[str, list[Row]], messages: list[dict[str, Any]]) -> dict[str, list[Row]]:
    records = [message for message in messages if message["type"] == "RECORD"]
    assert {message["stream"] for message in records} <= streams.keys()
    return {
        stream: [it["record"] for it in records if it["stream"] == stream] for stream in streams
    }


def _sorted(rows: dict[str, list[Row]]) -> dict[str, list[Row]]:
    return {stream: sorted(it, key=lambda row: str(row["Id"])) for stream, it in rows.items()}


def _window_end(state: dict[str, Any]) -> str | None:
    end: str | None = state.get("bookmarks", {}).get("Account", {}).get("window_end")
    return end


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
