"""One way to read a query, by any API: `Salesforce.read_job` returns a `ReadJob`.

Bulk API 2.0, Bulk API 1.0 with PK chunking, and REST give the same result pages on disk.
"""

from __future__ import annotations

from sfbulk.http.bulk_refusals import is_query_refusal
from sfbulk.jobs.disposing import disposing
from sfbulk.jobs.read_api import ReadApi
from sfbulk.jobs.result_page import ResultPage
from sfbulk.read.port import ReadJob
from sfbulk.read.select_list import selects_only_fields

__all__ = [
    "ReadApi",
    "ReadJob",
    "ResultPage",
    "disposing",
    "is_query_refusal",
    "selects_only_fields",
]
