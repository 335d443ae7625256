"""`Bulk1`: Bulk API 1.0 of one org; `Salesforce.bulk1` is one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sfbulk.bulk1.encode import ENCODERS
from sfbulk.bulk1.job import Bulk1Job
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.bulk1.query import Bulk1QueryJob
from sfbulk.bulk1.states import Concurrency, ContentType, QueryOperation
from sfbulk.describe.reader import Describer
from sfbulk.errors import DataError
from sfbulk.jobs.disposing import disposing
from sfbulk.load.by_bulk1 import Bulk1Carrier
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.options import BATCHES_IN_FLIGHT, COMMON_OPTIONS
from sfbulk.load.record_load import BATCH_LIMITS, LoadApi, RecordLoad, check_options
from sfbulk.load.resolution import file_limits, job_key, needs_every_version, resolution
from sfbulk.load.resolving import resolving
from sfbulk.load.run_journal import RunJournal
from sfbulk.load.stub_maker import stub_maker
from sfbulk.load.verbs import LoadVerbs

if TYPE_CHECKING:
    from collections.abc import Generator

    from sfbulk.bulk1.chunking import PkChunking
    from sfbulk.csvio import LineEnding
    from sfbulk.jobs.operation import Operation
    from sfbulk.load.columns import Describe
    from sfbulk.load.journal import Journal
    from sfbulk.load.loader import Carrier
    from sfbulk.load.options import LoadOptions
    from sfbulk.load.outcomes import Detail
    from sfbulk.transport import Transport


_OPTIONS = COMMON_OPTIONS | {"content_type", "concurrency", "compressed"}


class Bulk1(LoadVerbs):
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
    ) -> Generator[dict[str, Any], None, None]:
        """API call: the rows of a query; see `Bulk1Job.rows` for their values.

        The job is created when the first row is requested. It is closed after the last row, or when
        the loop over the rows ends early, and aborted if the query fails. A few result files at a
        time are on disk. A chunk that failed, or is missing, is queried again.

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
        query = Bulk1QueryJob.create(
            self._transport,
            soql,
            include_deleted=include_deleted,
            content_type=content_type,
            pk_chunking=pk_chunking,
        )
        with disposing(query):
            yield from query.rows()

    def _record_load(
        self, sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
    ) -> RecordLoad:
        check_options(options, _OPTIONS, "Bulk API 1.0")
        settings = JobSettings(
            sobject=sobject,
            operation=operation,
            content_type=options.get("content_type", ContentType.CSV),
            concurrency=options.get("concurrency", Concurrency.PARALLEL),
            external_id=job_key(operation, external_id),
            assignment_rule_id=options.get("assignment_rule_id"),
        )
        settings.check()
        plan = resolution(sobject, operation, external_id, options)
        if plan and settings.content_type is not ContentType.CSV:
            raise DataError(f"{sobject}: records are looked up by their keys only in CSV.")

        def carrier(settings: JobSettings, journal: Journal, detail: Detail) -> Carrier[Any]:
            batches = Bulk1Carrier(
                self._transport,
                settings,
                compressed=options.get("compressed", True),
                detail=detail,
                journal=journal,
            )
            return resolving(batches, plan, self._transport, self._describe, detail)

        is_csv = settings.content_type is ContentType.CSV
        columns = ObjectColumns(sobject, self._describe)
        serial = partial(carrier, replace(settings, concurrency=Concurrency.SERIAL))
        api = LoadApi(
            partial(carrier, settings),
            ENCODERS[settings.content_type],
            file_limits(plan, BATCH_LIMITS),
            self._transport.clock,
            jobs_in_flight=BATCHES_IN_FLIGHT,
            serial=serial,
            stubs=stub_maker(operation, external_id, columns, serial, plan) if is_csv else None,
            open_journal=partial(RunJournal, transport=self._transport, describe=self._describe),
            every_version=needs_every_version(plan),
        )
        return RecordLoad(operation, external_id, columns, api, options)
