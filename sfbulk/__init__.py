"""A client for Salesforce's Bulk API: query and load any number of records.

Start with `Salesforce`; `sfbulk.errors` lists all errors.

```python
from sfbulk import Salesforce

url, key, secret = "https://example.my.salesforce.com", "client id", "client secret"
settings = {"login_url": url, "client_id": key, "client_secret": secret}
with Salesforce.from_settings(settings) as sf:
    for row in sf.query("SELECT Id, Name FROM Account"):
        print(row["Id"], row["Name"])
    records = ({"Ext_Id__c": f"C{n}", "Name": f"Customer {n}"} for n in range(1000))
    summary = sf.upsert("Account", records, external_id="Ext_Id__c")
    print(summary.succeeded, [row.error.code for row in summary.failures])
```
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfbulk.bodies import Body
    from sfbulk.bulk1 import (
        BatchInfo,
        BatchState,
        Bulk1Job,
        Bulk1JobInfo,
        Bulk1JobState,
        Concurrency,
        ContentType,
        PkChunking,
        QueryOperation,
        RowResult,
    )
    from sfbulk.bulk2.ingest import IngestJob
    from sfbulk.bulk2.query import QueryJob
    from sfbulk.bulk2.results import FailedRow, SuccessfulRow
    from sfbulk.bulk2.states import JobInfo, JobState
    from sfbulk.changes import Deleted, DeletedRecord, Updated
    from sfbulk.client import Salesforce
    from sfbulk.client_bulk1 import Bulk1
    from sfbulk.csvio import ColumnDelimiter, CsvDecoder, CsvEncoder, LineEnding
    from sfbulk.describe.model import (
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
        JournalError,
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
    from sfbulk.jobs.operation import Operation
    from sfbulk.jobs.result_page import ResultPage
    from sfbulk.jobs.row_error import RowError
    from sfbulk.jobs.spool_budget import SpoolBudget
    from sfbulk.load.outcomes import IngestSummary, RowOutcome, RowStatus
    from sfbulk.normalize import PrecisionLoss
    from sfbulk.quota.limits import Limit

__all__ = [
    "ApiError",
    "BatchInfo",
    "BatchNotAdded",
    "BatchState",
    "Body",
    "Bulk1",
    "Bulk1Job",
    "Bulk1JobInfo",
    "Bulk1JobState",
    "ChildRelationship",
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
    "JournalError",
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
    "SpoolBudget",
    "SuccessfulRow",
    "TransportError",
    "UnknownState",
    "Updated",
    "UploadUnknown",
]

# Imported when a name is used, so that a command that needs little of the client starts at once.
_ROOMS = {
    "sfbulk.bodies": "Body",
    "sfbulk.bulk1": (
        "BatchInfo BatchState Bulk1Job Bulk1JobInfo Bulk1JobState Concurrency ContentType "
        "PkChunking QueryOperation RowResult"
    ),
    "sfbulk.bulk2.ingest": "IngestJob",
    "sfbulk.bulk2.query": "QueryJob",
    "sfbulk.bulk2.results": "FailedRow SuccessfulRow",
    "sfbulk.bulk2.states": "JobInfo JobState",
    "sfbulk.changes": "Deleted DeletedRecord Updated",
    "sfbulk.client": "Salesforce",
    "sfbulk.client_bulk1": "Bulk1",
    "sfbulk.csvio": "ColumnDelimiter CsvDecoder CsvEncoder LineEnding",
    "sfbulk.describe.model": (
        "ChildRelationship FieldDescribe PicklistValue RecordType SObjectDescribe SObjectSummary"
    ),
    "sfbulk.errors": (
        "ApiError BatchNotAdded ConfigError CsvError DataError JobAborted JobError JobFailed "
        "JobTimeout JournalError LimitExceeded NotFound NotSupportedByBulk OversizeRow "
        "QuotaReached Recovery ResultsMismatch RowCountMismatch SalesforceError "
        "SessionExpired SignInError TransportError UnknownState UploadUnknown"
    ),
    "sfbulk.jobs.operation": "Operation",
    "sfbulk.jobs.result_page": "ResultPage",
    "sfbulk.jobs.row_error": "RowError",
    "sfbulk.jobs.spool_budget": "SpoolBudget",
    "sfbulk.load.outcomes": "IngestSummary RowOutcome RowStatus",
    "sfbulk.normalize": "PrecisionLoss",
    "sfbulk.quota.limits": "Limit",
}
_MODULES = {name: module for module, names in _ROOMS.items() for name in names.split()}


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        value = getattr(import_module(_MODULES[name]), name)
    elif find_spec(f"{__name__}.{name}"):
        value = import_module(f"{__name__}.{name}")
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = value
    return value
