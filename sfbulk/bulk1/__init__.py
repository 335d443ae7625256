r"""Bulk API 1.0: jobs with batches in CSV, JSON or XML, processed in parallel or in sequence.

Use it as `Salesforce.bulk1`. Unlike Bulk API 2.0 it has results in the order of the rows, Serial
mode, JSON and XML, and settings for PK chunking.

```python
from sfbulk import Concurrency, Operation, PkChunking, Salesforce

url, key, secret = "https://example.my.salesforce.com", "client id", "client secret"
settings = {"login_url": url, "client_id": key, "client_secret": secret}
with Salesforce.from_settings(settings) as sf:
    chunking = PkChunking(chunk_size=100_000)
    for row in sf.bulk1.query("SELECT Id, Name FROM Account", pk_chunking=chunking):
        print(row["Id"], row["Name"])

    records = [{"Name": "Acme"}, {"Name": None}]
    serial = Concurrency.SERIAL
    for outcome in sf.bulk1.load("Account", Operation.INSERT, records, concurrency=serial):
        print(outcome.number, outcome.status.value, outcome.id, outcome.error)
```

Step by step, with the same methods as for Bulk API 2.0:

```python
with Salesforce.from_settings(settings) as sf:
    job = sf.bulk1.ingest_job("Account", Operation.INSERT)
    batch = job.add_batch(b"Name\nAcme\n")
    job.close()
    job.wait()
    for result in job.row_results(batch.id):
        print(result.id, result.success, result.error)
```

No batch is loaded twice after a lost answer: see `sfbulk.bulk1.post_batch`.

Two things are assumed without a source: that the request of a chunk's batch contains its range of
ids (a chunk without one is never queried again), and the form of a parent's key in JSON and XML.
Two things are not supported, since no source shows their requests and answers: binary attachments
(content types `ZIP_*`), and the mapping file of a job (`/spec`). Use the names of the fields in
the records instead.
"""

from __future__ import annotations

from sfbulk.bulk1.chunking import PkChunking
from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.row_results import RowResult
from sfbulk.bulk1.states import (
    BatchInfo,
    BatchState,
    Bulk1JobInfo,
    Bulk1JobState,
    Concurrency,
    ContentType,
    QueryOperation,
)

__all__ = [
    "BatchInfo",
    "BatchState",
    "Bulk1Job",
    "Bulk1JobInfo",
    "Bulk1JobState",
    "Concurrency",
    "ContentType",
    "PkChunking",
    "QueryOperation",
    "RowResult",
]
