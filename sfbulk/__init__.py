"""A client for Salesforce's Bulk API: query and load any number of records.

`Salesforce` is the way in; `sfbulk.errors` draws the tree of errors.
"""

from __future__ import annotations

from sfbulk.client import Salesforce
from sfbulk.csvio import CsvDecoder, CsvEncoder, LineEnding
from sfbulk.describe import FieldDescribe, SObjectDescribe, SObjectSummary
from sfbulk.errors import (
    ApiError,
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
    Recovery,
    RowCountMismatch,
    SalesforceError,
    SessionExpired,
    SignInError,
    TransportError,
    UnknownState,
)
from sfbulk.jobs.ingest2 import IngestJob
from sfbulk.jobs.load import IngestSummary
from sfbulk.jobs.pages import ResultPage
from sfbulk.jobs.query2 import QueryJob
from sfbulk.jobs.results import FailedRow, RowError, SuccessfulRow
from sfbulk.jobs.states import JobInfo, JobState, Operation

__all__ = [
    "ApiError",
    "ConfigError",
    "CsvDecoder",
    "CsvEncoder",
    "CsvError",
    "DataError",
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
    "LimitExceeded",
    "LineEnding",
    "NotFound",
    "NotSupportedByBulk",
    "Operation",
    "OversizeRow",
    "QueryJob",
    "Recovery",
    "ResultPage",
    "RowCountMismatch",
    "RowError",
    "SObjectDescribe",
    "SObjectSummary",
    "Salesforce",
    "SalesforceError",
    "SessionExpired",
    "SignInError",
    "SuccessfulRow",
    "TransportError",
    "UnknownState",
]
