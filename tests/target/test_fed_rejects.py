"""Rejects that are loaded again, by the command: from the rejects file, and from an edited CSV."""

from __future__ import annotations

import csv
import io
import stat
from signal import SIGKILL
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, edit, record, state

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.target.support import Org, Run

BY_KEY: dict[str, Any] = {"external_id": "Ext_Id__c"}
MAPPED: dict[str, dict[str, Any]] = {
    "facts": {
        "sobject": "Account",
        "fields": {"key": "Ext_Id__c", "text": "Description", "staff": "NumberOfEmployees"},
    }
}
STORED = (
    "Name, Description, Phone, Site, NumberOfEmployees, AnnualRevenue, BillingStreet, BillingCity"
)
TOO_LONG = "x" * 81
"""One character more than Account.Site has."""

FACTS = {
    "type": "SCHEMA",
    "stream": "facts",
    "key_properties": ["key"],
    "schema": {
        "properties": {
            "key": {"type": "string"},
            "Name": {"type": ["null", "string"]},
            "text": {},
            "Phone": {"type": ["string", "null"]},
            "Site": {"type": "string"},
            "staff": {"type": ["null", "integer"]},
            "AnnualRevenue": {"type": "number"},
            "BillingStreet": {"type": ["object", "array", "string", "null"]},
            "BillingCity": {"type": ["string", "null"]},
        }
    },
}
# As a tap would write them; the digits of numbers are part of the test.
HOSTILE = [
    rb'"text":"=1+1\n\"quoted\", ; and\ttabs \u2028 \ud83d\ude00","Phone":"007"',
    rb'"text":"","Phone":null,"BillingCity":"#VALUE!"',
    rb'"Phone":"12345678901234567890","staff":5,"AnnualRevenue":0.10',
    rb'"text":12345678901234567890.50,"staff":"0012","AnnualRevenue":12345678901.10',
    rb'"text":{"a":[1.50,"\u00e9",null]},"BillingStreet":[1,{"b":"c"}],"staff":null',
    rb'"text":"5","Phone":"+31 (0)20","BillingStreet":"[not a list","BillingCity":"json:1"',
    rb'"text":"true","Phone":"1.2E+17","BillingStreet":"a\r\nb","BillingCity":" padded "',
    rb'"text":false,"Phone":"@x","BillingStreet":"{}","BillingCity":"-2+3"',
]


def facts(prefix: str, site: str, rows: list[bytes]) -> list[dict[str, Any] | bytes]:
    lines = (
        b'{"type":"RECORD","stream":"facts","record":{"key":"%s-%d","Site":"%s",%s}}'
        % (prefix.encode(), number, site.encode(), row)
        for number, row in enumerate(rows)
    )
    return [FACTS, *lines]


def stored(org: Org, prefix: str) -> list[dict[str, Any]]:
    where = f"Ext_Id__c LIKE '{prefix}-%' ORDER BY Ext_Id__c"
    return org.query(f"SELECT {STORED} FROM Account WHERE {where}")  # noqa: S608 - our own names


def mend(row: dict[str, str]) -> None:
    row["Site"] = "ok"


@pytest.mark.parametrize(("delimiter", "mark"), [(",", "\ufeff"), (";", ""), ("\t", "")])
def test_every_hostile_value_is_loaded_from_an_edited_table_as_it_would_have_been_at_first(
    org: Org, delimiter: str, mark: str
) -> None:
    old = b'"Name":"Old","text":"old","Phone":"old","staff":1'
    for prefix in ("good", "bad"):
        org.load(*facts(prefix, "old", [old] * len(HOSTILE)), **BY_KEY, streams=MAPPED)
    settings = {**BY_KEY, "streams": MAPPED}
    good = org.load(*facts("good", "ok", HOSTILE), **settings)
    assert good.code == 0, good.log
    bad = org.load(*facts("bad", TOO_LONG, HOSTILE), state(done=1), **settings)
    assert bad.code == 1
    assert {reject["code"] for reject in bad.rejects("facts")} == {"STRING_TOO_LONG"}
    table = bad.table("facts")
    edit(table, mend, delimiter=delimiter, mark=mark)
    fed = org.feed(table, **settings)
    assert (fed.code, fed.states) == (0, []), fed.log
    assert stored(org, "bad") == stored(org, "good")
    assert fed.report("facts")["loaded"] == len(HOSTILE)


