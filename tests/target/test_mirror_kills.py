"""Mirrors that a signal ends around any request, and the run after: the org equals the source."""

from __future__ import annotations

from signal import SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state
from tests.target.test_journal import command, forget
from tests.target.test_mirror import activate, filled, names, tombstone
from tests.target.test_signals import release_when_closed, wait_for

if TYPE_CHECKING:
    from tests.faults.commands import Command, Ended
    from tests.target.support import Org

__all__ = ["command"]

SETTINGS: dict[str, Any] = {
    "operation": "mirror",
    "external_id": "Ext_Id__c",
    # Exactly what the source no longer has of the 10 records.
    "delete_cap": 6,
    "batch_size_rows": 2,
    "max_jobs_in_flight": 2,
}
BEFORE = ("back", "D1", "D2", "G1", "G2", "G3", *(f"kept {n}" for n in range(4)))
AFTER = ["back", *(f"kept {n}" for n in range(4)), "new"]


class Mirror:
    """One mirror of ten records, killed or not."""

    def __init__(self, org: Org, command: Command, api: str) -> None:
        self.org = org
        self._command = command
        self._config = org.config(**SETTINGS, api_type=api)
        forget(org)
        filled(org, *BEFORE)
        org.create("Account", Name="without a key")

    def run(self, kill: Kill | None = None) -> Ended:
        here = [record("Account", Ext_Id__c=name, Name=name) for name in AFTER]
        rows = [tombstone("back"), tombstone("D1"), *here, tombstone("D2"), tombstone("never")]
        messages = [
            schema("Account", "Ext_Id__c", "Name", "_sdc_deleted_at"),
            *({**row, "version": 1} for row in rows),
            activate(1),
            state(done=True),
        ]
        return self._command.run_line(
            self.org.folder,
            ["--config", str(self._config)],
            stdin=as_lines(messages),
            kill=kill,
            hurried=True,
        )

    def judge(self, log: str) -> None:
        assert names(self.org) == sorted([*AFTER, "without a key"], key=str.casefold), log
        assert [job["id"] for job in self.org.jobs() if job["state"] == "Open"] == []
        assert not list(self.org.folder.rglob("*.keys.sqlite"))


@pytest.mark.parametrize(
    ("api", "signum", "every"),
    [
        ("BULK2", SIGKILL, 23),
        *(
            pytest.param(api, signum, 1, marks=pytest.mark.slow)
            for api in ("BULK2", "BULK")
            for signum in (SIGKILL, SIGTERM)
        ),
    ],
)
def test_after_a_mirror_that_a_signal_ends_around_any_request_the_org_equals_the_source(
    org: Org, command: Command, api: str, signum: Signals, every: int
) -> None:
    whole = Mirror(org, command, api)
    ended = whole.run()
    assert (ended.code, ended.messages) == (0, [b'{"done": true}']), ended.log
    whole.judge(ended.log)
    struck = 0
    for request in range(0, ended.sent, every):
        mirror = Mirror(org, command, api)
        kill = Kill(request=request, answered=request % 2 == 0, signum=signum)
        killed = mirror.run(kill)
        struck += killed.code == (1 if signum == SIGTERM else -signum)
        assert {*BEFORE} - {*names(org)} <= {"back", "D1", "D2", "G1", "G2", "G3"}
        again = mirror.run()
        assert again.code == 0, killed.log + again.log
        mirror.judge(killed.log + again.log)
    # How often a job is asked for its state is not the same in each run.
    assert struck >= ended.sent // every // 2


def test_a_mirror_that_is_asked_to_stop_before_its_deletes_does_not_begin_them(org: Org) -> None:
    filled(org, "A", "gone")
    org.sandbox.control.hold_jobs()
    messages = [schema("Account", "Ext_Id__c", "Name"), record("Account", Ext_Id__c="A", Name="A")]
    with org.start(**{**SETTINGS, "batch_size_rows": None}) as process:
        assert process.stdin is not None
        process.stdin.write(as_lines([*messages, activate(1), state(done=True)]))
        process.stdin.close()
        process.stdin = None
        # Nothing is sent before the input ends.
        wait_for(process, "was created for 1 rows")
        process.send_signal(SIGTERM)
        wait_for(process, "SIGTERM: loading the rows read so far")
        release_when_closed(org)
        stdout, log = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (1, b""), log.decode()
    assert "SIGTERM: stopped." in log.decode()
    assert names(org) == ["A", "gone"]
