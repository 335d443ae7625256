"""The front door: one object for one org."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from sfbulk.bulk2.ingest import IngestJob
from sfbulk.bulk2.job import disposing
from sfbulk.bulk2.query import QueryJob
from sfbulk.changes import read_deleted, read_updated
from sfbulk.client_bulk1 import Bulk1
from sfbulk.clock import SYSTEM_CLOCK, Clock
from sfbulk.csvio import MAX_JOB_BYTES, ColumnDelimiter, CsvRows, LineEnding
from sfbulk.describe.reader import Describer
from sfbulk.errors import TransportError
from sfbulk.http.dates import http_date
from sfbulk.http.wire import Request
from sfbulk.jobs.operation import Operation
from sfbulk.load.by_bulk2 import Bulk2Carrier, Bulk2Settings
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.loader import Loader
from sfbulk.load.options import JOBS_IN_FLIGHT
from sfbulk.load.outcomes import Detail
from sfbulk.load.record_load import JOB_LIMITS, LoadApi, RecordLoad, check_options
from sfbulk.load.spool import RowSpool
from sfbulk.settings import Settings, parse_settings
from sfbulk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from typing_extensions import Self, Unpack

    from sfbulk.changes import Deleted, Updated
    from sfbulk.describe.model import SObjectDescribe, SObjectSummary
    from sfbulk.errors import SalesforceError
    from sfbulk.load.by_bulk2 import JobFlight
    from sfbulk.load.options import LoadOptions
    from sfbulk.load.outcomes import IngestSummary, RowOutcome
    from sfbulk.load.sources import Records
    from sfbulk.quota.limits import Limit

_OPTIONS = {
    "columns",
    "column_delimiter",
    "assignment_rule_id",
    "journal",
    "precision_loss",
    "jobs_in_flight",
}


class Salesforce:
    """An org, signed in to at the first request; safe for use by several threads.

    ```python
    with Salesforce.from_settings(settings) as sf:
        for row in sf.query("SELECT Id, Name FROM Account"):
            print(row["Name"])
    ```
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._describer = Describer(transport)

    @classmethod
    def from_settings(
        cls,
        settings: Mapping[str, Any] | Settings,
        *,
        clock: Clock = SYSTEM_CLOCK,
        on_new_refresh_token: Callable[[str], None] | None = None,
    ) -> Self:
        """The org that `settings` name; no request is made yet.

        Args:
            settings: by name, see `sfbulk.settings` and `sfbulk.quota.limits`; other keys are
                ignored.
                Or what `parse_settings` has returned for them.
            clock: the time, for tests.
            on_new_refresh_token: takes the refresh token that replaces the one in use, which
                is void then. Called before the new access token is used, by one thread at a
                time. Its exceptions reach the caller of the request that needed the token.

        Raises:
            ConfigError: settings are missing or contradict each other; names all problems.
        """
        parsed = settings if isinstance(settings, Settings) else parse_settings(settings)
        return cls(Transport(parsed, clock, on_new_refresh_token))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the pooled connections; jobs on the server stay as they are."""
        self._transport.close()

    @property
    def api_version(self) -> str:
        """The API version of all requests, such as `68.0`."""
        return self._transport.api_version

    @property
    def instance_url(self) -> str:
        """The org's own host, such as `https://example.my.salesforce.com`; signs in if needed."""
        return self._transport.instance_url

    @property
    def bulk1(self) -> Bulk1:
        """Bulk API 1.0: jobs of batches, results in the order of the rows; see `sfbulk.bulk1`."""
        return Bulk1(self._transport, self._describer.one)

    def server_time(self) -> datetime:
        """API call: the org's clock, aware, in UTC, to the second.

        Raises:
            TransportError: the answer carries no date.
        """
        reply = self._transport.send(self._get("/", "Read the server's time"))
        date = http_date(reply.headers.get("Date"))
        if date is None:
            raise TransportError(
                "Read the server's time: the answer carries no date. Is there a proxy that "
                "removes it?",
                ambiguous=False,
                permanent=True,
            )
        return date

    def limits(self) -> dict[str, Limit]:
        """API call: the org's limits by Salesforce's names, such as `DailyApiRequests`.

        Raises:
            ApiError: the user lacks the permission View Setup and Configuration.
        """
        return self._transport.limits()

    def describe_global(self) -> list[SObjectSummary]:
        """API call: all objects the user can see; unchanged since the last call, a short one."""
        return self._describer.all_objects()

    def describe(self, name: str) -> SObjectDescribe:
        """API call: one object with its fields; unchanged since the last call, a short one.

        Raises:
            NotFound: there is no such object, or the user may not see it.
        """
        return self._describer.one(name)

    def describe_many(self, names: Iterable[str]) -> dict[str, SObjectDescribe | SalesforceError]:
        """API call: many objects, up to 25 in one request; one's error stands in its place.

        Raises:
            SignInError: nothing can be asked of the org.
            LimitExceeded: the org's requests of the day are used up.
            QuotaReached: the settings allow no further request.
        """
        return self._describer.many(names)

    def updated(self, sobject: str, start: datetime, end: datetime) -> Updated:
        """API call: the records that were created or changed from `start` to `end`, both aware.

        They are read to the minute. Salesforce reaches back 30 days (REST API guide: sObject Get
        Updated).

        Raises:
            NotFound: there is no such object, or it is not `replicateable`.
            LimitExceeded: `EXCEEDED_ID_LIMIT`, for more than 600,000 records.
            ApiError: Salesforce refuses, as with `INVALID_REPLICATION_DATE`.
            DataError: a date without a time zone.
            TransportError: no answer, or one that is not understood.
        """
        return read_updated(self._transport, sobject, start, end)

    def deleted(self, sobject: str, start: datetime, end: datetime) -> Deleted:
        """API call: the records that were deleted from `start` to `end`, both aware.

        They are read to the minute. Salesforce reaches back 15 days, and less when records have
        left the recycle bin early: see `Deleted.earliest_date_available` (REST API guide: sObject
        Get Deleted).

        Raises:
            NotFound, LimitExceeded, ApiError, DataError, TransportError: as `updated`.
        """
        return read_deleted(self._transport, sobject, start, end)

    def query_job(self, soql: str, *, include_deleted: bool = False) -> QueryJob:
        """API call: submit a bulk query; with `include_deleted` the recycle bin's rows too.

        The caller aborts or deletes the job; `query` does that by itself.

        Raises:
            NotSupportedByBulk: Bulk API refuses the object or something in the query.
            ApiError: Salesforce refuses the query, as for an unknown field.
            TransportError: no answer; `ambiguous` when the job may exist all the same.
        """
        return QueryJob.create(self._transport, soql, include_deleted=include_deleted)

    def open_query_job(self, job_id: str) -> QueryJob:
        """API call: the bulk query of this id, as of a run that ended before its results were read.

        Raises:
            NotFound: there is none; jobs are removed seven days after their end.
        """
        return QueryJob.open(self._transport, job_id)

    def query(self, soql: str, *, include_deleted: bool = False) -> Iterator[dict[str, str | None]]:
        """API call: the rows of a bulk query, as text by column name; empty cells are None.

        The job is created at the first row asked for, deleted after the last, and aborted
        when the loop over the rows ends early. Results lie on disk, a few pages at a time.

        Raises:
            ApiError, JobError, TransportError: as `query_job` and `QueryJob.pages`.
        """
        with disposing(self.query_job(soql, include_deleted=include_deleted)) as job:
            yield from job.rows()

    def ingest_job(  # noqa: PLR0913 - the job's settings, by keyword
        self,
        sobject: str,
        operation: Operation,
        *,
        external_id: str | None = None,
        line_ending: LineEnding = LineEnding.LF,
        column_delimiter: ColumnDelimiter = ColumnDelimiter.COMMA,
        assignment_rule_id: str | None = None,
    ) -> IngestJob:
        """API call: open a bulk load; see `IngestJob`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation takes one.
            line_ending: that of the CSV, also inside its values.
            column_delimiter: that of the CSV, and of the results.
            assignment_rule_id: an assignment rule for cases or leads.

        Raises:
            DataError: an upsert without key field, or one for another operation.
            ApiError: Salesforce refuses, as for an unfit key field.
            TransportError: no answer; `ambiguous` when the job may exist all the same.
        """
        return IngestJob.create(
            self._transport,
            sobject,
            operation,
            external_id=external_id,
            line_ending=line_ending,
            column_delimiter=column_delimiter,
            assignment_rule_id=assignment_rule_id,
        )

    def open_ingest_job(self, job_id: str) -> IngestJob:
        """API call: the bulk load of this id, as of a run that ended before its results were read.

        Raises:
            NotFound: there is none; jobs are removed seven days after their end.
        """
        return IngestJob.open(self._transport, job_id)

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

        Results of Bulk API 2.0 come in no order: they are matched with the records by their
        key, or by their values where there is none. Every record that was read is yielded
        before an error is raised.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            records: see `insert`.
            external_id: the key field of an upsert; no other operation takes one.
            options: see `LoadOptions`.

        Raises:
            DataError, JobFailed, RowCountMismatch, ResultsMismatch, ApiError, TransportError: as
                `RecordLoad.summary`.
        """
        yield from self._load(sobject, operation, external_id, options).outcomes(records)

    def insert(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: create records; see `RecordLoad` for what a record may hold.

        Records are mappings, sequences (whose `columns` are given), or CSV with a header row:
        bytes, a path, or a file open for reading bytes. Rows that Salesforce rejects are in the
        summary; `load` reports every row.
        """
        return self._load(sobject, Operation.INSERT, None, options).summary(records)

    def update(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: change records, found by their `Id`; see `insert`."""
        return self._load(sobject, Operation.UPDATE, None, options).summary(records)

    def upsert(
        self, sobject: str, records: Records, *, external_id: str, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: change records, found by `external_id`, and create new ones; see `insert`."""
        return self._load(sobject, Operation.UPSERT, external_id, options).summary(records)

    def delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: put records, found by their `Id`, into the recycle bin; see `insert`."""
        return self._load(sobject, Operation.DELETE, None, options).summary(records)

    def hard_delete(
        self, sobject: str, records: Records, **options: Unpack[LoadOptions]
    ) -> IngestSummary:
        """API call: delete records, found by their `Id`, for good; needs a permission."""
        return self._load(sobject, Operation.HARD_DELETE, None, options).summary(records)

    def loader(  # noqa: PLR0913 - what the engine works with, by keyword
        self,
        sobject: str,
        operation: Operation,
        folder: Path,
        *,
        external_id: str | None = None,
        detail: Detail = Detail.REJECTED,
        max_job_bytes: int = MAX_JOB_BYTES,
        before_send: Callable[[], None] = lambda: None,
        stop_on_failure: bool = True,
        **options: Unpack[LoadOptions],
    ) -> Loader[JobFlight]:
        """The loading engine itself, for rows that are encoded already; see `Loader`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            folder: an existing folder for files of rows; the caller removes it.
            external_id: the key field of an upsert; no other operation takes one.
            detail: of which rows an outcome is handed out.
            max_job_bytes: most bytes of a job's CSV.
            before_send: called before a job is created; loads first what must be in before it.
            stop_on_failure: whether a job that failed as a whole ends the load.
            options: see `LoadOptions`.

        Raises:
            DataError: an option that loads by Bulk API 2.0 do not have.
        """
        limits = replace(JOB_LIMITS, bytes=max_job_bytes)
        return Loader(
            self._carrier(Bulk2Settings(sobject, operation, external_id), detail, options),
            RowSpool(folder, CsvRows(), limits),
            self._transport.clock,
            journal=options.get("journal", NO_JOURNAL),
            before_send=before_send,
            stop_on_failure=stop_on_failure,
        )

    def _load(
        self, sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
    ) -> RecordLoad:
        rule = options.get("assignment_rule_id")
        settings = Bulk2Settings(sobject, operation, external_id, rule)
        carrier = partial(self._carrier, settings, options=options)
        api = LoadApi(carrier, CsvRows(), JOB_LIMITS, self._transport.clock)
        columns = ObjectColumns(sobject, self._describer.one)
        return RecordLoad(operation, external_id, columns, api, options)

    def _carrier(
        self, settings: Bulk2Settings, detail: Detail, options: LoadOptions
    ) -> Bulk2Carrier:
        check_options(options, _OPTIONS, "Bulk API 2.0")
        return Bulk2Carrier(
            self._transport,
            settings,
            describe=self._describer.one,
            detail=detail,
            journal=options.get("journal", NO_JOURNAL),
            jobs_in_flight=options.get("jobs_in_flight", JOBS_IN_FLIGHT),
        )

    def _get(self, path: str, purpose: str) -> Request:
        return Request("GET", self._transport.base_path + path, purpose)
