"""The records of a load: mappings, sequences, CSV bytes and files, with every delimiter."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import (
    ColumnDelimiter,
    CsvError,
    DataError,
    IngestJob,
    JobFailed,
    LineEnding,
    Operation,
    PrecisionLoss,
    RowOutcome,
    RowStatus,
    Salesforce,
    client,
)
from sfbulk.load import record_load, sources
from sfbulk.load.group import BufferLimits
from sfbulk.load.sources import numbered_rows
from sfbulk.load.spool import FileLimits
from tests.client.rules import rules

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

VALUES = ['x,"y"', " spaced ", "one\ntwo", "é😀\u2028z", "a;b\tc|d^e`f"]
CRLF_VALUE = "one\r\ntwo"


def rows_in(sandbox: Sandbox) -> dict[str, str | None]:
    found = sandbox.org.query("SELECT Ext_Id__c, Site FROM Account WHERE Name = 'New'").rows()
    return {str(key): None if site is None else str(site) for key, site in found}


def csv_text(delimiter: str, line_end: str, values: list[str]) -> str:
    lines = [["Ext_Id__c", "Name", "Site"]]
    lines += [[f"N{number}", "New", value] for number, value in enumerate(values)]
    quoted = ('"' + cell.replace('"', '""') + '"' for line in lines for cell in line)
    cells = list(quoted)
    return "".join(delimiter.join(cells[at : at + 3]) + line_end for at in range(0, len(cells), 3))


class Trickle(io.RawIOBase):
    """A stream that gives one byte at a time, as a slow pipe may."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data.read(1)
        buffer[: len(piece)] = piece
        return len(piece)


@pytest.mark.parametrize("form", ["bytes", "path", "file", "pipe"])
@pytest.mark.parametrize("delimiter", list(ColumnDelimiter), ids=lambda d: d.value)
@pytest.mark.parametrize("line_end", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["", "BOM"])
def test_csv_arrives_value_by_value_as_it_is(  # noqa: PLR0913, PLR0917 - pytest passes each by name
    sandbox: Sandbox,
    sf: Salesforce,
    tmp_path: Path,
    form: str,
    delimiter: ColumnDelimiter,
    line_end: str,
    mark: str,
) -> None:
    data = (mark + csv_text(delimiter.text, line_end, VALUES)).encode()
    path = tmp_path / "accounts.csv"
    path.write_bytes(data)
    with path.open("rb") as file:
        source = {"bytes": data, "path": path, "file": file, "pipe": Trickle(data)}[form]
        summary = sf.insert("Account", source, column_delimiter=delimiter)  # type: ignore[arg-type] # a pipe is no BinaryIO
    assert (summary.succeeded, summary.failures) == (len(VALUES), [])
    assert rows_in(sandbox) == {f"N{number}": value for number, value in enumerate(VALUES)}


@pytest.mark.parametrize("stored_by_salesforce", ["lf", "kept"])
def test_line_breaks_in_text_are_sent_as_lf_in_one_job(
    sandbox: Sandbox, sf: Salesforce, stored_by_salesforce: str
) -> None:
    sandbox.control.set_behaviour(line_breaks=stored_by_salesforce)
    data = csv_text(",", "\r\n", [*VALUES, CRLF_VALUE, "a\rb\nc"]).encode()
    summary = sf.insert("Account", data)
    assert (summary.succeeded, len(summary.job_ids)) == (7, 1)
    assert (summary.fitted, summary.nulls_kept) == ({"Site": 2}, {})
    expected = [*VALUES, "one\ntwo", "a\nb\nc"]
    assert rows_in(sandbox) == {f"N{number}": value for number, value in enumerate(expected)}


@pytest.mark.parametrize("text", [CRLF_VALUE, "a\rb"])
def test_line_breaks_that_would_be_changed_are_refused_with_precision_loss_reject(
    sandbox: Sandbox, sf: Salesforce, text: str
) -> None:
    records = [{"Name": "New", "Site": "a\nb"}, {"Name": "New", "Site": text}]
    for insert in (sf.insert, sf.bulk1.insert):
        with pytest.raises(DataError, match="Record 2: Site: the text has CR or CRLF line breaks"):
            insert("Account", records, precision_loss=PrecisionLoss.REJECT)
    assert not [call for call in sandbox.requests if "/job" in call.path]