def refused(org: Org, *, count: int = 2, **settings: Any) -> Run:
    """A run of which these records are refused, as their Site is too long."""
    return org.load(
        *facts("bad", TOO_LONG, [b'"Name":"Row %d"' % at for at in range(count)]),
        *facts("good", "ok", [b'"Name":"Good"'])[1:],
        state(done=1),
        **{**BY_KEY, "streams": MAPPED, **settings},
    )


def test_the_table_of_a_run_has_the_fields_of_the_records_then_what_salesforce_said(
    org: Org,
) -> None:
    run = refused(org)
    path = run.table("facts")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert data.startswith(b"\xef\xbb\xbfkey,Name,Site,sf__Error,")
    assert data.endswith(b"\r\n")
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    reject = run.rejects("facts")[0]
    assert rows[0] == {
        "key": "bad-0",
        "Name": "Row 0",
        "Site": TOO_LONG,
        "sf__Error": "STRING_TOO_LONG",
        "sf__Message": reject["message"],
        "sf__Fields": "Site",
        "sf__Kind": "rejected",
        "sf__JobId": reject["job_id"],
        "sf__Returned": "",
        "sf__Stream": "facts",
        "sf__Run": reject["run_id"],
    }
    assert len(rows) == 2
    # A later run writes a table of its own, and leaves that of this one as it is.
    again = refused(org)
    assert again.table("facts") != path
    assert path.read_bytes() == data


def test_the_rejects_file_is_loaded_again_from_its_last_run_once_the_cause_is_gone(
    org: Org,
) -> None:
    refused(org)
    last = refused(org, count=1)
    settings = {**BY_KEY, "streams": {"facts": {**MAPPED["facts"], "constants": {}}}}
    settings["streams"]["facts"]["fields"] = {**MAPPED["facts"]["fields"], "Site": None}
    path = last.output / "facts.rejects.jsonl"
    fed = org.feed(path, **settings)
    assert fed.code == 0, fed.log
    assert [row["Name"] for row in stored(org, "bad")] == ["Row 0"]
    assert fed.report("facts")["read"] == 1
    fed = org.feed(path, run="all", **settings)
    assert fed.report("facts")["read"] == 3
    first = last.rejects("facts")[0]["run_id"]
    fed = org.feed(path, run=first, **settings)
    assert fed.report("facts")["read"] == 2
    fed = org.feed(path, run="none", **settings)
    assert f"{path} has no rejects of the run none." in fed.reason


