"""`Bulk1`: Bulk API 1.0 of one org; `Salesforce.bulk1` is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk.bulk1.encode import ENCODERS
from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.bulk1.query import Bulk1Query
from sfbulk.bulk1.states import Concurrency, ContentType, QueryOperation
from sfbulk.describe.reader import Describer
from sfbulk.jobs.operation import Operation
from sfbulk.load.by_bulk1 import Bulk1Carrier
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.record_load import BATCH_LIMITS, LoadApi, RecordLoad, check_options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Unpack

    from sfbulk.bulk1.chunking import PkChunking
    from sfbulk.csvio import LineEnding
    from sfbulk.load.columns import Describe
    from sfbulk.load.options import LoadOptions
    from sfbulk.load.outcomes import Detail, IngestSummary, RowOutcome
    from sfbulk.load.sources import Records
    from sfbulk.transport import Transport


_OPTIONS = {
    "columns",
    "column_delimiter",
    "assignment_rule_id",
    "journal",
    "precision_loss",
    "content_type",
    "concurrency",
    "compressed",
}


class Bulk1:
    """Bulk API 1.0 of one org; safe for several threads.

    Args:
        transport: the org.
        describe: describes an object; by default a request to the org.
    """

    def __init__(self, transport: Transport, describe: Describe | None = None) -> None:
        self._transport = transport
        self._describe = describe or Describer(transport).one

    def ingest_job(  # noqa: PLR0913 - the settings of a job, by keyword
        self,
        sobject: str,
        operation: Operation,
        *,
        external_id: str | None = None,
        content_type: ContentType = ContentType.CSV,
        concurrency: Concurrency = Concurrency.PARALLEL,
        assignment_rule_id: str | None = None,
        line_ending: LineEnding | None = None,
        retry_batches: bool = True,
    ) -> Bulk1Job:
        """API call: create a job for a load; see `Bulk1Job`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation has one.
            content_type: the form of its batches.
            concurrency: whether Salesforce processes its batches in parallel.
            assignment_rule_id: an assignment rule for cases or leads.
            line_ending: the line ending to which Salesforce changes line breaks in values; None
                leaves them.
            retry_batches: False tells Salesforce not to retry a batch that took too long.

        Raises:
            DataError: an upsert without a key field, or another operation with one.
            NotSupportedByBulk: Bulk API does not support the object.
            ApiError: Salesforce refuses, for example an unknown object.
            TransportError: no answer to any attempt.
        """
        settings = JobSettings(
            sobject=sobject,
            operation=operation,
            content_type=content_type,
            concurrency=concurrency,
            external_id=external_id,
            assignment_rule_id=assignment_rule_id,
            line_ending=line_ending.value if line_ending else None,
            retry_batches=retry_batches,
        )
        return Bulk1Job.create(self._transport, settings)

    def query_job(  # noqa: PLR0913 - the settings of a job, by keyword
        self,
        sobject: str,
        *,
        include_deleted: bool = False,
        content_type: ContentType = ContentType.CSV,
        concurrency: Concurrency = Concurrency.PARALLEL,
        pk_chunking: PkChunking | None = None,
        retry_batches: bool = True,
    ) -> Bulk1Job:
        """API call: create a job for queries of one object; each query is a batch.

        Args:
            sobject: object API name, as in the FROM of each query.
            include_deleted: read deleted and archived rows too.
            content_type: the form of its results.
            concurrency: whether Salesforce processes its batches in parallel.
            pk_chunking: divide each query into ranges of ids.
            retry_batches: False tells Salesforce not to retry a batch that took too long.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object.
            ApiError: Salesforce refuses, for example an object without PK chunking.
            TransportError: no answer to any attempt.
        """
        settings = JobSettings(
            sobject=sobject,
            operation=QueryOperation.QUERY_ALL if include_deleted else QueryOperation.QUERY,
            content_type=content_type,
            concurrency=concurrency,
            pk_chunking=pk_chunking,
            retry_batches=retry_batches,
        )
        return Bulk1Job.create(self._transport, settings)

    def job(self, job_id: str) -> Bulk1Job:
        """API call: the job with this id.

        Raises:
            NotFound: there is no such job.
        """
        return Bulk1Job.open(self._transport, job_id)

    def query(
        self,
        soql: str,
        *,
        include_deleted: bool = False,
        content_type: ContentType = ContentType.CSV,
        pk_chunking: PkChunking | None = None,
    ) -> Iterator[dict[str, Any]]:
        """API call: the rows of a query; see `Bulk1Job.rows` for their values.

        The job is created when the first row is requested. It is closed after the last row, and
        aborted if the loop over the rows ends early. One result file at a time is on disk. A chunk
        that failed, or is missing, is queried again.

        Args:
            soql: the query.
            include_deleted: read deleted and archived rows too.
            content_type: the form of the results.
            pk_chunking: divide the query into ranges of ids, for objects with very many rows.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            JobFailed: the query failed; the text has Salesforce's reason.
            JobAborted: a user or a program aborted the job.
            RowCountMismatch: the number of rows is not the number that Salesforce reports.
            DataError: the query names no object, or a result file cannot be read.
            ApiError, TransportError: as `query_job`.
        """
        query = Bulk1Query(
            self._transport,
            soql,
            include_deleted=include_deleted,
            content_type=content_type,
            pk_chunking=pk_chunking,
        )
        yield from query.rows()

    def load(
        self,
        sobject: str,
        operation: Operation,
        records: Records,
        *,
        external_id: str | None = None,
        **options: Unpack[LoadOptions],
    ) -> Iterator[RowOutcome]:
        """API call: load records; yields the outcome of each, in their order.

        See `RecordLoad` for the values of a record. A later version of a record is loaded after
        the earlier one. The job is created when the first batch is full or the records end, and
        aborted if the loop ends early.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            records: mappings, sequences with `columns`, or CSV as bytes or in a file.
            external_id: the key field of an upsert; no other operation has one.
            options: see `LoadOptions`.

        Raises:
            DataError: a record cannot be sent; names its number. Earlier batches are loaded.
            RowCountMismatch: the results of a batch do not have every row.
            JobError: the job has batches that were not sent.
            ApiError: Salesforce refuses the job or the first batch. If it refuses a later batch,
                no error is raised: the remaining records are reported as unprocessed.
            TransportError: no answer to any attempt.
        """
        yield from self._load(sobject, operation, external_id, options).outcomes(records)

    def insert(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: create records; see `load`."""
        return self._load(sobject, Operation.INSERT, None, options).summary(records)

    def update(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: update records by their `Id`; see `load`."""
        return self._load(sobject, Operation.UPDATE, None, options).summary(records)

    def upsert(
        self, sobject: str, records: Records, *, external_id: str, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: update records by `external_id`, and create missing ones; see `load`."""
        return self._load(sobject, Operation.UPSERT, external_id, options).summary(records)

    def delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: move records to the recycle bin by their `Id`; see `load`."""
        return self._load(sobject, Operation.DELETE, None, options).summary(records)

    def hard_delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: delete records permanently by their `Id`; needs a permission; see `load`."""
        return self._load(sobject, Operation.HARD_DELETE, None, options).summary(records)

    def _load(
        self, sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
    ) -> RecordLoad:
        check_options(options, _OPTIONS, "Bulk API 1.0")
        settings = JobSettings(
            sobject=sobject,
            operation=operation,
            content_type=options.get("content_type", ContentType.CSV),
            concurrency=options.get("concurrency", Concurrency.PARALLEL),
            external_id=external_id,
            assignment_rule_id=options.get("assignment_rule_id"),
        )
        settings.check()

        def carrier(detail: Detail) -> Bulk1Carrier:
            return Bulk1Carrier(
                self._transport,
                settings,
                compressed=options.get("compressed", True),
                detail=detail,
                journal=options.get("journal", NO_JOURNAL),
            )

        encoder = ENCODERS[settings.content_type]
        api = LoadApi(carrier, encoder, BATCH_LIMITS, self._transport.clock)
        columns = ObjectColumns(sobject, self._describe)
        return RecordLoad(operation, external_id, columns, api, options)