def test_csv_clears_a_field_with_na_and_an_empty_cell_changes_nothing(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sf.insert("Account", csv_text(",", "\n", ["kept", "cleared"]).encode())
    summary = sf.upsert("Account", b"Ext_Id__c,Site\nN0,\nN1,#N/A\n", external_id="Ext_Id__c")
    assert summary.succeeded == 2
    assert rows_in(sandbox) == {"N0": "kept", "N1": None}


def test_a_later_row_of_one_key_is_loaded_later(sandbox: Sandbox, sf: Salesforce) -> None:
    data = b"Ext_Id__c,Name,Site\nN0,New,first\nN1,New,only\nn0,New,last\n"
    summary = sf.upsert("Account", io.BytesIO(data), external_id="Ext_Id__c")
    assert (summary.succeeded, len(summary.job_ids)) == (3, 2)
    assert {key.upper(): site for key, site in rows_in(sandbox).items()} == {
        "N0": "last",
        "N1": "only",
    }


def test_a_delete_takes_the_id_of_any_csv(sandbox: Sandbox, sf: Salesforce) -> None:
    ids = [row[0] for row in sandbox.org.query("SELECT Id FROM Account LIMIT 2").rows()]
    data = "Name;Id\n" + "".join(f"whatever;{each}\n" for each in ids)
    summary = sf.delete("Account", data.encode(), column_delimiter=ColumnDelimiter.SEMICOLON)
    assert summary.succeeded == 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "The CSV is empty"),
        (b"\xef\xbb\xbf", "The CSV is empty"),
        (b"Name;Site\na;b\n", "Column 1 of the CSV's first row is not a field name.*delimiter"),
        (b"Name,Jane Doe\na,b\n", "Column 2 of the CSV's first row is not a field name"),
        (b"Name,\na,b\n", "Column 2 of the CSV's first row is not a field name"),
        (b"Name,Site,NAME\na,b,c\n", "repeats columns: name"),
        (b"Name,Site\na\n", "Row 1 has 1 cells, but the header has 2"),
        (b'Name,Site\na,b\nc,"d\n', "After row 1 the data is not CSV"),
        (b"Name,Site\ra,b\r", "not CSV"),
        ("Name,Site\na,é\n".encode("latin-1"), "not UTF-8"),
        ("Name\na\n".encode("utf-16"), "not UTF-8"),
    ],
)
def test_data_that_is_not_csv_is_refused_before_any_job(
    sandbox: Sandbox, sf: Salesforce, data: bytes, problem: str
) -> None:
    with pytest.raises(CsvError, match=problem) as caught:
        sf.insert("Account", data)
    assert "Jane" not in str(caught.value)
    assert not [call for call in sandbox.requests if "/jobs/" in call.path]


def test_a_csv_of_a_header_alone_makes_no_job(sandbox: Sandbox, sf: Salesforce) -> None:
    assert sf.insert("Account", b"Name,Site\n").job_ids == []
    assert sandbox.requests == []


def test_sequences_need_the_option_columns(sandbox: Sandbox, sf: Salesforce) -> None:
    rows = ((f"N{number}", "New", value) for number, value in enumerate([None, "b"]))
    summary = sf.insert("Account", rows, columns=["Ext_Id__c", "Name", "Site"])
    assert summary.succeeded == 2
    assert rows_in(sandbox) == {"N0": None, "N1": "b"}


@pytest.mark.parametrize(
    ("rows", "options", "problem"),
    [
        ([("a", "b")], {}, "Record 1 is a sequence, so the load needs the option columns"),
        (
            [("a", "b"), ("c",)],
            {"columns": ["Name", "Site"]},
            "Record 2 has 1 values, but there are 2 columns",
        ),
    ],
)
def test_sequences_that_do_not_fit_are_named(
    sf: Salesforce, rows: Any, options: Any, problem: str
) -> None:
    with pytest.raises(DataError, match=problem):
        sf.insert("Account", rows, **options)


