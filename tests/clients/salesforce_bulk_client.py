"""Drives the sandbox with salesforce-bulk 2.2 and compares what comes back.

Run by an interpreter that has `salesforce-bulk`; the one argument is the sandbox's ready line.
The sandbox holds no Account at the start, or Accounts without an AccountNumber of ours.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from typing import Any

from salesforce_bulk import (  # type: ignore[import-not-found]  # lives in the client's own venv
    CsvDictsAdapter,
    SalesforceBulk,
)

ROWS = 25
SOQL = "SELECT {} FROM Account WHERE AccountNumber LIKE 'sb-%'"


class MismatchError(Exception):
    """A value differs from what it must be."""


def expect(what: str, actual: Any, expected: Any) -> None:
    """Raise unless two values are equal."""
    if actual != expected:
        raise MismatchError(f"{what}: {actual!r} instead of {expected!r}")


class Client:
    """salesforce-bulk, signed in, with the round trips a script makes of its calls."""

    def __init__(self, ready: dict[str, str]) -> None:
        self.bulk = SalesforceBulk(
            sessionId=ready["access_token"], host=ready["url"], API_version="62.0"
        )

    def run(self, job: str, body: Any) -> list[Any]:
        """Load one batch and return its results."""
        batch = self.bulk.post_batch(job, body)
        self.bulk.close_job(job)
        self.bulk.wait_for_batch(job, batch, sleep_interval=0.05)
        results: list[Any] = self.bulk.get_batch_results(batch, job)
        return results

    def rows(self, job: str, batch: str) -> list[dict[str, str]]:
        """Return the rows of a query batch."""
        self.bulk.wait_for_batch(job, batch, sleep_interval=0.05)
        rows: list[dict[str, str]] = []
        for result in self.bulk.get_all_results_for_query_batch(batch, job):
            rows += csv.DictReader(io.StringIO(result.read().decode()))
        return rows

    def query(self, soql: str, **options: Any) -> list[dict[str, str]]:
        """Return the rows of a query of Account."""
        job = self.bulk.create_query_job("Account", contentType="CSV", **options)
        batch = self.bulk.query(job, soql)
        self.bulk.close_job(job)
        return self.rows(job, batch)


def names(client: Client) -> dict[str, str]:
    """Return what the org holds of ours: name by number."""
    rows = client.query(SOQL.format("AccountNumber, Name"))
    return {row["AccountNumber"]: row["Name"] for row in rows}


def insert(client: Client) -> list[str]:
    """Insert with CsvDictsAdapter, which sends its batch in chunks."""
    records = [{"Name": f'Ä "{n}", Ltd\nx', "AccountNumber": f"sb-{n}"} for n in range(ROWS)]
    job = client.bulk.create_insert_job("Account", contentType="CSV", concurrency="Serial")
    expect("concurrencyMode", client.bulk.job_status(job)["concurrencyMode"], "Serial")
    results = client.run(job, CsvDictsAdapter(iter(records)))
    expect("inserted", [(one.success, one.created) for one in results], [("true", "true")] * ROWS)
    expect("names", names(client), {one["AccountNumber"]: one["Name"] for one in records})
    expect("job", client.bulk.job_status(job)["numberRecordsProcessed"], str(ROWS))
    return [one.id for one in results]


def change(client: Client, ids: list[str]) -> None:
    """Update and upsert; results come in the order of the rows."""
    job = client.bulk.create_update_job("Account", contentType="CSV")
    results = client.run(job, f"Id,Name\n{ids[1]},One\n001000000000000AAA,No\n{ids[0]},Nil\n")
    expect("updated", [one.id for one in results], [ids[1], "", ids[0]])
    expect("refused", results[1].error.partition(":")[0], "INVALID_CROSS_REFERENCE_KEY")
    job = client.bulk.create_upsert_job("Account", "Id", contentType="CSV")
    results = client.run(job, f"Id,Name,AccountNumber\n,New,sb-new\n{ids[2]},Two,sb-2\n")
    expect("upserted", [one.created for one in results], ["true", "false"])
    found = names(client)
    expect(
        "changed",
        [found[f"sb-{n}"] for n in (0, 1, 2, "new")],
        ["Nil", "One", "Two", "New"],
    )


def chunk(client: Client) -> None:
    """Query with PK chunking: the first batch is not processed, the others hold the rows."""
    job = client.bulk.create_query_job("Account", contentType="CSV", pk_chunking=10)
    client.bulk.query(job, SOQL.format("Id, AccountNumber"))
    original, *parts = wait_for_chunks(client, job)
    client.bulk.close_job(job)
    expect("original batch", original["state"], "NotProcessed")
    if len(parts) <= 1:
        raise MismatchError(f"{len(parts)} chunks")
    rows = [row for part in parts for row in client.rows(job, part["id"])]
    # A chunk in which the filter finds nothing holds a sentence instead of rows.
    numbers = sorted(row["AccountNumber"] for row in rows)
    expect("chunked rows", numbers, sorted(names(client)))


def wait_for_chunks(client: Client, job: str) -> list[dict[str, str]]:
    """Poll the batch list until every batch has ended."""
    for _ in range(1000):
        batches: list[dict[str, str]] = client.bulk.get_batch_list(job)
        if not {"Queued", "InProgress"} & {batch["state"] for batch in batches}:
            return batches
    raise MismatchError(f"batches do not end: {batches}")


def query_json(client: Client) -> None:
    """Query in JSON: result ids and rows are JSON."""
    job = client.bulk.create_query_job("Account", contentType="JSON")
    batch = client.bulk.query(job, "SELECT Name FROM Account WHERE AccountNumber = 'sb-new'")
    client.bulk.wait_for_batch(job, batch, sleep_interval=0.05)
    (result,) = client.bulk.get_all_results_for_query_batch(batch, job)
    (record,) = json.loads(result.read())
    expect("JSON record", (record["attributes"]["type"], record["Name"]), ("Account", "New"))


def delete(client: Client) -> None:
    """Delete all of ours; queryAll still finds them."""
    rows = client.query(SOQL.format("Id"))
    job = client.bulk.create_delete_job("Account", contentType="CSV")
    results = client.run(job, CsvDictsAdapter(iter(rows)))
    expect("deleted", {one.success for one in results}, {"true"})
    soql = SOQL.format("Id")
    job = client.bulk.create_query_job("Account", contentType="CSV")
    batch = client.bulk.query(job, soql)
    client.bulk.wait_for_batch(job, batch, sleep_interval=0.05)
    (result,) = client.bulk.get_all_results_for_query_batch(batch, job)
    expect("no rows", result.read(), b"Records not found for this query")
    job = client.bulk.create_queryall_job("Account", contentType="CSV")
    expect("queryAll", len(client.rows(job, client.bulk.query(job, soql))), ROWS + 1)
    client.bulk.abort_job(job)
    expect("aborted", client.bulk.job_state(job), "Aborted")


def main() -> None:
    """Run every round trip."""
    client = Client(json.loads(sys.argv[1]))
    change(client, insert(client))
    chunk(client)
    query_json(client)
    delete(client)


if __name__ == "__main__":
    main()
