"""A client for Salesforce's Bulk API: query and load any number of records.

`Salesforce` is the way in; `sfbulk.errors` draws the tree of errors.

```python
from sfbulk import Salesforce

url, key, secret = "https://example.my.salesforce.com", "client id", "client secret"
settings = {"login_url": url, "client_id": key, "client_secret": secret}
with Salesforce.from_settings(settings) as sf:
    for row in sf.query("SELECT Id, Name FROM Account"):
        print(row["Id"], row["Name"])
    records = ({"Ext_Id__c": f"C{n}", "Name": f"Customer {n}"} for n in range(1000))
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    print(summary.succeeded, [refused.error.code for refused in summary.failures])
```
"""

from __future__ import annotations

from sfbulk.bulk1 import (
    BatchInfo,
    BatchState,
    ClassicJob,
    ClassicJobInfo,
    ClassicJobState,
    Concurrency,
    ContentType,
    PkChunking,
    QueryOperation,
    RowResult,
)
from sfbulk.changes import Deleted, DeletedRecord, Updated
from sfbulk.client import Salesforce
from sfbulk.client_bulk1 import Bulk1
from sfbulk.csvio import ColumnDelimiter, CsvDecoder, CsvEncoder, LineEnding
from sfbulk.describe import (
    ChildRelationship,
    FieldDescribe,
    PicklistValue,
    RecordType,
    SObjectDescribe,
    SObjectSummary,
)
from sfbulk.errors import (
    ApiError,
    BatchNotAdded,
    ConfigError,
    CsvError,
    DataError,
    JobAborted,
    JobError,
    JobFailed,
    JobTimeout,
    LimitExceeded,
    NotFound,
    NotSupportedByBulk,
    OversizeRow,
    QuotaReached,
    Recovery,
    ResultsMismatch,
    RowCountMismatch,
    SalesforceError,
    SessionExpired,
    SignInError,
    TransportError,
    UnknownState,
    UploadUnknown,
)
from sfbulk.jobs.ingest2 import IngestJob
from sfbulk.jobs.page_files import ResultPage
from sfbulk.jobs.query2 import QueryJob
from sfbulk.jobs.results import FailedRow, RowError, SuccessfulRow
from sfbulk.jobs.states import JobInfo, JobState, Operation
from sfbulk.limits import Limit
from sfbulk.load.outcomes import IngestSummary, RowOutcome, RowStatus
from sfbulk.values import PrecisionLoss

__all__ = [
    "ApiError",
    "BatchInfo",
    "BatchNotAdded",
    "BatchState",
    "Bulk1",
    "ChildRelationship",
    "ClassicJob",
    "ClassicJobInfo",
    "ClassicJobState",
    "ColumnDelimiter",
    "Concurrency",
    "ConfigError",
    "ContentType",
    "CsvDecoder",
    "CsvEncoder",
    "CsvError",
    "DataError",
    "Deleted",
    "DeletedRecord",
    "FailedRow",
    "FieldDescribe",
    "IngestJob",
    "IngestSummary",
    "JobAborted",
    "JobError",
    "JobFailed",
    "JobInfo",
    "JobState",
    "JobTimeout",
    "Limit",
    "LimitExceeded",
    "LineEnding",
    "NotFound",
    "NotSupportedByBulk",
    "Operation",
    "OversizeRow",
    "PicklistValue",
    "PkChunking",
    "PrecisionLoss",
    "QueryJob",
    "QueryOperation",
    "QuotaReached",
    "RecordType",
    "Recovery",
    "ResultPage",
    "ResultsMismatch",
    "RowCountMismatch",
    "RowError",
    "RowOutcome",
    "RowResult",
    "RowStatus",
    "SObjectDescribe",
    "SObjectSummary",
    "Salesforce",
    "SalesforceError",
    "SessionExpired",
    "SignInError",
    "SuccessfulRow",
    "TransportError",
    "UnknownState",
    "Updated",
    "UploadUnknown",
]
