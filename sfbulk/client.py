"""`Salesforce`: one object for one org; start here."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk.access.identity import read_organization, read_user, read_versions
from sfbulk.access.permissions import read_permissions
from sfbulk.bodies import BodyField, download_body
from sfbulk.bulk1.job_settings import JobSettings
from sfbulk.bulk1.query import Bulk1QueryJob, chunked_query
from sfbulk.bulk1.states import Concurrency
from sfbulk.bulk2.ingest import IngestJob
from sfbulk.bulk2.query import QueryJob
from sfbulk.changes import read_deleted, read_updated
from sfbulk.client_bulk1 import Bulk1
from sfbulk.clock import SYSTEM_CLOCK, Clock
from sfbulk.csvio import ColumnDelimiter, CsvRows, LineEnding
from sfbulk.describe.reader import Describer
from sfbulk.errors import DataError, NotFound, TransportError, UnknownState
from sfbulk.http.dates import http_date
from sfbulk.http.wire import Request
from sfbulk.jobs.disposing import disposing
from sfbulk.jobs.job_list import CLASSIC, list_jobs
from sfbulk.jobs.read_api import ReadApi
from sfbulk.load.by_bulk1 import Bulk1Carrier
from sfbulk.load.by_bulk2 import Bulk2Carrier, Bulk2Settings
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.dry_run import DryRunCarrier
from sfbulk.load.find_ids import ids_and_keys, ids_by
from sfbulk.load.group import LoadGroup
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.options import COMMON_OPTIONS, ENCODED_OPTIONS, JOBS_IN_FLIGHT
from sfbulk.load.outcomes import Detail
from sfbulk.load.record_load import BATCH_LIMITS, JOB_LIMITS, LoadApi, RecordLoad, check_options
from sfbulk.load.resolution import file_limits, job_key, needs_every_version, resolution
from sfbulk.load.resolving import resolving
from sfbulk.load.run_journal import RunJournal
from sfbulk.load.spool import SpoolSettings
from sfbulk.load.stub_maker import stub_maker
from sfbulk.load.verbs import LoadVerbs
from sfbulk.read.fallback import BulkOrRest
from sfbulk.read.record_counts import count_records, record_counts
from sfbulk.read.rest import RestQuery
from sfbulk.settings import Settings, parse_settings
from sfbulk.transport import Transport

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from typing_extensions import Self, Unpack

    from sfbulk.access import Organization, User
    from sfbulk.bodies import Body
    from sfbulk.bulk1.job import Bulk1Job
    from sfbulk.changes import Deleted, Updated
    from sfbulk.describe.model import SObjectDescribe, SObjectSummary
    from sfbulk.errors import SalesforceError
    from sfbulk.jobs.job_list import ListedJob
    from sfbulk.jobs.operation import Operation
    from sfbulk.load.journal import Journal
    from sfbulk.load.loader import Carrier, Loader
    from sfbulk.load.options import LoadOptions
    from sfbulk.load.recovery import Report, Reported
    from sfbulk.load.resolution import Resolution
    from sfbulk.load.spool import FileLimits
    from sfbulk.quota.limits import Limit
    from sfbulk.read.port import ReadJob
    from sfbulk.usage import Usage

_OPTIONS = COMMON_OPTIONS | {"jobs_in_flight"}


class Salesforce(LoadVerbs):
    """One org. Signs in at the first request; safe for several threads.

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
                ignored. Or the result of `parse_settings`.
            clock: the time, for tests.
            on_new_refresh_token: called with the refresh token that replaces the current one,
                which is no longer valid. Called before the new access token is used, by one
                thread at a time. The caller of the request that needed the token gets its
                exceptions.

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
        """Close the pooled connections; jobs on the server are not changed."""
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
    def usage(self) -> Usage:
        """How many requests this client has sent, and how many query jobs it has created."""
        return self._transport.usage

    @property
    def bulk1(self) -> Bulk1:
        """Bulk API 1.0: jobs with batches, results in the order of the rows; see `sfbulk.bulk1`."""
        return Bulk1(self._transport, self._describer.one)

    def server_time(self) -> datetime:
        """API call: the org's clock, aware, in UTC, in whole seconds.

        Raises:
            TransportError: the answer has no date.
        """
        reply = self._transport.send(self._get("/", "Read the server's time"))
        date = http_date(reply.headers.get("Date"))
        if date is None:
            raise TransportError(
                "Read the server's time: the answer has no Date header. A proxy may remove it: "
                "check the proxy.",
                ambiguous=False,
                permanent=True,
            )
        return date

    def user(self) -> User | None:
        """API call: the user who is signed in; None if Salesforce does not say who it is."""
        return read_user(self._transport)

    def organization(self) -> Organization | None:
        """API call: the org; None if Salesforce does not say which one it is."""
        return read_organization(self._transport)

    def api_versions(self) -> list[str]:
        """API call: the API versions that the org has, the oldest first, such as `31.0`."""
        return read_versions(self._transport)

    def permissions(self, user: User | None, names: Iterable[str]) -> dict[str, bool | None]:
        """API call: whether the user has each permission; None if that cannot be read.

        Args:
            user: the user who is signed in.
            names: Salesforce's names, such as `BulkApiHardDelete`.
        """
        return read_permissions(self._transport, user, names)

    def limits(self) -> dict[str, Limit]:
        """API call: the org's limits by Salesforce's names, such as `DailyApiRequests`.

        Raises:
            ApiError: the user lacks the permission View Setup and Configuration.
        """
        return self._transport.limits()

    def describe_global(self) -> list[SObjectSummary]:
        """API call: all objects that the user can see; read again only if they have changed."""
        return self._describer.all_objects()

    def describe(self, name: str) -> SObjectDescribe:
        """API call: one object with its fields; read again only if it has changed.

        Raises:
            NotFound: there is no such object, or the user may not see it.
        """
        return self._describer.one(name)

    def describe_many(self, names: Iterable[str]) -> dict[str, SObjectDescribe | SalesforceError]:
        """API call: many objects, up to 25 in one request.

        An object that cannot be described has its error as its value.

        Raises:
            SignInError, SessionExpired: no object can be described.
            LimitExceeded: the org's daily requests are used up.
            QuotaReached: the settings allow no further request.
        """
        return self._describer.many(names)

    def updated(self, sobject: str, start: datetime, end: datetime) -> Updated:
        """API call: the records that were created or changed from `start` to `end`, both aware.

        Salesforce ignores the seconds of both, and `start` may be at most 30 days ago (REST API
        guide: sObject Get Updated).

        Raises:
            NotFound: there is no such object, or it is not `replicateable`.
            LimitExceeded: `EXCEEDED_ID_LIMIT`, for more than 600,000 records.
            ApiError: Salesforce refuses, for example with `INVALID_REPLICATION_DATE`.
            DataError: a datetime without a time zone.
            TransportError: no answer, or an answer in another form.
        """
        return read_updated(self._transport, sobject, start, end)

    def deleted(self, sobject: str, start: datetime, end: datetime) -> Deleted:
        """API call: the records that were deleted from `start` to `end`, both aware.

        Salesforce ignores the seconds of both, and `start` may be at most 15 days ago, or less if
        the recycle bin was emptied: see `Deleted.earliest_date_available` (REST API guide: sObject
        Get Deleted).

        Raises:
            NotFound, LimitExceeded, ApiError, DataError, TransportError: as `updated`.
        """
        return read_deleted(self._transport, sobject, start, end)

    def download_body(  # noqa: PLR0913 - what the content must be, by keyword
        self,
        sobject: str,
        record_id: str,
        field: str,
        path: Path,
        *,
        size: int | None = None,
        md5: str | None = None,
    ) -> Body:
        """API call: the content of a file, from a base64 field of a record into a file.

        Args:
            sobject: object API name, such as `ContentVersion`.
            record_id: the record.
            field: the base64 field, such as `VersionData`.
            path: the file; it is there when all of the content is, and replaces an earlier one.
            size: bytes that the content must have, such as `ContentSize`; more are not written.
            md5: checksum that the content must have, such as `Checksum`.

        Raises:
            NotFound: there is no such record, or it is deleted.
            ApiError: Salesforce refuses.
            DataError: the content has another size or checksum, at every attempt.
            TransportError: it could not be downloaded.
            OSError: the file cannot be written.
        """
        where = BodyField(sobject, record_id, field)
        return download_body(self._transport, where, path, size, md5)

    def ids_by(self, sobject: str, field: str, where: Sequence[str] = ()) -> dict[str, str | None]:
        """API call: the id of each record by the normal form of a field; None for several records.

        All records are read by REST and kept in memory: for objects with few records, such as
        RecordType. Records in the recycle bin are left out.

        Args:
            sobject: object API name.
            field: the field; see `sfbulk.normalize.key_normalizer` for the form of its values.
            where: conditions that must all be true.

        Raises:
            ApiError: Salesforce refuses the query.
            RowCountMismatch: an answer does not have all records.
            TransportError: no usable answer to any attempt.
        """
        return ids_by(self._transport, sobject, field, self._describer.known, where)

    def ids_and_keys(
        self, sobject: str, field: str, where: Sequence[str] = ()
    ) -> Iterator[tuple[str, str]]:
        """API call: as `ids_by`, but one record after another, for objects with many records."""
        return ids_and_keys(self._transport, sobject, field, self._describer.known, where)

    def count(self, sobject: str, where: Sequence[str] = ()) -> int:
        """API call: the number of records of an object; those in the recycle bin are left out.

        Args:
            sobject: object API name.
            where: conditions that must all be true.

        Raises:
            ApiError: Salesforce refuses the query, or needs too long for it.
            TransportError: no usable answer to any attempt.
        """
        return count_records(self._transport, sobject, where)

    def query_job(self, soql: str, *, include_deleted: bool = False) -> QueryJob:
        """API call: submit a bulk query; with `include_deleted` it reads deleted rows too.

        The caller aborts or deletes the job; `query` does both itself.

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            ApiError: Salesforce refuses the query, for example for an unknown field.
            TransportError: no answer to any attempt.
        """
        return QueryJob.create(self._transport, soql, include_deleted=include_deleted)

    def open_query_job(self, job_id: str) -> QueryJob:
        """API call: the query job with this id, for example of a run that was interrupted.

        Raises:
            NotFound: there is no such job; Salesforce removes jobs after seven days.
        """
        return QueryJob.open(self._transport, job_id)

    def read_job(
        self,
        soql: str,
        *,
        api: ReadApi = ReadApi.BULK2,
        or_rest: bool = False,
        include_deleted: bool = False,
        chunk_size: int | None = None,
    ) -> ReadJob:
        """API call: a query by the API of the caller's choice; see `ReadJob`.

        The pages of every API are the same. With REST no request is made before they are read.

        Args:
            soql: the query. By REST it selects fields of one object and of its parents.
            api: the API that runs it.
            or_rest: read by REST if Bulk API refuses the object or the query, at once or by a
                failed job.
            include_deleted: read deleted and archived rows too.
            chunk_size: rows of a chunk of Bulk API 1.0, at most 250,000; None lets Salesforce
                choose (100,000).

        Raises:
            NotSupportedByBulk: Bulk API does not support the object or a part of the query.
            ApiError: Salesforce refuses the query, or PK chunking for the object.
            QuotaReached: the settings allow no further job.
            DataError: a query that names no object or that REST cannot run, or a wrong chunk size.
            TransportError: no answer to any attempt.
        """
        bulk: dict[ReadApi, Callable[[], ReadJob]] = {
            ReadApi.BULK2: partial(self.query_job, soql, include_deleted=include_deleted),
            ReadApi.BULK1: partial(
                chunked_query,
                self._transport,
                soql,
                include_deleted=include_deleted,
                chunk_size=chunk_size,
            ),
        }
        rest = partial(
            RestQuery,
            self._transport,
            self._describer.known,
            soql,
            include_deleted=include_deleted,
        )
        if api is ReadApi.REST:
            return rest()
        return BulkOrRest(bulk[api], rest) if or_rest else bulk[api]()

    def open_read_job(
        self, job_id: str, soql: str, *, api: ReadApi = ReadApi.BULK2, include_deleted: bool = False
    ) -> ReadJob:
        """API call: a query of an interrupted run, to read its further pages.

        Args:
            job_id: the `id` of the job; empty for REST.
            soql: the query.
            api: the API that runs it.
            include_deleted: whether it reads deleted and archived rows too.

        Raises:
            NotFound: there is no such job any more; Salesforce removes jobs after seven days.
        """
        if api is ReadApi.BULK1:
            return Bulk1QueryJob.open(self._transport, job_id)
        if api is ReadApi.BULK2:
            return self.open_query_job(job_id)
        return self.read_job(soql, api=api, include_deleted=include_deleted)

    def jobs(self) -> list[ListedJob]:
        """API call: all jobs of the org, of both bulk APIs, the newest first.

        Raises:
            ApiError: Salesforce refuses.
            TransportError: no answer to any attempt.
        """
        return list_jobs(self._transport)

    def open_job(self, job_id: str) -> QueryJob | IngestJob | Bulk1Job:
        """API call: the job with this id, of either bulk API.

        Raises:
            NotFound: there is no such job; Salesforce removes jobs after seven days.
            UnknownState: a state that this version does not know.
        """
        unknown: UnknownState | None = None
        for kind in (QueryJob, IngestJob):
            try:
                job = kind.open(self._transport, job_id)
            except NotFound:
                continue
            except UnknownState as error:
                # A job of Bulk API 1.0 may be here too, with states of its own.
                unknown = error
                continue
            if job.info.job_type != CLASSIC:
                return job
        try:
            return self.bulk1.job(job_id)
        except NotFound as error:
            raise unknown or NotFound(
                f"There is no job {job_id}, of either bulk API. Salesforce removes jobs after "
                "seven days.",
                status=error.status,
                code=error.code,
                job_id=job_id,
            ) from None

    def record_counts(self, names: Iterable[str]) -> dict[str, int]:
        """API call: the approximate number of records of objects, by the names that were given.

        Deleted records are not counted. Objects without records may be absent, and all objects
        if Salesforce refuses: the counts only help to choose how to read.
        """
        return record_counts(self._transport, names)

    def query(
        self, soql: str, *, include_deleted: bool = False
    ) -> Generator[dict[str, str | None], None, None]:
        """API call: the rows of a bulk query, as text by column name; empty cells are None.

        The job is created when the first row is requested. It is deleted after the last row, and
        aborted if the loop over the rows ends early. A few result pages at a time are on disk.

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
        """API call: create an ingest job; see `IngestJob`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            external_id: the key field of an upsert; no other operation has one.
            line_ending: the line ending of the CSV, also inside its values.
            column_delimiter: the column delimiter of the CSV and of the results.
            assignment_rule_id: an assignment rule for cases or leads.

        Raises:
            DataError: an upsert without a key field, or another operation with one.
            ApiError: Salesforce refuses, for example a key field that is not an external id.
            TransportError: no answer to any attempt.
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
        """API call: the ingest job with this id, for example of a run that was interrupted.

        Raises:
            NotFound: there is no such job; Salesforce removes jobs after seven days.
        """
        return IngestJob.open(self._transport, job_id)

    def load_group(
        self, *, jobs_in_flight: int = JOBS_IN_FLIGHT, more_objects: bool = False
    ) -> LoadGroup:
        """The loading engine for several loads at the same time; see `LoadGroup`.

        Args:
            jobs_in_flight: how many jobs may run in parallel.
            more_objects: whether loads of other objects may join later.
        """
        return LoadGroup(
            self._transport.clock, jobs_in_flight=jobs_in_flight, more_objects=more_objects
        )

    def open_journal(
        self,
        path: Path,
        *,
        parent: Path | None = None,
        report: Report | None = None,
        reported: Reported | None = None,
    ) -> RunJournal:
        """API call: settle what earlier runs left in a journal, and open it for a run.

        Args:
            path: the journal's file; it is created if it does not exist.
            parent: where the folder of the run is made; by default beside the journal.
            report: writes down rejected rows of earlier runs; without it they are sent again.
            reported: finds those that are written down already; they are not sent again.

        Raises:
            JournalError: another run uses it, it is damaged, or it cannot be written.
            ApiError, TransportError: what earlier runs left cannot be read.
        """
        return RunJournal(
            path,
            self._transport,
            self._describer.one,
            parent=parent,
            report=report,
            reported=reported,
        )

    def loader(  # noqa: PLR0913 - what the engine works with, by keyword
        self,
        sobject: str,
        operation: Operation,
        folder: Path,
        *,
        group: LoadGroup,
        external_id: str | None = None,
        detail: Detail = Detail.REJECTED,
        limits: FileLimits = JOB_LIMITS,
        bulk1_mode: Concurrency | None = None,
        stop_on_failure: bool = True,
        dry_run: Path | None = None,
        **options: Unpack[LoadOptions],
    ) -> Loader[Any]:
        """A load of a group, for a caller that has encoded rows; see `Loader`.

        Args:
            sobject: object API name.
            operation: what to do with the rows.
            folder: an existing folder for files of rows; the caller removes it.
            group: the loads that run at the same time; see `load_group`.
            external_id: the field that finds the records of an upsert, update or delete; None for
                the `Id` of an update or delete.
            detail: which rows have an outcome of their own.
            limits: the limits of one job.
            bulk1_mode: load by Bulk API 1.0 in this mode; None for Bulk API 2.0.
            stop_on_failure: whether a failed job ends the loads of the group.
            dry_run: send nothing, write the files as `<dry_run>-0001.csv` and so on.
            options: those of `LoadOptions` that are about encoded rows; `journal` is one load of
                `open_journal`.

        Raises:
            DataError: another option.
        """
        check_options(options, ENCODED_OPTIONS, "encoded rows")
        journal = options.get("journal", NO_JOURNAL)
        if isinstance(journal, (str, Path)):
            raise DataError("journal: a load of encoded rows gets it from open_journal.")
        plan = resolution(sobject, operation, external_id, options)
        settings = Bulk2Settings(
            sobject, operation, job_key(operation, external_id), options.get("assignment_rule_id")
        )
        columns = ObjectColumns(sobject, self._describer.one)
        serial = partial(self._serial, settings, plan)
        batches: Carrier[Any] | None = None
        if bulk1_mode is not None:
            limits = limits.within(BATCH_LIMITS)
            batches = self._batches(settings, bulk1_mode, journal, detail)
        carrier = self._carrier(settings, plan, journal, detail, batches)
        if dry_run:
            carrier = self._dry_carrier(DryRunCarrier(dry_run, sobject, group.written), plan)
        return group.new_loader(
            carrier,
            SpoolSettings(
                folder,
                CsvRows(),
                file_limits(plan, limits),
                sobject,
                self._transport.clock,
                names_record=columns.names_record,
                every_version=needs_every_version(plan),
            ),
            journal=journal,
            serial=partial(serial, journal, detail),
            stop_on_failure=stop_on_failure,
            stubs=stub_maker(operation, external_id, columns, serial, plan),
            detail=detail,
        )

    def _record_load(
        self, sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
    ) -> RecordLoad:
        check_options(options, _OPTIONS, "Bulk API 2.0")
        rule = options.get("assignment_rule_id")
        plan = resolution(sobject, operation, external_id, options)
        settings = Bulk2Settings(sobject, operation, job_key(operation, external_id), rule)
        columns = ObjectColumns(sobject, self._describer.one)
        serial = partial(self._serial, settings, plan)
        api = LoadApi(
            partial(self._carrier, settings, plan),
            CsvRows(),
            file_limits(plan, JOB_LIMITS),
            self._transport.clock,
            jobs_in_flight=options.get("jobs_in_flight", JOBS_IN_FLIGHT),
            serial=serial,
            stubs=stub_maker(operation, external_id, columns, serial, plan),
            open_journal=self.open_journal,
            every_version=needs_every_version(plan),
        )
        return RecordLoad(operation, external_id, columns, api, options)

    def _carrier(
        self,
        settings: Bulk2Settings,
        plan: Resolution | None,
        journal: Journal,
        detail: Detail,
        instead: Carrier[Any] | None = None,
    ) -> Carrier[Any]:
        carrier = instead or Bulk2Carrier(
            self._transport,
            settings,
            describe=self._describer.one,
            detail=detail,
            journal=journal,
        )
        return resolving(carrier, plan, self._transport, self._describer.one, detail)

    def _dry_carrier(self, carrier: DryRunCarrier, plan: Resolution | None) -> Carrier[Any]:
        describe, detail = self._describer.one, Detail.CREATED
        return resolving(carrier, plan, self._transport, describe, detail, written=carrier.files)

    def _serial(
        self, settings: Bulk2Settings, plan: Resolution | None, journal: Journal, detail: Detail
    ) -> Carrier[Any]:
        """For rows that locks of parallel batches have refused again and again."""
        batches = self._batches(settings, Concurrency.SERIAL, journal, detail)
        return resolving(batches, plan, self._transport, self._describer.one, detail)

    def _batches(
        self, settings: Bulk2Settings, concurrency: Concurrency, journal: Journal, detail: Detail
    ) -> Carrier[Any]:
        """A carrier for Bulk API 1.0."""
        return Bulk1Carrier(
            self._transport,
            JobSettings(
                sobject=settings.sobject,
                operation=settings.operation,
                concurrency=concurrency,
                external_id=settings.external_id,
                assignment_rule_id=settings.assignment_rule_id,
            ),
            compressed=True,
            detail=detail,
            journal=journal,
            refusal_is_error=True,
        )

    def _get(self, path: str, purpose: str) -> Request:
        return Request("GET", self._transport.base_path + path, purpose)
