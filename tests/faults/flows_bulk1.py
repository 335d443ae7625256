"""What users do with Bulk API 1.0, each with the rows the org must hold afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk import (
    BatchInfo,
    BatchNotAdded,
    Bulk1Job,
    Concurrency,
    ContentType,
    JobError,
    Operation,
    PkChunking,
)
from tests.faults.flows import (
    INSERTED,
    KEYLESS,
    NAMES,
    READ,
    SOQL,
    Flow,
    Org,
    by_id,
    read,
    slow_jobs,
    small_pages,
)

if TYPE_CHECKING:
    from sfbulk import IngestSummary

# Two sets of columns, which CSV must send in two batches.
MIXED = [*KEYLESS[:2], *({**row, "Site": "s"} for row in KEYLESS[2:])]


def saved(summary: IngestSummary) -> tuple[int, int]:
    if summary.unknown:
        # As a user would: what is in or not cannot be told.
        raise JobError(f"{summary.unknown} rows of the load are in or not")
    return summary.succeeded, summary.failed + summary.unprocessed


def insert(org: Org, form: ContentType = ContentType.CSV) -> object:
    return saved(org.sf.bulk1.insert("Account", MIXED, content_type=form))


def update(org: Org) -> object:
    rows = [{"Id": org.ids[key], "Name": "Changed"} for key in ("E1", "E2")]
    return saved(org.sf.bulk1.update("Account", rows))


def versions(org: Org) -> object:
    rows = [{"Ext_Id__c": "E1", "Name": "first"}, {"Ext_Id__c": "E1", "Name": "last"}]
    serial = Concurrency.SERIAL
    key = "Ext_Id__c"
    return saved(org.sf.bulk1.upsert("Account", rows, external_id=key, concurrency=serial))


def opened(org: Org) -> tuple[Bulk1Job, BatchInfo]:
    body = "".join(["Name\n", *(f"{row['Name']}\n" for row in KEYLESS)]).encode()
    for _ in range(3):
        job = org.sf.bulk1.ingest_job("Account", Operation.INSERT)
        try:
            return job, job.add_batch(body)
        except BatchNotAdded:
            continue
    raise JobError("three batches were lost")


def step_by_step(org: Org) -> object:
    job, batch = opened(org)
    if job.state.value == "Open":
        job.close()
    (ended,) = job.wait()
    if ended.state.value != "Completed":
        raise JobError(f"the batch of job {job.id} is {ended.state.value}")
    results = list(job.row_results(batch.id))
    return sum(row.success for row in results), sum(not row.success for row in results)


def aborted(org: Org) -> object:
    return opened(org)[0].abort().state.value


def query(org: Org, **options: Any) -> object:
    return read(org.sf.bulk1.query(SOQL, **options))


def leave_early(org: Org) -> object:
    rows = org.sf.bulk1.query(SOQL)
    first = next(rows)
    rows.close()
    return NAMES[first["Ext_Id__c"]] == first["Name"]


FLOWS = [
    Flow("1.0 insert", insert, told=(4, 0), changes=INSERTED, prepare=slow_jobs),
    Flow(
        "1.0 insert in JSON",
        lambda org: insert(org, ContentType.JSON),
        told=(4, 0),
        changes=INSERTED,
        quick=False,
    ),
    Flow(
        "1.0 insert in XML",
        lambda org: insert(org, ContentType.XML),
        told=(4, 0),
        changes=INSERTED,
        quick=False,
    ),
    Flow("1.0 insert step by step", step_by_step, told=(4, 0), changes=INSERTED),
    Flow(
        "1.0 abort an insert",
        aborted,
        told="Aborted",
        prepare=lambda sandbox: sandbox.control.hold_jobs(),
        jobs_run=False,
        quick=False,
    ),
    Flow(
        "1.0 update",
        update,
        told=(2, 0),
        changes={"E1": ("Changed", False), "E2": ("Changed", False)},
        quick=False,
    ),
    Flow(
        "1.0 upsert two versions",
        versions,
        told=(2, 0),
        changes={"E1": ("last", False)},
        between={"E1": ("first", False)},
    ),
    Flow(
        "1.0 delete",
        lambda org: saved(org.sf.bulk1.delete("Account", by_id(org, "E1", "E2"))),
        told=(2, 0),
        changes={key: (NAMES[key], True) for key in ("E1", "E2")},
        quick=False,
    ),
    Flow(
        "1.0 hard delete",
        lambda org: saved(org.sf.bulk1.hard_delete("Account", by_id(org, "E1", "E2"))),
        told=(2, 0),
        removes=frozenset({"E1", "E2"}),
        quick=False,
    ),
    Flow("1.0 query", query, told=READ, prepare=small_pages, counted_late=True),
    Flow(
        "1.0 query in JSON",
        lambda org: query(org, content_type=ContentType.JSON),
        told=READ,
        quick=False,
    ),
    Flow(
        "1.0 query in XML",
        lambda org: query(org, content_type=ContentType.XML),
        told=READ,
        quick=False,
    ),
    Flow(
        "1.0 query by chunks",
        lambda org: query(org, pk_chunking=PkChunking(chunk_size=3)),
        told=READ,
        prepare=small_pages,
        counted_late=True,
        quick=False,
    ),
    Flow("1.0 leave a query early", leave_early, told=True, prepare=small_pages, quick=False),
]
