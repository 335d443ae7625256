"""Processes a batch of a query: writes result files, or adds a batch per chunk."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk1.jobs import BatchFailure, BatchState, end_early
from sfbulk_sandbox.bulk1.result_files import FORMATS
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.ids import to18
from sfbulk_sandbox.schema.rowfile import RowFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfbulk_sandbox.bulk1.chunking import PkChunking
    from sfbulk_sandbox.bulk1.jobs import Batch
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.limits import Paging
    from sfbulk_sandbox.org.org import Org, Query

# The key prefixes of jobs, batches and results are 750, 751 and 752.
_RESULT_PREFIX = "752"
_SHORT_ID = 15
# Columns are in the order of the SELECT list in every version (recorded in 46.0).
_VERSION = 68.0


class QueryWork:
    """The processing of one query batch, and its result files.

    Attributes:
        result_ids: The ids of the files, of 15 characters as recorded; empty before Completed.
    """

    def __init__(self, org: Org, *, script: Script, paging: Paging) -> None:
        self._org = org
        self._script = script
        self._paging = paging
        self._rows: RowFile | None = None
        self._head = b""
        self._page = 0
        self.result_ids: list[str] = []

    def run(self, batch: Batch) -> BatchState:
        """Write the rows."""
        form = FORMATS[batch.job.settings.content]
        self._page = self._paging.rows
        self._rows = RowFile(batch.request_path.with_suffix(".rows"))
        try:
            query = checked_query(self._org, batch)
            self._head = form.head(query)
            fault = self._script.for_job(
                batch.job.settings.object,
                batch.job.settings.operation,
                lambda: sum(1 for _ in query.rows()),
            )
            rows = form.rows(query, float(batch.job.version))
            if fault:
                rows = islice(rows, fault.after_rows)
            self._rows.write(self._separated(rows, form.separator))
        except Fault as refusal:
            raise BatchFailure(_state_message(refusal)) from None
        batch.processed = self._rows.count
        if fault:
            end_early(fault)
        # A query without rows has one file too.
        files = max(1, -(-self._rows.count // self._page))
        self.result_ids = [self._org.new_id(_RESULT_PREFIX)[:_SHORT_ID] for _ in range(files)]
        return BatchState.COMPLETED

    def result(self, batch: Batch, result_id: str) -> Iterator[bytes]:
        """Yield one result file.

        Raises:
            Fault: InvalidBatch: the batch has no result with this id.
        """
        if self._rows is None or result_id not in (
            *self.result_ids,
            *map(to18, self.result_ids),
        ):
            raise Fault("InvalidBatch", f"Unable to find result for id: {result_id}")
        start = self.result_ids.index(result_id[:_SHORT_ID]) * self._page
        return self._file(batch, self._rows, start)

    def _file(self, batch: Batch, rows: RowFile, start: int) -> Iterator[bytes]:
        form = FORMATS[batch.job.settings.content]
        if not rows.count:
            yield form.empty
            return
        yield self._head
        yield from rows.read(start, start + self._page)
        yield form.tail

    def _separated(self, rows: Iterator[bytes], separator: bytes) -> Iterator[bytes]:
        for number, row in enumerate(rows):
            yield separator + row if number % self._page else row


class ChunkedQueryWork:
    """The processing of a query batch with PK chunking: it adds a batch per range of ids."""

    def __init__(
        self, org: Org, chunking: PkChunking, add_batch: Callable[[Batch, str], None]
    ) -> None:
        self._org = org
        self._chunking = chunking
        self._add_batch = add_batch

    def run(self, batch: Batch) -> BatchState:
        """Add the batches."""
        try:
            checked_query(self._org, batch)
            queries = self._chunking.queries(self._org, batch_soql(batch))
        except Fault as fault:
            raise BatchFailure(_state_message(fault)) from None
        for soql in queries:
            self._add_batch(batch, soql)
        return BatchState.NOT_PROCESSED


def batch_soql(batch: Batch) -> str:
    """Return the statement of a query batch.

    Raises:
        Fault: MALFORMED_QUERY: the text is not UTF-8.
    """
    try:
        return batch.request_path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Fault("MALFORMED_QUERY", "The query is not valid UTF-8") from None


def checked_query(org: Org, batch: Batch) -> Query:
    """Return the query of a batch.

    Raises:
        Fault: Bulk does not support the SOQL, or the SOQL is not for the job's object.
    """
    settings = batch.job.settings
    query = org.query(
        batch_soql(batch),
        all_rows=settings.operation == "queryAll",
        surface="bulk",
        version=_VERSION,
    )
    if query.sobject.name != settings.object:
        raise Fault(
            "INVALID_TYPE_FOR_OPERATION",
            f"The root entity of the requested query ({query.sobject.name}) does not match the "
            f"entity of the requested Bulk API Job ({settings.object}).",
        )
    return query


def _state_message(fault: Fault) -> str:
    """Return the stateMessage of a fault. The codes of Bulk API 1.0 differ from those of 2.0."""
    message = fault.message.replace("Bulk V2 Query", "Bulk Query")
    if fault.code == "InvalidBatch":
        return f"InvalidBatch : {message}"
    if fault.code == "INVALIDENTITY":
        return f"InvalidEntity : {message}"
    if message.startswith("Aggregate Relationships"):
        return f"FeatureNotEnabled : {message}"
    if message.startswith("Blob field"):
        return "FeatureNotEnabled : Binary field not supported"
    return f"InvalidBatch : Failed to process query: {fault.code}: {message}"
