"""Loads rows: rows become files, files become jobs, results become outcomes.

One engine serves both bulk APIs: see `sfbulk.load.loader`.
"""

from __future__ import annotations

from sfbulk.load.columns import can_be_null, empty_is_unclear, has_default
from sfbulk.load.dry_run import remove_written
from sfbulk.load.group import LoadGroup
from sfbulk.load.journal import NO_JOURNAL, Journal
from sfbulk.load.journal_entries import LoadName, LostFile
from sfbulk.load.journal_file import LoadJournal
from sfbulk.load.journal_status import journal_status
from sfbulk.load.loader import Loader
from sfbulk.load.options import LoadOptions
from sfbulk.load.outcomes import (
    UNKNOWN_CODE,
    Counts,
    Detail,
    FileOutcome,
    IngestSummary,
    ResultRow,
    RowOutcome,
    RowStatus,
    WrittenFile,
)
from sfbulk.load.result_lines import result_line, results_header
from sfbulk.load.row import RecordKey, Row
from sfbulk.load.run_journal import RunJournal
from sfbulk.load.spool import FileLimits

__all__ = [
    "NO_JOURNAL",
    "UNKNOWN_CODE",
    "Counts",
    "Detail",
    "FileLimits",
    "FileOutcome",
    "IngestSummary",
    "Journal",
    "LoadGroup",
    "LoadJournal",
    "LoadName",
    "LoadOptions",
    "Loader",
    "LostFile",
    "RecordKey",
    "ResultRow",
    "Row",
    "RowOutcome",
    "RowStatus",
    "RunJournal",
    "WrittenFile",
    "can_be_null",
    "empty_is_unclear",
    "has_default",
    "journal_status",
    "remove_written",
    "result_line",
    "results_header",
]
