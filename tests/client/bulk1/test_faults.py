"""Every fault on every request of a load and of a query by Bulk API 1.0: each row exactly once."""

from __future__ import annotations

import itertools
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ContentType, PkChunking
from sfbulk.bulk1 import load
from sfbulk.bulk1.batches import BatchSpool
from tests.client.conftest import ACCOUNTS

if TYPE_CHECKING:
    from sfbulk import Salesforce
    from sfbulk_sandbox import Sandbox

HTML = {"headers": {"Content-Type": "text/html"}, "body": "<html><title>Wait</title></html>"}
FAULTS: dict[str, dict[str, Any]] = {
    "server error": {"kind": "answer", "status": 500},
    "bad gateway": {"kind": "answer", "status": 502, **HTML},
    "out of service": {"kind": "answer", "status": 503, **HTML},
    "too many": {"kind": "answer", "status": 429, "headers": {"Retry-After": "7"}},
    "page as success": {"kind": "answer", "status": 200, **HTML},
    "empty success": {"kind": "answer", "status": 200},
    "expired session": {"kind": "expired_session"},
    "answer cut at once": {"kind": "cut"},
    "answer cut": {"kind": "cut", "after_bytes": 40},
    "answer lost": {"kind": "lost"},
    "closed before": {"kind": "closed"},
    "closed in the body": {"kind": "closed", "after_bytes": 30},
}
MOST_DANGEROUS = ["answer lost", "closed before", "page as success", "expired session"]
NEW = [{"Name": f"F{number}", "Ext_Id__c": f"F{number}"} for number in range(7)]
SOQL = "SELECT Name FROM Account"


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "BatchSpool", partial(BatchSpool, max_rows=3))


def insert(sf: Salesforce, sandbox: Sandbox, form: ContentType) -> None:
    """Three batches: each record in once, and each told of, in order."""
    summary = sf.bulk1.insert("Account", NEW, content_type=form)
    rows = [
        (str(row[0]), row[1]) for row in sandbox.org.query("SELECT Name, Id FROM Account").rows()
    ]
    assert sorted(name for name, _ in rows) == sorted([*ACCOUNTS, *(r["Name"] for r in NEW)])
    ids = dict(rows)
    assert [outcome.id for outcome in summary.results] == [ids[r["Name"]] for r in NEW]


def query(sf: Salesforce, sandbox: Sandbox, form: ContentType) -> None:
    sandbox.control.set_page_rows(10)
    rows = list(sf.bulk1.query(f"{SOQL} ORDER BY Name", content_type=form))
    assert [row["Name"] for row in rows] == ACCOUNTS


def chunked(sf: Salesforce, sandbox: Sandbox, form: ContentType) -> None:
    sandbox.control.set_page_rows(7)
    chunking = PkChunking(chunk_size=10)
    rows = list(sf.bulk1.query(SOQL, content_type=form, pk_chunking=chunking))
    assert sorted(row["Name"] for row in rows) == ACCOUNTS


FLOWS = {"insert": insert, "query": query, "chunked query": chunked}


def check_every_request(
    flow: str, fault: dict[str, Any], sf: Salesforce, sandbox: Sandbox, form: ContentType
) -> None:
    """Strike one request later each time, until the flow ends before the fault can strike."""
    for skipped in itertools.count():
        sandbox.control.reset()
        sf.server_time()  # The session has ended with the reset: sign in before the flow.
        sandbox.control.add_fault(path="/services/async/*", skip=skipped, **fault)
        FLOWS[flow](sf, sandbox, form)
        if any(left.times == fault.get("times", 1) for left in sandbox.control.faults):
            break
    assert skipped > 5


@pytest.mark.parametrize("flow", ["insert", "query"])
@pytest.mark.parametrize("fault", MOST_DANGEROUS)
def test_the_most_dangerous_faults_on_each_request(
    sandbox: Sandbox, sf: Salesforce, flow: str, fault: str
) -> None:
    check_every_request(flow, FAULTS[fault], sf, sandbox, ContentType.CSV)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("form", ContentType)
@pytest.mark.parametrize("times", [1, 2])
@pytest.mark.parametrize("flow", FLOWS)
@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_on_each_request(  # noqa: PLR0913, PLR0917 - one test of a table with four sides
    sandbox: Sandbox, sf: Salesforce, flow: str, fault: str, times: int, form: ContentType
) -> None:
    check_every_request(flow, FAULTS[fault] | {"times": times}, sf, sandbox, form)
