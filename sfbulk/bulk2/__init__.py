"""Bulk API 2.0: query jobs, ingest jobs, and their states."""

from __future__ import annotations

from sfbulk.bulk2.ingest import IngestJob
from sfbulk.bulk2.query import QueryJob
from sfbulk.bulk2.results import FailedRow, SuccessfulRow
from sfbulk.bulk2.states import JobInfo, JobState
from sfbulk.jobs.operation import Operation
from sfbulk.jobs.result_page import ResultPage
from sfbulk.jobs.row_error import RowError

__all__ = [
    "FailedRow",
    "IngestJob",
    "JobInfo",
    "JobState",
    "Operation",
    "QueryJob",
    "ResultPage",
    "RowError",
    "SuccessfulRow",
]
