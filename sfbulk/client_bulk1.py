"""`Salesforce.bulk1`: the way into Bulk API 1.0."""

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
    """Bulk API 1.0 of one org; safe for use by several threads."""

    def __init__(self, transport: Transport, describe: Describe | None = None) -> None:
        """Take the org.

        Args:
            transport: the org.
            describe: describes an object; asks the org by default.
        """
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
        """API call: open a load; see `Bulk1Job`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation takes one.
            content_type: the form of its batches.
            concurrency: whether its batches are worked on side by side.
            assignment_rule_id: an assignment rule for cases or leads.
            line_ending: what Salesforce shall make of line breaks in values; None leaves them.
            retry_batches: False tells Salesforce not to try again a batch that took too long.

        Raises:
            DataError: an upsert without key field, or one for another operation.
            NotSupportedByBulk: Bulk API refuses the object.
            ApiError: Salesforce refuses, as for an unknown object.
            TransportError: no answer.
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
        """API call: open a job for queries of one object, each of them a batch.

        Args:
            sobject: object API name, that of each query's FROM.
            include_deleted: read the rows of the recycle bin too.
            content_type: the form of its results.
            concurrency: whether its batches are worked on side by side.
            pk_chunking: divide each query into ranges of ids.
            retry_batches: False tells Salesforce not to try again a batch that took too long.

        Raises:
            NotSupportedByBulk: Bulk API refuses the object.
            ApiError: Salesforce refuses, as for an object that cannot be chunked.
            TransportError: no answer.
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
        """API call: a job that exists, by its id.

        Raises:
            NotFound: there is none.
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

        The job is created at the first row asked for, closed after the last, and aborted when
        the loop over the rows ends early. Result files lie on disk, one at a time. A chunk that
        failed, or is missing, is asked for again.

        Args:
            soql: the query.
            include_deleted: read the rows of the recycle bin too.
            content_type: the form of the results.
            pk_chunking: divide the query into ranges of ids, for objects with very many rows.

        Raises:
            NotSupportedByBulk: Bulk API refuses the object or something in the query.
            JobFailed: Salesforce could not run the query; gives its reason.
            JobAborted: somebody aborted the job.
            RowCountMismatch: rows are missing, or more came than announced.
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
        """API call: load records; what became of each, in their order.

        See `RecordLoad` for what a record may hold. A later version of a record is loaded after
        an earlier one has been. The job is created when the first batch is full or the records
        end, and aborted when the loop ends early.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            records: mappings, sequences with `columns`, or CSV as bytes or in a file.
            external_id: the key field of an upsert; no other operation takes one.
            options: see `LoadOptions`.

        Raises:
            DataError: a record cannot be sent; names its number. Batches before it are done.
            RowCountMismatch: Salesforce does not account for every row of a batch.
            JobError: the job holds batches that were not sent.
            ApiError: Salesforce refuses the job or the first batch. When it refuses a later one,
                the records from there on are reported as unprocessed, since others are in.
            TransportError: no answer.
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
        """API call: change records, found by their `Id`; see `load`."""
        return self._load(sobject, Operation.UPDATE, None, options).summary(records)

    def upsert(
        self, sobject: str, records: Records, *, external_id: str, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: change records, found by `external_id`, and create new ones; see `load`."""
        return self._load(sobject, Operation.UPSERT, external_id, options).summary(records)

    def delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: put records, found by their `Id`, into the recycle bin; see `load`."""
        return self._load(sobject, Operation.DELETE, None, options).summary(records)

    def hard_delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: delete records, found by their `Id`, for good; needs a permission."""
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
