"""`report.html`: what a run loaded, what was refused and why, for whoever opens it afterwards."""

from __future__ import annotations

import json
import logging
import os
import re
import stat
import tracemalloc
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from sfbulk.report_page import PageWriter, Refusal, Refusals
from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state
from tests.target.test_signals import wait_for

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.target.support import Org, Run

EVIL = "<script>document.title='evil'</script>\"'&<img src=x onerror=alert(1)>"
ACCOUNT = {"operation": "upsert", "external_id": "Ext_Id__c"}


class Page(HTMLParser):
    """What a browser makes of a page: elements, tables, and the text of all."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.source = path.read_bytes().decode("utf-8")
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: dict[str, list[list[str]]] = {}
        self.text = ""
        self._cells: list[str] | None = None
        self._rows: list[list[str]] = []
        self._is_style = False
        self.feed(self.source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append((tag, values))
        self._is_style = tag == "style"
        if tag == "table":
            self._rows = self.tables[values["class"] or ""] = []
        elif tag == "tr":
            self._cells = []
            self._rows.append(self._cells)
        elif tag == "td" and self._cells is not None:
            self._cells.append("")

    def handle_endtag(self, tag: str) -> None:
        self._is_style = False
        self._cells = None if tag == "table" else self._cells

    def handle_data(self, data: str) -> None:
        if self._is_style:
            return
        self.text += data
        if self._cells:
            self._cells[-1] += data.rstrip("\n")

    def rows(self, table: str) -> list[list[str]]:
        """The rows of a table, without its head."""
        return [row for row in self.tables.get(table, []) if row]


def page(run: Run) -> Page:
    return Page(run.output / "report.html")


def people(count: int, **changed: object) -> list[dict[str, object]]:
    return [record("Contact", LastName=f"Person {n}", **changed) for n in range(count)]


def test_the_page_shows_streams_refusals_jobs_state_and_changed_values(org: Org) -> None:
    run = org.load(
        schema("Account", "Ext_Id__c", "Name", "NumberOfEmployees", "Description", key="Ext_Id__c"),
        record("Account", Ext_Id__c="A1", Name="First", Description="1\r\n2"),
        record("Account", Ext_Id__c="A2", Name="Second", NumberOfEmployees="many"),
        state(done=1),
        schema("Contact", "LastName", "Email"),
        *people(3),
        *people(4, Email="nowhere"),
        record("Contact", Email="a@example.com"),
        state(done=2),
        streams={"Account": ACCOUNT, "Contact": {"operation": "insert"}},
        max_rejects="6",
    )
    assert run.code == 0, run.log
    seen = page(run)
    account, contact = seen.rows("streams")
    assert account[:6] == ["Accountupsert into Account", "2", "1", "1", "1", "1"]
    assert contact[:6] == ["Contactinsert into Contact", "8", "3", "3", "5", "1"]
    assert [row[:5] for row in seen.rows("refusals")] == [
        ["INVALID_EMAIL_ADDRESS", "Email", "Contact", "by Salesforce", "4"],
        [
            "UNCONVERTIBLE_VALUE",
            "NumberOfEmployees",
            "Account",
            "not sent: a value does not fit",
            "1",
        ],
        ["REQUIRED_FIELD_MISSING", "LastName", "Contact", "by Salesforce", "1"],
    ]
    jobs = {row[0]: row[1:5] for row in seen.rows("jobs")}
    [first], [second] = run.report("Account")["job_ids"], run.report("Contact")["job_ids"]
    assert jobs == {
        f"{first}upsert, Account": ["JobComplete", "1", "1", "0"],
        f"{second}insert, Contact": ["JobComplete", "8", "3", "5"],
    }
    created = org.job(second)["createdDate"]
    assert f"{created[:10]} {created[11:19]}" in [row[5] for row in seen.rows("jobs")]
    [fitted] = seen.rows("changes")
    assert fitted == ["Account", "Description", "sent as Salesforce stores it", "1"]
    assert "Complete, with 6 refused records" in seen.text
    assert "STATE 2 (line 14 of the input) was the last one written." in seen.text
    # The first records of a reason, and no more of them.
    assert seen.text.count("nowhere") == 2 * 3
    assert "Person 0" in seen.text
    assert "Person 3" not in seen.text


def test_the_page_of_each_run_stays_and_only_the_user_can_read_it(org: Org) -> None:
    umask = os.umask(0)
    try:
        runs = [
            org.load(schema("Contact", "LastName"), *people(n), operation="insert") for n in (1, 2)
        ]
    finally:
        os.umask(umask)
    assert [run.code for run in runs] == [0, 0]
    pages = sorted(runs[0].output.glob("report*.html"))
    assert len(pages) == 3
    assert {stat.S_IMODE(path.stat().st_mode) for path in pages} == {0o600}
    latest = page(runs[1])
    assert latest.rows("streams")[0][1] == "2"
    run_id = runs[1].report("Contact")["run_id"]
    assert run_id in latest.text
    assert (runs[1].output / f"report.{run_id}.html").read_text() == latest.source


def test_no_value_becomes_markup_or_hides(org: Org) -> None:
    unseen = "a\0b\u202ec\u200bd\x1be"
    run = org.load(
        schema("Contact", "LastName", "Email", EVIL),
        record("Contact", LastName=EVIL + unseen + "x" * 100_000, Email=EVIL),
        json.dumps(record("Contact", LastName="half \ud800", Email="\udc00")).encode(),
        record("Contact", LastName="\u05e9\u05dc\u05d5\u05dd", Email={"deep": [EVIL, None]}),
        operation="insert",
        max_rejects="100%",
        unknown_fields="drop",
    )
    assert run.code == 0, run.log
    seen = page(run)
    tags = {tag for tag, _ in seen.tags}
    assert not tags & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert not [key for _, given in seen.tags for key in given if key.startswith("on")]
    assert not {"src", "href", "style"} & {key for _, given in seen.tags for key in given}
    assert seen.text.count(EVIL) >= 3
    for shown in ("aU+0000b", "bU+202Ec", "cU+200Bd", "dU+001Be", "half U+D800", "U+DC00"):
        assert shown in seen.text
    assert not re.search("[\0\u202e\u200b\x1b\ud800]", seen.source)
    assert re.search("cut here, 100,[0-9]{3} characters in all", seen.text)
    assert "x" * 1000 not in seen.source
    [policy] = [given["content"] for _, given in seen.tags if "http-equiv" in given]
    assert policy
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy


def test_a_run_that_fails_has_its_page_with_the_reason(org: Org) -> None:
    contacts = [schema("Contact", "LastName", "Email"), *people(2, Email="nowhere")]
    too_many = org.load(*contacts, state(done=1), operation="insert")
    assert too_many.code == 1
    seen = page(too_many)
    assert "Failed" in seen.text
    assert "2 of 2 rows were rejected, and max_rejects allows 0." in seen.text
    assert seen.rows("refusals")[0][:5] == [
        "INVALID_EMAIL_ADDRESS",
        "Email",
        "Contact",
        "by Salesforce",
        "2",
    ]
    # Before any stream was opened.
    unknown = org.load(schema("Nothing", "Name"), operation="insert")
    assert unknown.code == 1
    seen = page(unknown)
    assert "Failed" in seen.text
    assert "Nothing" in seen.text
    assert seen.rows("streams") == []
    # Salesforce refuses the job after the first stream was opened.
    broken = org.load(schema("Contact", "LastName"), *people(2), b"no message", operation="insert")
    assert broken.code == 1
    seen = page(broken)
    assert "Line 4" in seen.text
    assert seen.rows("streams")[0][1:6] == ["2", "0", "0", "0", "2"]


def test_a_run_that_a_signal_stops_has_its_page(org: Org) -> None:
    with org.start(operation="insert") as process:
        assert process.stdin is not None
        lines = [
            schema("Account", "Name"),
            record("Account", Name="A"),
            schema("Contact", "LastName", "_sdc_x"),
        ]
        process.stdin.write(b"".join(json.dumps(line).encode() + b"\n" for line in lines))
        process.stdin.flush()
        wait_for(process, "Contact: record fields left out: _sdc_x")
        process.terminate()
        process.communicate(timeout=30)
    seen = Page(org.folder / "output" / "report.html")
    assert "Stopped by SIGTERM" in seen.text
    assert "SIGTERM stopped the run before the end of its input." in seen.text
    assert "No STATE was written. Of 1 records, 1 are " in seen.text


def test_a_run_that_is_killed_leaves_a_page_that_says_it_did_not_end(org: Org) -> None:
    command = forked("target-sfbulk")
    lines = as_lines([schema("Contact", "LastName"), *people(2), state(done=1)])
    arguments = ["--config", str(org.config(operation="insert"))]
    kill = Kill(before="target_sfbulk.run_reports:RunReports.check_accounts")
    ended = command.run_line(org.folder, arguments, stdin=lines, kill=kill)
    assert ended.code == -9
    seen = Page(org.folder / "output" / "report.html")
    assert "Not ended when this page was written" in seen.text
    assert seen.rows("streams")[0][1] == "1"


def test_a_dry_run_has_its_page_beside_its_files(org: Org) -> None:
    run = org.load(schema("Contact", "LastName"), *people(2), operation="insert", dry_run=True)
    assert run.code == 0, run.log
    assert not (run.output / "report.html").exists()
    seen = Page(run.output / "dry-run" / "report.html")
    assert "Dry run of target-sfbulk" in seen.text
    path = str(run.output / "dry-run" / "Contact-0001.csv")
    assert [row[:2] for row in seen.rows("files")] == [[path, "2"]]


def make_folder(path: Path) -> None:
    path.mkdir(parents=True)


def make_document(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("<h1>Sales of the year</h1>")


@pytest.mark.parametrize("obstacle", [make_folder, make_document])
def test_a_page_that_cannot_be_written_is_one_warning(
    org: Org, obstacle: Callable[[Path], None]
) -> None:
    path = org.folder / "output" / "report.html"
    obstacle(path)
    before = path.read_text() if path.is_file() else sorted(path.iterdir())
    run = org.load(schema("Contact", "LastName"), *people(2), state(done=1), operation="insert")
    assert (run.code, run.states) == (0, [{"done": 1}]), run.log
    warnings = [line for line in run.log.splitlines() if "| WARNING" in line]
    assert len(warnings) == 1
    assert f"The report page {path} is incomplete or not written" in warnings[0]
    assert (path.read_text() if path.is_file() else sorted(path.iterdir())) == before
    assert run.report("Contact")["loaded"] == 2


def test_what_fails_in_the_page_never_quotes_a_value_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "report.html"
    writer = PageWriter([path], logging.getLogger("page"))

    def fail() -> str:
        raise ValueError("Jane Doe")

    writer.write(fail)
    writer.write(fail)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "ValueError" in caplog.text
    assert "Jane Doe" not in caplog.text
    assert list(tmp_path.iterdir()) == []


def test_memory_is_bounded_however_many_records_are_refused() -> None:
    refusals = Refusals()
    long = "x" * 100_000
    tracemalloc.start()
    for number in range(20_000):
        refusal = Refusal("s", "rejected", f"CODE_{number % 5_000}", long, (f"F{number % 7}",))
        refusals.add(refusal, lambda: ((f"N{at}", long) for at in range(100)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert refusals.count == 20_000
    assert sum(group.count for group in refusals.groups()) + refusals.ungrouped["s"] == 20_000
    assert peak < 30_000_000
