"""The same rows, read by Bulk API 2.0, by chunks of Bulk API 1.0, and by REST: the same frames."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from sfbulk import Salesforce, soql
from sfbulk.frames import text_blocks
from sfbulk.read import ReadApi, disposing
from sfbulk.read import rest as rest_module
from sfbulk_sandbox import Sandbox
from tests.client.scripted import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sfbulk.read import ReadJob

    Row = tuple[str | None, ...]

_OF_INVOICES = """
    Id Name OwnerId IsDeleted CreatedDate SystemModstamp Account__c Account__r.Name
    Account__r.CreatedDate Account__r.Owner.Name Bill_To__c Bill_To__r.LastName
    Bill_To__r.Account.Name Ext_Id__c Status__c Amount__c Tax_Rate__c Quantity__c Issued_On__c
    Due_At__c Cut_Off__c Is_Disputed__c Contact_Email__c Notes__c Terms__c Scan_Bytes__c
    Pickup__Latitude__s Pickup__Longitude__s Amount_With_Tax__c
"""
_OF_ACCOUNTS = """
    Id Name BillingStreet BillingCity BillingLatitude BillingLongitude AnnualRevenue
    NumberOfEmployees Description Ledger_Number__c Segments__c Parent.Parent.Name Website
"""
INVOICE, ACCOUNT = _OF_INVOICES.split(), _OF_ACCOUNTS.split()

# Text that looks like other kinds of values has to stay as it is, too.
AWKWARD = [
    "2026-11-23T09:15:00.000+0000",
    "950000000.0",
    "true",
    "null",
    "#N/A",
    '"',
    '""',
    ",",
    "NA",
]
TEXT = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(
        st.one_of(
            st.sampled_from("\r\n\t\u2028\u2029\u0085\\\"',;😀é"),
            st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
        ),
        max_size=12,
    ),
).filter(lambda text: text == text.strip())
DAYS = st.dates(date(1700, 1, 1), date(3999, 12, 31)).map(date.isoformat)
TIMES = st.times().map(lambda at: time(at.hour, at.minute, at.second).isoformat())


def numbers(whole: int, scale: int) -> st.SearchStrategy[str]:
    biggest = 10 ** (whole + scale) - 1
    return st.integers(-biggest, biggest).map(
        lambda units: (
            f"{'-' * (units < 0)}{abs(units) // 10**scale}.{abs(units) % 10**scale:0{scale}d}"
        )
    )


def optional(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


INVOICES = st.fixed_dictionaries(
    {
        "Amount__c": optional(numbers(16, 2)),
        "Tax_Rate__c": optional(numbers(3, 2)),
        "Quantity__c": optional(numbers(12, 6)),
        "Issued_On__c": optional(DAYS),
        "Due_At__c": optional(st.tuples(DAYS, TIMES).map(lambda at: f"{at[0]}T{at[1]}.000Z")),
        "Cut_Off__c": optional(TIMES.map(lambda at: f"{at}.000Z")),
        "Is_Disputed__c": st.booleans(),
        "Notes__c": optional(TEXT),
        "Terms__c": optional(TEXT),
        "Scan_Bytes__c": optional(st.integers(-(10**17), 10**17)),
        "Pickup__Latitude__s": optional(numbers(1, 15)),
        "Pickup__Longitude__s": optional(numbers(2, 13)),
        "Bill_To__c": optional(st.just("003000000000001AAA")),
    }
)
ACCOUNTS = st.fixed_dictionaries(
    {
        "BillingStreet": optional(TEXT),
        "BillingLatitude": optional(numbers(1, 15)),
        "AnnualRevenue": optional(numbers(18, 0).map(lambda text: text.partition(".")[0])),
        "NumberOfEmployees": optional(st.integers(-(10**8), 10**8)),
        "Description": optional(TEXT),
        "Ledger_Number__c": optional(st.integers(-(10**18) + 1, 10**18 - 1)),
        "Segments__c": optional(st.sampled_from(["Retail", "Retail;Export", "Public Sector"])),
    }
)


@pytest.fixture(scope="module")
def org() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def client(org: Sandbox) -> Iterator[Salesforce]:
    settings = {"instance_url": org.url, "access_token": org.access_token}
    with Salesforce.from_settings(settings, clock=FakeClock()) as sf:
        yield sf


def seeded(org: Sandbox, accounts: list[dict[str, Any]], invoices: list[dict[str, Any]]) -> None:
    org.control.reset()
    org.control.jobs_at_once()
    parent = {"Id": "001000000000000AAA", "Name": 'First, "quoted"'}
    children = [
        {"Name": f"Account {n}", "ParentId": parent["Id"], **given}
        for n, given in enumerate(accounts)
    ]
    contact = {"Id": "003000000000001AAA", "LastName": "é\r\n\u2028", "AccountId": parent["Id"]}
    owned = [{"Account__c": parent["Id"], "Ext_Id__c": str(n), **i} for n, i in enumerate(invoices)]
    org.control.seed({"Account": [parent, *children], "Contact": [contact], "Invoice__c": owned})


def expected(org: Sandbox, query: str) -> list[Row]:
    """The rows as the org stores them, not read over HTTP."""
    rows = org.org.query(query).rows()
    return sorted(
        (tuple(None if cell is None else str(cell) for cell in row) for row in rows), key=str
    )


def frames(job: ReadJob, columns: Sequence[str]) -> list[Row]:
    rows: list[Row] = []
    with TemporaryDirectory() as spool:
        with disposing(job):
            for page in job.pages(Path(spool)):
                blocks = list(text_blocks(page.path, columns, what=job.object_name))
                page.check_rows(sum(block.height for block in blocks))
                rows += [row for block in blocks for row in block.iter_rows()]
        assert list(Path(spool).iterdir()) == []
    return sorted(rows, key=str)


@hypothesis_settings(max_examples=25)
@given(
    rows=st.tuples(st.lists(ACCOUNTS, max_size=3), st.lists(INVOICES, min_size=1, max_size=3)),
    page=st.integers(1, 3),
    size=st.integers(1, 3),
)
def test_every_api_gives_the_same_cells(
    org: Sandbox, client: Salesforce, rows: tuple[Any, Any], page: int, size: int
) -> None:
    seeded(org, *rows)
    org.control.set_page_rows(page)
    counts = {"Account": len(rows[0]) + 1, "Invoice__c": len(rows[1])}
    for sobject, columns in (("Invoice__c", INVOICE), ("Account", ACCOUNT)):
        query = soql.select(columns, sobject)
        stored = expected(org, query)
        assert len(stored) == counts[sobject]
        for api in ReadApi:
            job = client.read_job(query, api=api, chunk_size=size)
            assert frames(job, columns) == stored, api


@pytest.mark.parametrize("longest", [480, 320])
def test_a_select_list_in_several_urls_gives_the_same_cells(
    org: Sandbox, client: Salesforce, monkeypatch: pytest.MonkeyPatch, longest: int
) -> None:
    invoices = [{"Amount__c": f"{n}.25", "Notes__c": f'line\r\n"{n}"'} for n in range(450)]
    seeded(org, [], invoices)
    query = soql.select(INVOICE, "Invoice__c", ["IsDeleted = false"])
    stored = expected(org, query)
    monkeypatch.setattr(rest_module, "_URI_LENGTHS", (longest,))
    org.control.forget_requests()
    assert frames(client.read_job(query, api=ReadApi.REST), INVOICE) == stored
    asked = [call for call in org.requests if call.path.endswith("/query")]
    assert len(asked) == {480: 2, 320: 5}[longest]