def test_a_file_is_read_to_where_it_ended_though_the_run_appends_its_own_rejects(org: Org) -> None:
    run = refused(org, max_rejects="100%")
    path = run.output / "facts.rejects.jsonl"
    fed = org.feed(path, run="all", max_rejects="100%", **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    assert fed.report("facts")["read"] == 2
    assert len(fed.rejects("facts")) == 4


def test_records_are_loaded_again_as_the_stream_maps_have_left_them(org: Org) -> None:
    maps = {"facts": {"Name": "record['Name'] + '!'", "text": "'t'"}}
    run = refused(org, stream_maps=maps)
    edit(run.table("facts"), mend)
    fed = org.feed(run.table("facts"), **BY_KEY, streams=MAPPED, stream_maps=maps)
    assert fed.code == 0, fed.log
    assert [row["Name"] for row in stored(org, "bad")] == ["Row 0!", "Row 1!"]


def test_rejects_of_batch_files_and_of_records_that_were_not_sent_are_loaded_again(
    org: Org, tmp_path: Path
) -> None:
    file = tmp_path / "facts.jsonl"
    file.write_text('{"key": "bad-0", "Name": "Batch", "staff": "many", "AnnualRevenue": 7}\n')
    batch = {
        "type": "BATCH",
        "stream": "facts",
        "encoding": {"format": "jsonl"},
        "manifest": [file.as_uri()],
    }
    run = org.load(FACTS, batch, **BY_KEY, streams=MAPPED)
    assert run.rejects("facts")[0]["kind"] == "unconvertible"
    edit(run.table("facts"), lambda row: row.update(staff="12"))
    fed = org.feed(run.table("facts"), **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    (row,) = stored(org, "bad")
    assert (row["Name"], row["NumberOfEmployees"], row["AnnualRevenue"]) == ("Batch", 12, 7)


def test_a_reject_that_may_be_in_salesforce_is_left_out_until_its_kind_is_removed(org: Org) -> None:
    run = refused(org)
    table = run.table("facts")

    def doubt(row: dict[str, str]) -> None:
        row.update(Site="ok", sf__Kind="unknown" if row["key"] == "bad-0" else "rejected")

    edit(table, doubt)
    fed = org.feed(table, **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    assert [row["Name"] for row in stored(org, "bad")] == ["Row 1"]
    assert "1 rejects are left out, that may be in Salesforce already" in fed.log
    assert "lines 2" in fed.log
    edit(table, lambda row: row.update(sf__Kind=""))
    fed = org.feed(table, **BY_KEY, streams=MAPPED)
    assert [row["Name"] for row in stored(org, "bad")] == ["Row 0", "Row 1"]


def test_the_row_that_salesforce_returned_is_none_of_the_source_and_is_not_loaded(org: Org) -> None:
    run = refused(org)
    path = run.output / "facts.rejects.jsonl"
    lines = [{**reject, "kind": "unmatched"} for reject in run.rejects("facts")]
    lines[1] |= {"kind": "rejected", "record": None}
    path.write_bytes(as_lines(lines))
    before = org.jobs_created()
    fed = org.feed(path, **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    assert "whose record is not one of the source: lines 1" in fed.log
    assert "without a record: lines 2" in fed.log
    assert org.jobs_created() == before


WRONG: list[tuple[Callable[[str], str], str]] = [
    (
        lambda text: text.replace("Name,", "Nam,"),
        "line 2, column `Nam` is unknown: the stream does not have it (did you mean `Name`?)",
    ),
    (lambda text: text.replace("Row 1", "1.2E+17"), "line 3, column `Name` has a number as"),
    (lambda text: text.replace("Row 1", "#NAME?"), "line 3, column `Name` has an error"),
    (lambda text: text.replace("Row 1", "json:{"), "line 3, column `Name` is not JSON"),
    (lambda text: text.replace("Row 1", '"x"y'), "line 3 is not CSV"),
    (lambda text: text.replace("sf__Run", "Run"), "line 1 has no columns `sf__Stream`"),
    (lambda text: text.replace("Name,", "Site,"), "line 1 has the column `Site` twice"),
    (lambda text: text.replace("bad-1", "bad-1,,,,,,,,,,,,"), "line 3 has more cells"),
    (lambda text: text.replace("facts,2", ",2"), "line 2 has no `sf__Stream`"),
    (lambda text: text.replace("facts,2", "fact,2"), "the SCHEMA of stream `fact` of the run"),
    (lambda text: text.replace("Row 1", "\udce9"), "line 3 is not UTF-8"),
    (lambda text: text.replace("bad-1", ""), "line 3 has no value of the key property `key`"),
    (lambda _: "", "line 1 has no columns"),
]


def test_a_table_that_cannot_be_read_is_named_with_its_line_before_anything_is_sent(
    org: Org,
) -> None:
    run = refused(org)
    table = run.table("facts")
    whole = table.read_bytes().decode()
    before = org.jobs_created()
    for change, wrong in WRONG:
        table.write_bytes(change(whole).encode("utf-8", "surrogateescape"))
        fed = org.feed(table, **BY_KEY, streams=MAPPED)
        assert fed.code == 1, wrong
        assert f"{table}" in fed.reason
        assert wrong in fed.reason
    assert org.jobs_created() == before


def test_a_broken_line_of_a_rejects_file_is_named_and_one_that_a_killed_run_began_is_not_read(
    org: Org,
) -> None:
    run = refused(org)
    path = run.output / "facts.rejects.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"record":{"key":"bad')
    assert org.feed(path, **BY_KEY, streams=MAPPED, dry_run=True).report("facts")["read"] == 3
    path.write_bytes(whole + b'{"record":\n')
    fed = org.feed(path, **BY_KEY, streams=MAPPED)
    assert fed.reason == f"{path}, line 3 is not a line of a rejects file."


def test_spreadsheets_may_leave_out_empty_cells_and_add_empty_rows(org: Org) -> None:
    run = refused(org)
    table = run.table("facts")
    text = table.read_text("utf-8-sig").replace(TOO_LONG, "ok")
    table.write_bytes(f"\ufeff{text}{',' * 10}\r\n\r\n".encode("utf-16-le"))
    fed = org.feed(table, **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    assert len(stored(org, "bad")) == 2


def test_a_table_in_utf_16_has_any_character_in_a_cell(org: Org) -> None:
    run = refused(org, count=3)
    table = run.table("facts")
    text = table.read_text("utf-8-sig").replace(TOO_LONG, "ok")
    # Some programs end a line at each of the first two.
    text = text.replace("Row 0", "a\u2028b\x85c").replace("Row 1", "a\ud800b")
    data = f"\ufeff{text}".encode("utf-16-le", "surrogatepass")
    table.write_bytes(data)
    fed = org.feed(table, **BY_KEY, streams=MAPPED)
    assert [row["Name"] for row in stored(org, "bad")] == ["a\u2028b\x85c", "Row 2"], fed.log
    assert [reject["code"] for reject in fed.rejects("facts")[3:]] == ["LONE_SURROGATE"]
    table.write_bytes(data[:-1])
    cut = org.feed(table, **BY_KEY, streams=MAPPED)
    assert cut.reason == f"{table} ends within a character of UTF-16. Save it once more."


def test_a_dry_run_keeps_the_rejects_that_it_reads(org: Org) -> None:
    dry: dict[str, Any] = {**BY_KEY, "streams": MAPPED, "dry_run": True}
    org.load(*facts("bad", "ok", [b'"Name":"Acme","staff":"few"']), **dry)
    (table,) = (org.folder / "output" / "dry-run").glob("facts.rejects.*.csv")
    edit(table, lambda row: row.update(staff="5"))
    assert org.feed(table, **dry).code == 0
    fed = org.feed(table, **BY_KEY, streams=MAPPED)
    assert fed.code == 0, fed.log
    assert [row["NumberOfEmployees"] for row in stored(org, "bad")] == [5]


INSERT: dict[str, Any] = {"operation": "insert", "streams": MAPPED}


def inserts(org: Org, site: str = "ok") -> Run:
    rows = [b'"Name":"Row %d"' % number for number in range(2)]
    return org.load(*facts("bad", site, rows), **INSERT)


def names(org: Org) -> list[str]:
    return [row["Name"] for row in stored(org, "bad")]


def test_inserts_that_are_loaded_again_are_neither_skipped_nor_doubled(org: Org) -> None:
    taken = [org.create("Account", Ext_Id__c=f"bad-{at}", Name="Taken") for at in range(2)]
    first = inserts(org)
    table = first.table("facts")
    assert [reject["code"] for reject in first.rejects("facts")] == ["DUPLICATE_VALUE"] * 2
    org.delete("Account", taken[0])
    # The journal of that run knows both rows as rejected, and must not have them skipped now.
    second = org.feed(table, **INSERT)
    second_table = second.table("facts")
    assert (second.code, names(org)) == (1, ["Row 0", "Taken"]), second.log
    org.delete("Account", taken[1])
    # The same file again: what is in, or in the rejects of the second run, is not sent again.
    again = org.feed(table, **INSERT)
    assert (again.code, names(org)) == (0, ["Row 0"]), again.log
    assert again.report("facts")["skipped"] == 2
    third = org.feed(second_table, **INSERT)
    assert (third.code, names(org)) == (0, ["Row 0", "Row 1"]), third.log
    # No STATE has left, so the tap sends its records again: the rejects of its run are known.
    replay = inserts(org)
    assert (replay.code, replay.report("facts")["skipped"]) == (0, 2), replay.log
    assert names(org) == ["Row 0", "Row 1"]


@pytest.mark.parametrize("answered", [False, True])
def test_inserts_that_are_killed_while_they_are_loaded_again_are_made_once(
    org: Org, answered: bool
) -> None:
    run = inserts(org, TOO_LONG)
    table = run.table("facts")
    edit(table, mend)
    arguments = ["--config", str(org.config(**INSERT)), "--rejects", str(table)]
    killed, request, code = 0, 3, -SIGKILL
    # Each run goes on where the one before was killed, until one comes to its end.
    while code == -SIGKILL:
        kill = Kill(request=request, answered=answered)
        ended = forked("target-sfbulk").run_line(org.folder, arguments, kill=kill, hurried=True)
        code, killed, request = ended.code, killed + 1, request + 1
    assert code == 0, ended.log
    assert killed > 3
    assert names(org) == ["Row 0", "Row 1"]


def test_a_mirror_keeps_the_keys_of_its_table_while_rejects_are_loaded_again(org: Org) -> None:
    mirror = {"operation": "mirror", "delete_cap": "100%", **BY_KEY, "streams": MAPPED}
    for number in range(3):
        org.create("Account", Ext_Id__c=f"bad-{number}", Name="Old")
    # A table of which the tap sends the rest in the next run.
    rows = [{"key": f"bad-{at}", "Name": "New", "Site": "ok"} for at in range(3)]
    versioned = [{**record("facts", **row), "version": 1} for row in rows]
    versioned[1]["record"]["Site"] = TOO_LONG
    begun = org.load(FACTS, *versioned[:2], state(done=1), **mirror, max_rejects="100%")
    assert begun.code == 0, begun.log
    edit(begun.table("facts"), mend)
    fed = org.feed(begun.table("facts"), **mirror)
    assert fed.code == 0, fed.log
    activate = {"type": "ACTIVATE_VERSION", "stream": "facts", "version": 1}
    rest = org.load(FACTS, versioned[2], activate, state(done=2), **mirror)
    assert rest.code == 0, rest.log
    assert names(org) == ["New"] * 3


def test_a_record_of_the_org_that_a_mirror_could_not_delete_is_not_loaded_again(org: Org) -> None:
    mirror = {"operation": "mirror", "delete_cap": "100%", **BY_KEY, "streams": MAPPED}
    for number in range(2):
        org.create("Account", Ext_Id__c=f"bad-{number}", Name="Old")
    org.sandbox.control.add_fault(
        kind="row_error", operation="delete", code="DELETE_FAILED", message="no", times=1
    )
    table = {**record("facts", key="bad-0", Name="New"), "version": 1}
    activate = {"type": "ACTIVATE_VERSION", "stream": "facts", "version": 1}
    run = org.load(FACTS, table, activate, **mirror)
    (reject,) = run.rejects("facts")
    assert reject["kind"] == "not_deleted", run.log
    assert set(reject["record"]) == {"Id", "Ext_Id__c"}
    for path in (run.table("facts"), run.output / "facts.rejects.jsonl"):
        fed = org.feed(path, **mirror)
        assert "whose record is not one of the source" in fed.log
        assert len(names(org)) == 2


def test_a_record_that_is_marked_as_deleted_is_deleted_when_it_is_loaded_again(org: Org) -> None:
    mirror = {"operation": "mirror", "delete_cap": "100%", **BY_KEY, "streams": MAPPED}
    org.create("Account", Ext_Id__c="bad-0", Name="Old")
    marked = record("facts", key="bad-0", Name="Old", _sdc_deleted_at="2026-03-04T05:06:07Z")
    org.sandbox.control.add_fault(
        kind="row_error", operation="delete", code="DELETE_FAILED", message="no", times=1
    )
    run = org.load(FACTS, marked, **mirror)
    assert [reject["kind"] for reject in run.rejects("facts")] == ["rejected"], run.log
    fed = org.feed(run.table("facts"), **mirror)
    assert fed.code == 0, fed.log
    assert names(org) == []


def test_the_options_are_checked(org: Org, tmp_path: Path) -> None:
    command, config = forked("target-sfbulk"), org.config(**BY_KEY)

    def reason(*words: str) -> str:
        return command.run_line(tmp_path, ["--config", str(config), *words]).reason

    assert "--rejects-run needs --rejects" in reason("--rejects-run", "all")
    (tmp_path / "x.jsonl").touch()
    both = ("--rejects", str(tmp_path / "x.jsonl"), "--input", str(tmp_path / "x.jsonl"))
    assert "exclude each other" in reason(*both)
    assert "has no rejects." in reason("--rejects", str(tmp_path / "x.jsonl"))
    assert "does not exist" in reason("--rejects", str(tmp_path / "y.jsonl"))
    same = (
        "--rejects",
        str(tmp_path / "x.jsonl"),
        "--rejects",
        str(tmp_path / ".." / tmp_path.name / "x.jsonl"),
    )
    assert "x.jsonl is given twice" in reason(*same)