def test_a_source_is_read_as_it_is_loaded(sf: Salesforce, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory and disk do not grow with the source: a job is sent when its file is full."""
    monkeypatch.setattr(record_load, "BUFFER_LIMITS", BufferLimits(bytes=1_000))
    read = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal read
        for read in range(1, 1_401):
            yield {"Name": f"Many {read:04d}"}

    ahead = [read - outcome.number for outcome in sf.load("Account", Operation.INSERT, records())]
    assert len(ahead) == 1_400
    # The first 1,000 rows show the columns; 1,000 bytes are 83 rows of 12 bytes.
    assert max(ahead) <= 1_084


def test_an_assignment_rule_is_sent_with_the_job(sf: Salesforce) -> None:
    rule = "01Q000000000001AAA"
    job = sf.ingest_job("Lead", Operation.INSERT, assignment_rule_id=rule)
    assert sf._transport.json(sf._get(f"/jobs/ingest/{job.id}", "Look"))["assignmentRuleId"] == rule
    record = {"LastName": "New", "Company": "Some"}
    assert sf.insert("Lead", [record], assignment_rule_id=rule).succeeded == 1


@pytest.mark.usefixtures("line_breaks_kept")
def test_a_csv_file_is_uploaded_and_its_results_are_read_with_its_delimiter(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    job = sf.ingest_job(
        "Account",
        Operation.INSERT,
        line_ending=LineEnding.CRLF,
        column_delimiter=ColumnDelimiter.TAB,
    )
    job.upload(csv_text("\t", "\r\n", ["a", CRLF_VALUE]).encode())
    job.close()
    job.wait()
    assert {row.row["Site"] for row in job.successful()} == {"a", CRLF_VALUE}
    assert rows_in(sandbox) == {"N0": "a", "N1": CRLF_VALUE}


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r"), max_size=20)


@given(
    cells=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=8),
    delimiter=st.sampled_from(ColumnDelimiter),
    sizes=st.lists(st.integers(1, 40), min_size=1),
)
def test_every_value_is_kept_at_every_chunk_boundary(
    cells: list[tuple[str, str]], delimiter: ColumnDelimiter, sizes: list[int]
) -> None:
    lines = [("Name", "Site"), *cells]
    text = "".join(
        delimiter.text.join('"' + cell.replace('"', '""') + '"' for cell in line) + "\n"
        for line in lines
    )
    stream = _Pieces(text.encode(), sizes)
    read = numbered_rows(stream, None, rules(Operation.INSERT), delimiter)  # type: ignore[arg-type] # only its read() is used
    fitted = [tuple(re.sub("\r\n?", "\n", cell) for cell in line) for line in cells]
    assert [tuple(row.cells) for _, row in read] == fitted


class _Pieces:
    """Returns its bytes in chunks of the given sizes."""

    def __init__(self, data: bytes, sizes: list[int]) -> None:
        self._data = io.BytesIO(data)
        self._sizes = sizes

    def read(self, _size: int) -> bytes:
        self._sizes = [*self._sizes[1:], self._sizes[0]]
        return self._data.read(self._sizes[0])


# Several jobs at a time


def five_files(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=1_000, rows=1_000))
    return [{"Name": "New", "Ext_Id__c": f"M{number:03d}"} for number in range(300)]


@pytest.mark.parametrize("flight", [1, 2, 3, 9])
def test_so_many_jobs_run_at_a_time_and_no_more(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch, flight: int
) -> None:
    sandbox.control.jobs_after_polls(2)
    summary = sf.insert("Account", five_files(monkeypatch), jobs_in_flight=flight)
    assert summary.succeeded == 300
    assert len(summary.job_ids) == 4
    running = most = 0
    for call in sandbox.requests:
        # A job is deleted when all its rows are in and read.
        running += {"POST": 1, "DELETE": -1}.get(call.method, 0) * ("/jobs/ingest" in call.path)
        most = max(most, running)
    assert most == min(flight, len(summary.job_ids))


def test_versions_of_a_key_are_never_in_two_jobs_at_once(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control.jobs_after_polls(2)
    rows = five_files(monkeypatch)
    later = [{**row, "Name": "Later"} for row in rows]
    summary = sf.upsert("Account", [*rows, *later], external_id="Ext_Id__c")
    assert summary.succeeded == 600
    names = sandbox.org.query("SELECT Name FROM Account WHERE Ext_Id__c LIKE 'M%'").rows()
    assert {row[0] for row in names} == {"Later"}
    # The first job of the later wave is created after the last of the earlier one was deleted.
    steps = [call.method for call in sandbox.requests if "/jobs/ingest" in call.path]
    half = len(summary.job_ids) // 2
    posts = [at for at, method in enumerate(steps) if method == "POST"]
    deletes = [at for at, method in enumerate(steps) if method == "DELETE"]
    assert posts[half] > deletes[half - 1]


def test_when_a_job_fails_the_load_waits_for_parallel_jobs_and_creates_no_other(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control.add_fault(kind="job_failed", message="InternalServerError : no luck")
    rows = sf.load("Account", Operation.INSERT, five_files(monkeypatch), jobs_in_flight=2)
    outcomes: list[RowOutcome] = []
    with pytest.raises(JobFailed, match=r"no luck.* 0 succeeded"):
        outcomes.extend(outcome for outcome in rows)
    assert len({outcome.job_id for outcome in outcomes if outcome.job_id}) == 2
    saved = sandbox.org.query("SELECT Id FROM Account WHERE Name = 'New'").total()
    assert saved == sum(outcome.success for outcome in outcomes) > 0
    assert {outcome.status for outcome in outcomes if not outcome.success} == {
        RowStatus.UNPROCESSED
    }


def test_an_interrupted_load_aborts_all_its_jobs(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.control.hold_jobs()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(IngestJob, "poll", interrupt)
    with pytest.raises(KeyboardInterrupt):
        sf.insert("Account", five_files(monkeypatch), jobs_in_flight=3)
    jobs = sf._transport.json(sf._get("/jobs/ingest", "List the jobs"))["records"]
    assert [job["state"] for job in jobs] == ["Aborted"] * 3


def test_names_of_fields_are_distinguished_from_values() -> None:
    for name in ("Name", "Ext_Id__c", "Parent__r.Ext_Id__c", "Lead:Who.Email", "ns__A__c"):
        assert sources._FIELD_NAME.fullmatch(name)
    for text in ("", "Jane Doe", "1st", "a;b", "é", "Name\n", "x@y.example"):
        assert not sources._FIELD_NAME.fullmatch(text)
