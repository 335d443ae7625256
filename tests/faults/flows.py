"""What users do with the client, each with the rows the org must hold afterwards.

To add a flow, put a `Flow` into `FLOWS`; the loops in this folder do the rest.
"""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from unittest import mock

from sfbulk import ColumnDelimiter, Operation, SObjectDescribe, UploadUnknown, client
from sfbulk.bulk2 import pages
from sfbulk.load.spool import FileLimits
from tests.client.sign_in_settings import client_credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk import IngestJob, IngestSummary, Salesforce
    from sfbulk_sandbox import Sandbox

    Rows = Mapping[str, tuple[str, bool]]
    """By external id, or by name where there is none: the name, and whether the row lies in the
    recycle bin."""

NAMES = {f"E{number}": f"Account {number}" for number in range(1, 8)}
BEFORE: Rows = {key: (name, False) for key, name in NAMES.items()}
CSV = "".join(["Name,Ext_Id__c\n", *(f"{name},{key}\n" for key, name in NAMES.items())])
"""The org's accounts before each run."""

SOQL = "SELECT Ext_Id__c, Name FROM Account"
READ = sorted(NAMES.items())
NEW = [{"Ext_Id__c": f"N{number}", "Name": f"New {number}"} for number in range(1, 5)]
UPSERTED: Rows = {row["Ext_Id__c"]: (row["Name"], False) for row in NEW}
# Without an external id, which is unique: Salesforce itself would refuse the second of two.
KEYLESS = [{"Name": row["Name"]} for row in NEW]
INSERTED: Rows = {row["Name"]: (row["Name"], False) for row in NEW}


@dataclass(frozen=True)
class Org:
    """The client, and what a user would know of the org."""

    sf: Salesforce
    ids: Mapping[str, str]
    """Salesforce's ids by external id."""


@dataclass(frozen=True)
class Flow:
    """One thing users do."""

    name: str
    run: Callable[[Org], object]
    """Does it, and returns what the client told."""
    told: object
    """What the client must tell when all went well. For a load: rows saved and not saved."""
    changes: Rows = field(default_factory=dict)
    """Rows that are new or other afterwards."""
    between: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    """Rows as they may be found if the client gave up on the way."""
    removes: frozenset[str] = frozenset()
    """Rows that are gone for good."""
    prepare: Callable[[Sandbox], None] = lambda _sandbox: None
    """Puts the sandbox into the mood it needs."""
    settings: Callable[[Sandbox], Mapping[str, str]] = client_credentials
    """How it signs in."""
    jobs_run: bool = True
    """Whether Salesforce works on a job of it, so that a fault can end one."""
    counted_late: bool = False
    """Whether rows of several files are counted together: one without its last lines is found after
    rows of it were read, so the client cannot come through."""
    quick: bool = True
    """Whether it runs, with the quick faults, with every test run."""

    @property
    def after(self) -> Rows:
        """The org's rows when all went well."""
        kept = {key: row for key, row in BEFORE.items() if key not in self.removes}
        return {**kept, **self.changes}

    def __str__(self) -> str:
        return f"client: {self.name}"


def saved(summary: IngestSummary) -> tuple[int, int]:
    return summary.succeeded, summary.failed + summary.unprocessed + summary.unknown


def read(rows: Any) -> list[tuple[Any, Any]]:
    return sorted((row["Ext_Id__c"], row["Name"]) for row in rows)


def small_pages(sandbox: Sandbox) -> None:
    sandbox.control.set_page_rows(2)


def pages_of_one(sandbox: Sandbox) -> None:
    sandbox.control.set_page_rows(1)


def slow_jobs(sandbox: Sandbox) -> None:
    sandbox.control.jobs_after_polls(2)


def describe(org: Org) -> object:
    one = org.sf.describe("Account").name
    many = org.sf.describe_many(["Contact", "Lead"])
    described = [name for name, it in many.items() if isinstance(it, SObjectDescribe)]
    return [one, *described, any(each.name == "Case" for each in org.sf.describe_global())]


def query_by_list(org: Org) -> object:
    with mock.patch.object(pages, "LISTED_FROM_ROWS", 1):
        return read(org.sf.query(SOQL))


