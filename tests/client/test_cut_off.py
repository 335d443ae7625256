"""Results that lack their end, although the answer is complete, are read again."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import ContentType, CsvError, Operation
from sfbulk.jobs.cut_off import EndCheck

if TYPE_CHECKING:
    from sfbulk import IngestSummary, Salesforce
    from sfbulk_sandbox import Sandbox

SOQL = "SELECT Id, Name FROM Account"
ROWS = [{"Name": "new 1"}, {"Name": "new, 2"}, {"Name": ""}]
"""The last one is refused: a name is required."""
CUTS = [{"lines": 1}, {"bytes": 4}, {"lines": 1, "bytes": 4}, {"lines": 1000}]
FORMS = [ContentType.CSV, ContentType.JSON, ContentType.XML]


def is_right(summary: IngestSummary) -> bool:
    return (summary.succeeded, summary.failed, summary.unknown) == (2, 1, 0)


@pytest.mark.parametrize("cut", CUTS, ids=str)
@pytest.mark.parametrize("resource", ["successfulResults", "failedResults"])
def test_cut_results_of_a_load_are_read_again(
    sf: Salesforce, sandbox: Sandbox, resource: str, cut: dict[str, int]
) -> None:
    sandbox.control.add_fault(kind="shortened", path=f"*/{resource}", **cut)
    outcomes = list(sf.load("Account", Operation.INSERT, ROWS))
    assert [outcome.status.value for outcome in outcomes] == ["succeeded", "succeeded", "failed"]
    assert sandbox.control.faults == []


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_cut_results_of_a_batch_are_read_again(
    sf: Salesforce, sandbox: Sandbox, cut: dict[str, int]
) -> None:
    sandbox.control.add_fault(kind="shortened", path="*/result", **cut)
    assert is_right(sf.bulk1.insert("Account", ROWS))
    assert sandbox.control.faults == []


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_cut_results_of_queries_are_read_again(
    sf: Salesforce, sandbox: Sandbox, cut: dict[str, int]
) -> None:
    whole = sorted(str(row["Id"]) for row in sf.query(SOQL))
    for path in ("*/results", "*/result/*"):
        sandbox.control.add_fault(kind="shortened", path=path, **cut)
    assert sorted(str(row["Id"]) for row in sf.query(SOQL)) == whole
    assert sorted(row["Id"] for row in sf.bulk1.query(SOQL)) == whole
    assert sandbox.control.faults == []


@pytest.mark.parametrize("form", FORMS)
def test_cut_documents_of_queries_are_read_again(
    sf: Salesforce, sandbox: Sandbox, form: ContentType
) -> None:
    whole = sorted(row["Id"] for row in sf.bulk1.query(SOQL, content_type=form))
    sandbox.control.add_fault(kind="shortened", path="*/result/*", bytes=4)
    assert sorted(row["Id"] for row in sf.bulk1.query(SOQL, content_type=form)) == whole
    assert sandbox.control.faults == []


def test_results_that_stay_cut_are_an_error_that_names_the_job(
    sf: Salesforce, sandbox: Sandbox
) -> None:
    sandbox.control.add_fault(kind="shortened", path="*/failedResults", bytes=4, times=None)
    with pytest.raises(
        CsvError, match=r"The failedResults of job 750\w+ on Account, of 1 row: Row 1"
    ):
        sf.insert("Account", ROWS)
    assert len(sandbox.control.requests_like(path="*/failedResults")) == 2


def test_results_without_a_line_break_at_their_end_are_taken_when_they_come_alike(
    sf: Salesforce, sandbox: Sandbox
) -> None:
    whole = [row["Id"] for row in sf.query(SOQL)]
    sandbox.control.add_fault(kind="shortened", path="*/results", bytes=1, times=None)
    assert [row["Id"] for row in sf.query(SOQL)] == whole


CELLS = st.text(st.sampled_from('ab",\n\r é'), max_size=5)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5), st.data())
def test_a_whole_csv_never_looks_cut_off_and_a_cut_one_always_does(
    rows: list[tuple[str, str]], data: Any
) -> None:
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows([("a", "b"), *rows])
    whole = text.getvalue().encode()
    assert not seen(whole, data).looks_cut_off(len(rows))
    part = whole[: data.draw(st.integers(0, len(whole) - 1))]
    check = seen(part, data)
    # A line break within a value, or none within one more row, may look like the end of a row.
    complete = part.endswith(b"\n") and part.count(b'"') % 2 == 0
    assert check.looks_cut_off(None) == (bool(part) and not complete)
    if part.count(b"\n") <= len(rows):
        assert check.looks_cut_off(len(rows))


def seen(text: bytes, data: Any) -> EndCheck:
    check, at = EndCheck(), data.draw(st.integers(0, len(text)))
    for chunk in (text[:at], text[at:]):
        check.see(chunk)
    return check


NO_ROWS = b"Records not found for this query"


@pytest.mark.parametrize("length", range(1, len(NO_ROWS) + 1))
def test_the_text_of_no_rows_is_whole_with_all_of_its_letters(length: int) -> None:
    check = EndCheck()
    check.see(NO_ROWS[:length])
    assert check.looks_cut_off(0) == (length < len(NO_ROWS))
