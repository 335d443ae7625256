"""Bulk jobs: their states, and the verbs of query and ingest jobs."""

from __future__ import annotations

from sfbulk.jobs.ingest2 import IngestJob
from sfbulk.jobs.job import disposing
from sfbulk.jobs.page_files import ResultPage
from sfbulk.jobs.query2 import QueryJob
from sfbulk.jobs.results import FailedRow, RowError, SuccessfulRow
from sfbulk.jobs.states import JobInfo, JobState, Operation

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
    "disposing",
]