def leave_early(org: Org) -> object:
    rows = org.sf.query(SOQL)
    first = next(rows)
    rows.close()
    return NAMES[first["Ext_Id__c"] or ""] == first["Name"]


def opened(org: Org) -> IngestJob:
    job = org.sf.ingest_job("Account", Operation.INSERT)
    try:
        job.upload("".join(["Name\n", *(f"{row['Name']}\n" for row in KEYLESS)]).encode())
    except UploadUnknown:
        job.abort()
        return opened(org)
    return job


def step_by_step(org: Org) -> object:
    job = opened(org)
    job.close()
    job.wait()
    ids = [row.id for row in job.successful() if row.created]
    rest = [*job.failed(), *job.unprocessed()]
    job.delete()
    return len(set(ids)), len(rest)


def aborted_before_its_end(org: Org) -> object:
    job = opened(org)
    return job.abort().state.value


def versions(org: Org) -> object:
    rows = [{"Ext_Id__c": "E1", "Name": "first"}, {"Ext_Id__c": "E1", "Name": "last"}]
    return saved(org.sf.upsert("Account", rows, external_id="Ext_Id__c"))


def update(org: Org) -> object:
    rows = [{"Id": org.ids[key], "Name": "Changed"} for key in ("E1", "E2")]
    return saved(org.sf.update("Account", rows))


def insert_csv_in_several_jobs(org: Org) -> object:
    lines = [f"{row['Name']};S1\r\n" for row in KEYLESS]
    data = "".join(["Name;Site\r\n", *lines]).encode()
    # Two rows a job.
    with mock.patch.object(client, "JOB_LIMITS", FileLimits(bytes=50, rows=100)):
        summary = org.sf.insert(
            "Account",
            io.BytesIO(data),
            column_delimiter=ColumnDelimiter.SEMICOLON,
            jobs_in_flight=2,
        )
    # Rows that an abort or a lock left out are in further jobs.
    assert len(summary.job_ids) >= 2
    return saved(summary)


def upsert(org: Org) -> object:
    rows = [*NEW, {"Ext_Id__c": "E1", "Name": "Changed"}]
    return saved(org.sf.upsert("Account", rows, external_id="Ext_Id__c"))


def by_id(org: Org, *keys: str) -> list[dict[str, str]]:
    return [{"Id": org.ids[key]} for key in keys]


FLOWS = [
    Flow("sign in", lambda org: bool(org.sf.instance_url), told=True, jobs_run=False),
    Flow("describe", describe, told=["Account", "Contact", "Lead", True], jobs_run=False),
    Flow("query", lambda org: read(org.sf.query(SOQL)), told=READ, prepare=slow_jobs),
    Flow("query in pages", lambda org: read(org.sf.query(SOQL)), told=READ, prepare=small_pages),
    Flow("query by the list of pages", query_by_list, told=READ, prepare=pages_of_one),
    Flow("leave a query early", leave_early, told=True, prepare=small_pages),
    Flow(
        "insert",
        lambda org: saved(org.sf.insert("Account", KEYLESS)),
        told=(4, 0),
        changes=INSERTED,
        prepare=slow_jobs,
    ),
    Flow(
        "insert CSV in several jobs",
        insert_csv_in_several_jobs,
        told=(4, 0),
        changes=INSERTED,
    ),
    Flow("insert step by step", step_by_step, told=(4, 0), changes=INSERTED),
    Flow("abort an insert", aborted_before_its_end, told="Aborted", jobs_run=False),
    Flow(
        "update",
        update,
        told=(2, 0),
        changes={"E1": ("Changed", False), "E2": ("Changed", False)},
    ),
    Flow("upsert", upsert, told=(5, 0), changes={**UPSERTED, "E1": ("Changed", False)}),
    Flow(
        "upsert two versions",
        versions,
        told=(2, 0),
        changes={"E1": ("last", False)},
        between={"E1": ("first", False)},
    ),
    Flow(
        "delete",
        lambda org: saved(org.sf.delete("Account", by_id(org, "E1", "E2"))),
        told=(2, 0),
        changes={key: (NAMES[key], True) for key in ("E1", "E2")},
    ),
    Flow(
        "hard delete",
        lambda org: saved(org.sf.hard_delete("Account", by_id(org, "E1", "E2"))),
        told=(2, 0),
        removes=frozenset({"E1", "E2"}),
    ),
]
