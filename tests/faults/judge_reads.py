"""Runs the tap's command on a flow of reads, with faults or kills, and judges what came out."""

from __future__ import annotations

import csv
import io
import re
import shutil
import signal
from typing import TYPE_CHECKING, Any

import requests

from tests.client.sign_in_settings import client_credentials
from tests.faults.flows_reads import BEGIN, FULL_TABLE
from tests.faults.kills import Kill
from tests.faults.org_rows import OrgRows
from tests.faults.output import Output, Records, counted, merged
from tests.faults.strikes import Strikes
from tests.faults.tally import Outcome
from tests.faults.variants import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Command, Ended
    from tests.faults.flows_reads import ReadFlow, Row

MOST_KILLS = 12


class ReadHarness:
    """One sandbox, put back to its beginning for each flow, and the command."""

    def __init__(self, sandbox: Sandbox, command: Command, folder: Path) -> None:
        self.sandbox = sandbox
        self.struck = False
        """Whether each fault of the last run was applied as often as it can be."""
        self.outcome = Outcome.NOT_STRUCK
        """What became of the last run."""
        self._strikes = Strikes(sandbox)
        self._left: set[str] = set()
        self._org = OrgRows(sandbox)
        self._command = command
        self._folder = folder

    def run(self, flow: ReadFlow, *faults: dict[str, Any], late: bool = False) -> Ended:
        """Read with faults, judge, and read once more from the last STATE without faults."""
        self.begin(flow, *faults)
        ended = self.read(flow, flow.state, late=late)
        self.struck = self._strikes.all_struck(ended.sent)
        output = Output(ended)
        self.judge(flow, output, ended)
        if ended.code == 0:
            self._judge_complete(flow, output)
        right = Outcome.NEXT if ended.code else Outcome.INSIDE
        self.outcome = right if self.struck else Outcome.NOT_STRUCK
        if ended.code or not self.struck:
            assert self.sandbox.control.requests_like(path=flow.used) or self.struck
            self._give_back(flow)
            state = output.last_state(flow.state)
            self.judge_next_run(flow, output, self.read(flow, state))
        return ended

    def run_series(
        self, flow: ReadFlow, *series: tuple[dict[str, Any], ...], late: bool = False
    ) -> None:
        """Read in runs with these faults each, until one ends well, at last without faults.

        Args:
            flow: What is read.
            series: The faults of each run.
            late: Whether the runs with faults have little patience.
        """
        self.begin(flow)
        state, before, runs = flow.state, Records(), 0
        all_struck = True
        for faults in (*series, ()):
            self._give_back(flow, *faults)
            ended = self.read(flow, state, late=late and bool(faults))
            runs += 1
            all_struck = all_struck and self._strikes.all_struck(ended.sent)
            output = Output(ended)
            self.judge(flow, output, ended, before)
            before, state = merged(before, output.records), output.last_state(state)
            if ended.code == 0:
                break
        assert ended.code == 0, ended.log
        for stream, wanted in flow.wanted.items():
            _assert_all_out(wanted, before.get(stream, []))
        right = Outcome.NEXT if runs > 1 else Outcome.INSIDE
        self.outcome = right if all_struck else Outcome.NOT_STRUCK

    def run_killed(self, flow: ReadFlow, kill: Kill) -> bool:
        """Read, and once more after the run was killed; whether it was, before its end."""
        self.begin(flow)
        ended = self.read(flow, flow.state, kill=kill)
        output = Output(ended)
        self.judge(flow, output, ended)
        if ended.code == 0:
            self._judge_complete(flow, output)
            return False
        self._after_kill(ended)
        self._give_back(flow)
        again = self.read(flow, output.last_state(flow.state))
        self.judge_next_run(flow, output, again, is_resumed=True)
        return True

    def run_until_done(self, flow: ReadFlow) -> int:
        """Read in runs that are killed after a STATE each; how many there were before the last."""
        self.begin(flow)
        state, before, kills = flow.state, Records(), 0
        while True:
            # The first one may only repeat the state with which the run began.
            # A run reads whole tables that were read to their end once more.
            is_killed = flow.method != FULL_TABLE or kills < MOST_KILLS
            ended = self.read(flow, state, kill=Kill(state=1) if is_killed else None)
            output = Output(ended)
            self.judge(flow, output, ended, before)
            before = merged(before, output.records)
            if ended.code == 0:
                break
            self._after_kill(ended)
            self._give_back(flow)
            assert kills <= MOST_KILLS, "it comes to no end"
            state, kills = output.last_state(state), kills + 1
        for stream, wanted in flow.wanted.items():
            _assert_all_out(wanted, before[stream])
        return kills

    def begin(self, flow: ReadFlow, *faults: dict[str, Any]) -> None:
        """Put the org and the folders back to the beginning."""
        control = self.sandbox.control
        control.reset()
        self._left.clear()
        control.jobs_at_once()
        control.set_page_rows(flow.page_rows)
        for sobject, rows in flow.org.items():
            assert control.seed_csv(sobject, _as_csv(rows)) == {sobject: len(rows)}
        self._empty("spool", *flow.folders.values())
        if flow.purged:
            self._run_before(flow)
        self._strikes = Strikes(self.sandbox, (*faults, *flow.faults))

    def _run_before(self, flow: ReadFlow) -> None:
        """The run that ends with the flow's state; after it, rows are gone."""
        for sobject, rows in flow.purged.items():
            self.sandbox.control.seed_csv(sobject, _as_csv(rows))
        ended = self.read(flow, {}, end_date=BEGIN)
        assert ended.code == 0, ended.log
        for stream, kept in Output(ended).last_state({})["bookmarks"].items():
            assert kept.items() >= flow.state["bookmarks"][stream].items()
        for sobject, rows in flow.purged.items():
            ids = [{"Id": row["Id"]} for row in rows]
            self.sandbox.org.save_records("hardDelete", sobject, ids)
        self.sandbox.control.forget_requests()

    def read(
        self,
        flow: ReadFlow,
        state: dict[str, Any],
        *,
        late: bool = False,
        kill: Kill | None = None,
        **settings: Any,
    ) -> Ended:
        """One run of the command."""
        ended = self._command.run(
            self._folder,
            {"config": {**self._config(flow), **settings}, "catalog": flow.catalog, "state": state},
            patience=PATIENCE_SECONDS if late else None,
            refused=self._strikes.refused,
            kill=kill,
        )
        if late:
            self._org.settle(ended.given_up)
        return ended

    def judge(
        self, flow: ReadFlow, output: Output, ended: Ended, before: Records | None = None
    ) -> None:
        """Judge a run by itself; `before` has the rows of the runs it goes on after."""
        before = before or {}
        for stream, rows in output.records.items():
            known = [*flow.wanted[stream], *(flow.possible.get(stream, []) if before else [])]
            assert not counted(rows) - counted(known), f"{stream}: foreign, or twice"
        for state, records in output.states():
            for stream in flow.wanted:
                _judge_state(flow, stream, state, before.get(stream, []), records.get(stream, []))
        for stream, records in output.versions():
            _assert_all_out(flow.wanted[stream], [*before.get(stream, []), *records[stream]])
        self._judge_contents(flow, output)
        if ended.code > 0:
            assert ended.code == 1
            ended.assert_says_why(self.sandbox.url, *flow.wanted, *flow.org)
        if ended.code >= 0:
            self._judge_what_is_left(output.last_state(flow.state), ended)
        self._judge_log(flow, ended)

    def judge_next_run(
        self, flow: ReadFlow, output: Output, again: Ended, *, is_resumed: bool = False
    ) -> None:
        """Both runs together have all rows, and none again that the state of the first has.

        A run that goes on after a kill repeats at most a page of each stream. After an error of
        a job its place is given up, and its whole window is read again.
        """
        assert again.code == 0, again.log
        rest = Output(again)
        self.judge(flow, rest, again, output.records)
        state = output.last_state(flow.state)
        for stream, wanted in flow.wanted.items():
            first, second = output.records.get(stream, []), rest.records.get(stream, [])
            _assert_all_out(wanted, [*first, *second])
            repeated = (counted(first) & counted(second)).total()
            kept = state.get("bookmarks", {}).get(stream, {})
            assert not counted(second) & counted(_covered(flow, kept, wanted)), "read before"
            assert kept.get("unfinished_job", {}).get("job_id") not in self._jobs()
            if "unfinished_job" in kept or (is_resumed and flow.method != FULL_TABLE):
                assert repeated <= flow.page_rows, f"{stream}: {repeated} rows came twice"

    def _after_kill(self, ended: Ended) -> None:
        """What lies on the server and on disk is nothing that the next run is to be blamed for."""
        assert ended.code == -signal.SIGKILL, ended
        self._left |= self._jobs()
        self._empty("spool")

    def _empty(self, *folders: str) -> None:
        for name in folders:
            shutil.rmtree(self._folder / name, ignore_errors=True)
            (self._folder / name).mkdir()

    def _config(self, flow: ReadFlow) -> dict[str, Any]:
        config = {
            **client_credentials(self.sandbox),
            "streams_to_discover": list(flow.org),
            "lookback": 0,
            "end_date": "2026-02-01T00:00:00Z",
            "api_type": "BULK2",
            "stream_options": flow.options,
            "spool_dir": str(self._folder / "spool"),
            **_copied(flow.settings),
        }
        for setting, name in flow.folders.items():
            *path, last = setting.split(".")
            place = config
            for part in path:
                place = place[part]
            url = "file://" if path else ""
            place[last] = f"{url}{self._folder / name}"
        return config

    def _give_back(self, flow: ReadFlow, *faults: dict[str, Any]) -> None:
        self._org.give_back()
        self._strikes = Strikes(self.sandbox, (*faults, *flow.faults))

    def _judge_complete(self, flow: ReadFlow, output: Output) -> None:
        for stream, wanted in flow.wanted.items():
            assert counted(output.records.get(stream, [])) == counted(wanted), stream
        if flow.method == FULL_TABLE:
            assert {stream for stream, _ in output.versions()} == {*flow.wanted}
            return
        kept = output.last_state(flow.state)["bookmarks"]
        for stream, wanted in flow.wanted.items():
            assert counted(_covered(flow, kept[stream], wanted)) == counted(wanted), kept

    def _judge_contents(self, flow: ReadFlow, output: Output) -> None:
        for row in [row for rows in output.records.values() for row in rows if flow.contents]:
            path = self._folder / "files" / row["path"]
            assert path.read_bytes() == flow.contents[row["file_name"]]

    def _judge_log(self, flow: ReadFlow, ended: Ended) -> None:
        self._org.assert_no_secret(ended.log)
        values = [str(row[name]) for rows in flow.org.values() for row in rows for name in row]
        names = [value for value in values if " " in value and len(value) > len("Name 001 1")]
        assert [value for value in names if value in ended.log] == []

    def _judge_what_is_left(self, state: dict[str, Any], ended: Ended) -> None:
        """Jobs stay only if the log or the state names them, or nobody was told of them."""
        struck = self._strikes.struck(ended.sent)
        spool = [path for path in (self._folder / "spool").rglob("*") if path.is_file()]
        assert spool == []
        told = f"{ended.log} {state}"
        left = [job for job in self._jobs() - self._left if job[:15] not in told]
        # Bytes beyond the length of an answer spoil the one after it on the same connection too.
        created_again = len(re.findall("Create .* sending it again", ended.log))
        assert len(left) <= max(struck, created_again), (left, ended.log)
        self._left |= self._jobs()

    def _jobs(self) -> set[str]:
        """The jobs on the server, without those of Bulk API 1.0 that were closed."""
        self._org.give_back()
        answer = requests.get(
            f"{self.sandbox.url}/services/data/v68.0/jobs/query",
            headers={"Authorization": f"Bearer {self.sandbox.access_token}"},
            timeout=30,
        )
        answer.raise_for_status()
        jobs: list[dict[str, Any]] = answer.json()["records"]
        return {job["id"] for job in jobs if job["jobType"] == "V2Query" or job["state"] == "Open"}


