"""Cells of CSV of the wrong type, columns in another letter case, hard deletes."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_bulk1.async_api import AsyncApi, error
from tests.sandbox_http.front_door import faults_of
from tests.sandbox_http.test_bulk2_ingest import names_in, records_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org

REFUSED_HARD_DELETE = (
    "hardDelete operation requires special user profile permission, "
    "please contact your system administrator"
)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[AsyncApi]:
    api = AsyncApi(sandbox)
    yield api
    api.session.close()


def refusal(column: int, cell: str, kind: str, field: str) -> str:
    return (
        f"INVALID_FIELD:Failed to deserialize field at col {column}. "
        f"Due to, '{cell}' is not a valid value for the type xsd:{kind}:{field} --"
    )


CASES = [
    ("Opportunity", "CloseDate", "2003-04-987654321987654321", "date"),
    ("Opportunity", "CloseDate", "6/15/19", "date"),
    ("Opportunity", "IsPrivate", "maybe", "boolean"),
    ("Opportunity", "Amount", "1,50", "double"),
    ("Account", "NumberOfEmployees", "47.0", "int"),
    ("Account", "NumberOfEmployees", "4.7E1", "int"),
    ("Account", "NumberOfEmployees", "many", "int"),
    ("Event", "ActivityDateTime", "2018-09-28", "dateTime"),
    ("Event", "ActivityDateTime", "2018-09-28 10:00:00Z", "dateTime"),
]


@pytest.mark.parametrize("case", CASES)
def test_a_cell_of_another_type_refuses_its_row_with_its_column_in_both_bulk_apis(
    org: Org, api: AsyncApi, case: tuple[str, str, str, str]
) -> None:
    sobject, field, cell, kind = case
    sheet = io.StringIO(newline="")
    csv.writer(sheet).writerows([["Description", field.upper()], ["x", cell], ["y", ""]])
    body = sheet.getvalue().replace("\r", "")
    job = org.load(sobject, "insert", body.encode())
    rows = records_of(org.results(job["id"], "failedResults"))
    refused = [row for row in rows if row["Description"] == "x"]
    assert [(row["sf__Id"], row["sf__Error"]) for row in refused] == [
        ("", refusal(1, cell, kind, field))
    ]
    # The cell comes back as sent.
    assert refused[0][field.upper()] == cell
    first, _ = api.load("insert", sobject, body)
    assert first == ["", "false", "false", refusal(1, cell, kind, field)]


def test_a_row_that_is_too_short_for_a_typed_column_is_refused_alone(org: Org) -> None:
    body = b"Name,NumberOfEmployees,AnnualRevenue\nA,1\nB,2,3.5\n"
    job = org.load("Account", "insert", body)
    (row,) = records_of(org.results(job["id"], "failedResults"))
    assert row["Name"] == "A"
    assert names_in(org) == ["B"]


def test_the_first_bad_cell_of_a_row_is_the_one_reported_and_others_are_loaded(org: Org) -> None:
    body = b"Name,NumberOfEmployees,AnnualRevenue\nA,x,y\nB,+7,1e2\nC,#N/A,\n"
    job = org.load("Account", "insert", body)
    (row,) = records_of(org.results(job["id"], "failedResults"))
    assert row["sf__Error"] == refusal(1, "x", "int", "NumberOfEmployees")
    assert names_in(org) == ["B", "C"]


def test_whole_numbers_may_be_taken_with_a_fraction_of_zero(org: Org) -> None:
    org.sandbox.control.set_behaviour(whole_numbers="lenient")
    body = b"Name,NumberOfEmployees\nA,47.0\nB,4.7E1\nC,4.5\n"
    job = org.load("Account", "insert", body)
    (row,) = records_of(org.results(job["id"], "failedResults"))
    assert row["sf__Error"] == refusal(1, "4.5", "int", "NumberOfEmployees")
    rows = records_of(org.results(job["id"], "successfulResults"))
    assert {row["NumberOfEmployees"] for row in rows} == {"47"}


@pytest.mark.parametrize("choice", ["kept", "lost"])
def test_failed_rows_keep_or_lose_what_stands_under_a_name_in_another_letter_case(
    org: Org, choice: str
) -> None:
    org.sandbox.control.set_behaviour(column_case=choice)
    body = b"LASTNAME,Phone,account.ext_id__c,Email\nA,1,Nobody,a@example.com\nB,2,,b@example.com\n"
    job = org.load("Contact", "insert", body)
    (failed,) = records_of(org.results(job["id"], "failedResults"))
    kept = choice == "kept"
    assert (failed["LASTNAME"], failed["account.ext_id__c"]) == (
        ("A", "Nobody") if kept else ("", "")
    )
    assert (failed["Phone"], failed["Email"]) == ("1", "a@example.com")
    (loaded,) = records_of(org.results(job["id"], "successfulResults"))
    assert loaded["LASTNAME"] == "B"


def test_a_hard_delete_wants_a_permission(org: Org, api: AsyncApi) -> None:
    org.sandbox.control.set_behaviour(hard_delete="refused")
    body = {"object": "Account", "operation": "hardDelete"}
    answer = org.call("POST", "/jobs/ingest", json=body)
    assert answer.status_code == 400
    assert faults_of(answer) == [
        ("FEATURENOTENABLED", f"FeatureNotEnabled : {REFUSED_HARD_DELETE}")
    ]
    answer = api.create({"operation": "hardDelete", "object": "Account", "contentType": "CSV"})
    assert error(answer) == (400, "FeatureNotEnabled", REFUSED_HARD_DELETE)
    assert org.open_load("Account", "delete")["state"] == "Open"


@pytest.mark.parametrize(("choice", "status"), [("default", "Open"), ("null", None)])
def test_an_empty_cell_of_a_new_record_is_its_default_or_null(
    org: Org, choice: str, status: str | None
) -> None:
    org.sandbox.control.set_behaviour(empty_on_insert=choice)
    before = org.sandbox.org.record("User", org.sandbox.org.user_id, ["Id"])["Id"]
    body = b"Subject,Priority,OwnerId,IsEscalated\nx,,,\n"
    assert org.load("Case", "insert", body)["numberRecordsFailed"] == 0
    soql = "SELECT Priority, OwnerId, IsEscalated FROM Case"
    ((priority, owner, escalated),) = org.sandbox.org.query(soql).rows()
    # What cannot be null has its default either way.
    assert (owner, escalated) == (before, "false")
    assert (priority is None) is (status is None)
    org.load("Case", "insert", b"Subject\nx\n")
    _, second = org.sandbox.org.query(soql).rows()
    assert second[0]
