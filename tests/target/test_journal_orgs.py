"""One journal for several orgs, and for runs with other settings than the one that was killed."""

from __future__ import annotations

import json
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import Org, as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.faults.commands import Ended

NAMES = ["Four", "One", "Three", "Two"]
INSERT: dict[str, Any] = {"operation": "insert"}
UPSERT: dict[str, Any] = {"operation": "upsert", "external_id": "Ext_Id__c"}
DELETE: dict[str, Any] = {"operation": "delete", "external_id": "Ext_Id__c"}


@pytest.fixture
def other(org: Org) -> Iterator[Org]:
    with Sandbox(sample=False) as sandbox:
        yield Org(sandbox, org.folder)


def run(
    org: Org,
    settings: dict[str, Any],
    kill: Kill | None = None,
    *,
    stream: str = "A",
    rows: Sequence[dict[str, str]] = (),
) -> Ended:
    """Load these records, or the same four, in files of two, with the journal of all runs."""
    # The external id is unique, so an insert that has it could make no row twice.
    fields = ["Name"] if settings["operation"] == "insert" else ["Ext_Id__c", "Name"]
    rows = rows or [dict.fromkeys(fields, name) for name in NAMES]
    records = [record(stream, **row) for row in rows]
    lines = as_lines([schema(stream, *rows[0]), *records, state(done=True)])
    return command(org, settings, kill=kill, stdin=lines)


def command(org: Org, settings: dict[str, Any], *words: str, **options: Any) -> Ended:
    streams = {"*": {"sobject": "Account"}, **settings.get("streams", {})}
    config = org.config(batch_size_rows=2, **{**settings, "streams": streams})
    arguments = ["--config", str(config), *words]
    return forked("target-sfbulk").run_line(org.folder, arguments, hurried=True, **options)


def killed(org: Org, settings: dict[str, Any], **what: Any) -> None:
    """A run that is killed when some rows are in, but no STATE is out."""
    before = names(org)
    for request in range(30):
        ended = run(org, settings, Kill(request=request), **what)
        assert ended.code == -SIGKILL, ended.log
        assert not ended.messages
        if names(org) != before:
            return
    pytest.fail("no run was killed with rows in the org")


def status(org: Org, settings: dict[str, Any]) -> str:
    shown = command(org, settings, "--journal", "status")
    assert shown.code == 0, shown.log
    return b"\n".join(shown.messages).decode()


def ids(org: Org) -> list[str]:
    return [row["Id"] for row in org.query("SELECT Id FROM Account")]


def names(org: Org) -> list[str]:
    return sorted(row["Name"] for row in org.query("SELECT Name FROM Account"))


@pytest.mark.parametrize("settings", [INSERT, UPSERT], ids=["insert", "upsert"])
def test_what_one_org_has_says_nothing_about_another_one(
    org: Org, other: Org, settings: dict[str, Any]
) -> None:
    killed(org, settings)
    assert f"in {org.sandbox.url}. The next run into it settles them." in status(org, settings)
    first = run(other, settings)
    assert (first.code, names(other)) == (0, NAMES), first.log
    assert f"in {org.sandbox.url}. The next run into it settles them." in status(org, settings)
    assert other.sandbox.url not in status(org, settings)
    again = run(org, settings)
    assert (again.code, names(org)) == (0, NAMES), again.log
    assert "2 are loaded" in again.log
    assert "nothing to settle" in status(org, settings)


def test_a_delete_that_one_org_has_done_is_known_though_another_one_gets_it(
    org: Org, other: Org
) -> None:
    for one in (org, other):
        assert run(one, UPSERT).code == 0
    killed(org, DELETE)
    killed(other, DELETE)
    for one in (org, other, org, other):
        # Settled, and killed again before a STATE is out.
        assert run(one, DELETE, Kill(before="target_sfbulk.stream:StreamLoad.buffer")).code
    for one in (org, other):
        ended = run(one, DELETE)
        # A record that was deleted before would be a reject.
        assert (ended.code, names(one)) == (0, []), ended.log


def test_records_that_other_settings_delete_are_upserted_again(org: Org) -> None:
    killed(org, UPSERT)
    # Two of them are not there yet.
    gone = run(org, {**DELETE, "max_rejects": 2})
    assert (gone.code, names(org)) == (0, []), gone.log
    back = run(org, UPSERT)
    assert (back.code, names(org)) == (0, NAMES), back.log
    assert "nothing to settle" in status(org, UPSERT)


def test_an_upsert_after_an_insert_that_was_killed_ends_what_is_known_of_it(org: Org) -> None:
    killed(org, INSERT)
    other_way = run(org, UPSERT)
    # The inserted ones have no key, so they are other records.
    assert (other_way.code, names(org)) == (0, sorted([*NAMES, *NAMES[:2]])), other_way.log
    assert "2 rows that an earlier run has sent with other settings" in other_way.log
    assert "nothing to settle" in status(org, INSERT)
    # The source was loaded to its end: what it has now are new records, though equal ones.
    later = run(org, INSERT)
    assert (later.code, names(org)) == (0, sorted([*NAMES, *NAMES, *NAMES[:2]])), later.log


def test_records_that_a_run_has_changed_by_another_key_are_sent_again(org: Org) -> None:
    killed(org, UPSERT)
    found = [{"Id": record_id, "Name": "Changed"} for record_id in ids(org)]
    by_id = {"operation": "update"}
    killed(org, by_id, rows=found)
    back = run(org, UPSERT)
    assert (back.code, names(org)) == (0, NAMES), back.log
    assert "nothing to settle" in status(org, UPSERT)


def test_a_stream_that_is_renamed_is_another_one(org: Org) -> None:
    killed(org, INSERT)
    renamed = run(org, INSERT, stream="B")
    # Equal records of two streams are two records.
    assert (renamed.code, names(org)) == (0, sorted([*NAMES, *NAMES[:2]])), renamed.log
    assert "A: 2 rows of insert into Account that earlier runs sent" in status(org, INSERT)
    back = run(org, INSERT)
    assert (back.code, names(org)) == (0, sorted([*NAMES, *NAMES])), back.log
    assert json.loads((org.folder / "output/A.report.json").read_text())["skipped"] == 2
    assert "nothing to settle" in status(org, INSERT)