def _judge_state(
    flow: ReadFlow, stream: str, state: dict[str, Any], before: list[Row], now: list[Row]
) -> None:
    """STATE is not ahead of the rows."""
    kept = state.get("bookmarks", {}).get(stream, {})
    _assert_all_out(_covered(flow, kept, flow.wanted[stream]), [*before, *now])
    if "unfinished_job" in kept:
        out = (counted(before) | counted(now)).total()
        assert kept["unfinished_job"]["rows"] <= out, "STATE is ahead of the rows"


def _covered(flow: ReadFlow, kept: dict[str, Any], wanted: list[Row]) -> list[Row]:
    """The wanted rows that a state says are out."""
    if flow.method == FULL_TABLE:
        return []

    def is_covered(row: Row) -> bool:
        if "SystemModstamp" in row:
            return bool(row["SystemModstamp"] < kept.get("window_end", BEGIN))
        key = "deletes_covered" if "_sdc_deleted_at" in row else "formulas_refreshed"
        return bool(kept.get(key, BEGIN) > flow.entry.get(key, BEGIN))

    return [row for row in wanted if is_covered(row)]


def _assert_all_out(wanted: list[Row], found: list[Row]) -> None:
    missing = counted(wanted) - counted(found)
    assert not missing, f"missing: {missing}"


def _copied(settings: Any) -> Any:
    if isinstance(settings, dict):
        return {name: _copied(value) for name, value in settings.items()}
    return settings


def _as_csv(rows: list[Row]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
