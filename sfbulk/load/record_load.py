"""Loads Python records or CSV with the engine; returns a summary or the outcome of each record."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk.csvio import MAX_JOB_BYTES, ColumnDelimiter
from sfbulk.csvio.limits import MAX_BATCH_BYTES, MAX_BATCH_ROWS
from sfbulk.errors import DataError, SalesforceError
from sfbulk.jobs.row_error import RowError
from sfbulk.load.group import BufferLimits, LoadGroup
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.journal_entries import LoadName
from sfbulk.load.outcomes import (
    UNKNOWN_CODE,
    Detail,
    IngestSummary,
    RowOutcome,
    RowStatus,
)
from sfbulk.load.records import RowRules, naming_record
from sfbulk.load.sources import numbered_rows
from sfbulk.load.spool import FileLimits, SpoolSettings
from sfbulk.normalize import PrecisionLoss
from sfbulk.run_folder import temporary_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from collections.abc import Set as AbstractSet

    from sfbulk.clock import Clock
    from sfbulk.jobs.operation import Operation
    from sfbulk.load.columns import ObjectColumns
    from sfbulk.load.journal import Journal
    from sfbulk.load.loader import Carrier, Loader
    from sfbulk.load.options import LoadOptions
    from sfbulk.load.outcomes import FileOutcome
    from sfbulk.load.run_journal import RunJournal
    from sfbulk.load.sources import Records
    from sfbulk.load.spool import RowEncoder
    from sfbulk.load.stub_maker import StubMaker

JOB_LIMITS = FileLimits(bytes=MAX_JOB_BYTES)
"""One upload to a job of Bulk API 2.0."""

BATCH_LIMITS = FileLimits(bytes=MAX_BATCH_BYTES, rows=MAX_BATCH_ROWS)
"""One batch of Bulk API 1.0."""

BUFFER_LIMITS = BufferLimits()
"""How much a load buffers."""


@dataclass(frozen=True)
class LoadApi:
    """The bulk API of a load: its carrier, the form of its data and its limits."""

    carrier: Callable[[Journal, Detail], Carrier[Any]]
    encoder: RowEncoder
    limits: FileLimits
    clock: Clock
    jobs_in_flight: int
    """How many jobs or batches may run in parallel."""
    serial: Callable[[Journal, Detail], Carrier[Any]]
    """The carrier for rows that failed again and again for a passing reason."""
    stubs: StubMaker | None
    """How records are created that others need as parents."""
    open_journal: Callable[[Path], RunJournal]
    every_version: bool
    """See `SpoolSettings`."""


class RecordLoad:
    """One load of one object.

    A record is a mapping, or a sequence with the option `columns`. Its columns are field names, or
    `Account.Ext__c` for a parent by its external id. Its values are None, text, bool, int, float,
    Decimal, date or aware datetime. In an update or upsert, None and the empty text clear the
    field, and a missing column does not change it. Cells of CSV are sent as they are: an empty
    cell does not change the field, `#N/A` clears it. A delete only sends the `Id`.

    Columns are sent as describe spells them. CR and CRLF in a text are sent as LF, as Salesforce
    would store them, and a null is not sent if the field cannot be null; both are counted. If two
    columns set the same field, such as `AccountId` and `Account.Ext__c`, the empty one is not
    sent.

    Rows are divided into files by their encoded bytes and by their columns. Several jobs run in
    parallel; a later version of a record is loaded after the job of the earlier one has ended.

    Args:
        operation: what to do with the rows.
        external_id: the field that finds the records of an upsert, update or delete.
        columns: the columns of the object.
        api: the bulk API.
        options: the options of the load.
    """

    def __init__(
        self,
        operation: Operation,
        external_id: str | None,
        columns: ObjectColumns,
        api: LoadApi,
        options: LoadOptions,
    ) -> None:
        loss = PrecisionLoss(options.get("precision_loss", PrecisionLoss.FIT))
        self._rules = RowRules(operation, external_id, columns, loss)
        self._columns = columns
        self._api = api
        self._options = options

    def summary(self, records: Records) -> IngestSummary:
        """API call: load all records; rejected rows are reported, not raised.

        Raises:
            DataError: a record cannot be sent; names its number. Earlier jobs are loaded.
            CsvError: the bytes are not CSV, or the header row is not valid.
            JobFailed: Salesforce ended a job. The load waits for the jobs that run in parallel, and
                creates no further one. Not if the reason may pass, such as locks: the rows that
                were not processed are sent again, and reported if that fails too.
            JobAborted: the same, if someone aborted a job and rows of it are unknown. Others are
                sent again, and reported as unprocessed if each attempt is aborted.
            RowCountMismatch: a job has more rows than were sent, or the results of a batch do not
                fit its counts.
            ResultsMismatch: a result belongs to no row that was sent, and a row has no result.
            ApiError: Salesforce refuses a job.
            TransportError: no answer to any attempt.
        """
        changes = self._rules.changes
        summary = IngestSummary(fitted=changes.fitted, nulls_kept=changes.nulls_kept)
        with self._loading(Detail.REJECTED) as (group, loader):
            try:
                for outcome in self._load(group, loader, records):
                    summary.add(outcome)
            except SalesforceError:
                _wait_for_the_others(group)
                raise
        # Parallel jobs end in any order.
        summary.failures.sort(key=lambda outcome: outcome.number)
        return summary

    def outcomes(self, records: Records) -> Generator[RowOutcome, None, None]:
        """API call: load all records; yields the outcome of each, in their order.

        The outcomes of all records that were read are yielded before an error is raised: a record
        that was not sent is unprocessed, one that may be loaded is unknown.

        Raises:
            DataError, CsvError, JobFailed, JobAborted, RowCountMismatch, ResultsMismatch,
                ApiError, TransportError: as `summary`.
        """
        ordered = _InOrder()
        with self._loading(Detail.EVERY_ROW) as (group, loader):
            try:
                for outcome in self._load(group, loader, records):
                    yield from ordered.take(_rows(outcome))
            except SalesforceError as error:
                _wait_for_the_others(group)
                for outcome in loader.settled():
                    yield from ordered.take(_rows(outcome))
                yield from ordered.rest(loader.unsettled(error))
                raise

    def _load(
        self, group: LoadGroup, loader: Loader[Any], records: Records
    ) -> Iterator[FileOutcome | RowOutcome]:
        delimiter = self._options.get("column_delimiter", ColumnDelimiter.COMMA)
        columns = self._options.get("columns")
        rows = numbered_rows(records, columns, self._rules, delimiter)
        for number, row in rows:
            # Only errors of this record get its number, not those of jobs that run meanwhile.
            with naming_record(number):
                known = loader.add(number, row)
            if known:
                yield _known_row(number, known)
            group.advance()
            yield from loader.settled()
        group.drain()
        # `finish` may raise an error; the outcomes are known before.
        yield from loader.settled()
        group.finish()

    @contextmanager
    def _loading(self, detail: Detail) -> Iterator[tuple[LoadGroup, Loader[Any]]]:
        """A group with one loader."""
        api, limits = self._api, BUFFER_LIMITS
        with self._journal() as (journal, folder):
            group = LoadGroup(api.clock, jobs_in_flight=api.jobs_in_flight, limits=limits)
            files = SpoolSettings(
                *(folder, api.encoder, api.limits, self._rules.sobject, api.clock),
                names_record=self._columns.names_record,
                every_version=api.every_version,
            )
            with group:
                carrier = api.carrier(journal, detail)
                serial = partial(api.serial, journal, detail)
                yield (
                    group,
                    group.new_loader(
                        carrier,
                        files,
                        journal=journal,
                        serial=serial,
                        stubs=api.stubs,
                        detail=detail,
                    ),
                )

    @contextmanager
    def _journal(self) -> Iterator[tuple[Journal, Path]]:
        """The journal of the load, and a folder for its files."""
        given = self._options.get("journal", NO_JOURNAL)
        if isinstance(given, (str, Path)):
            rules = self._rules
            name = LoadName(rules.sobject, rules.sobject, rules.operation.value, rules.key or "")
            with self._api.open_journal(Path(given)) as run:
                yield run.load(name), run.folder
                run.end()
        else:
            with temporary_folder() as folder:
                yield given, folder


class _InOrder:
    """Returns outcomes in the order of the records, each after all earlier ones are known."""

    def __init__(self) -> None:
        self._waiting: dict[int, RowOutcome] = {}
        self._next = 1

    def take(self, outcomes: Iterable[RowOutcome]) -> Iterator[RowOutcome]:
        self._waiting.update((outcome.number, outcome) for outcome in outcomes)
        while (outcome := self._waiting.pop(self._next, None)) is not None:
            self._next += 1
            yield outcome

    def rest(self, outcomes: Iterable[RowOutcome]) -> Iterator[RowOutcome]:
        # A row whose result is known has it, although its file is not settled.
        unknown = {one.number: one for one in outcomes if one.number >= self._next}
        rows = unknown | self._waiting
        yield from (rows[number] for number in sorted(rows))


def _known_row(number: int, known: RowStatus) -> RowOutcome:
    """The outcome of a record that an earlier load with the same journal has sent."""
    if known is RowStatus.UNKNOWN:
        reason = "An earlier load sent the record, and it is not known whether it was loaded."
        errors: tuple[RowError, ...] = (RowError(UNKNOWN_CODE, reason),)
        return RowOutcome(number, RowStatus.UNKNOWN, None, False, errors, None)
    return RowOutcome(number, RowStatus.SKIPPED, None, False, (), None)


def check_options(options: LoadOptions, fit: AbstractSet[str], api: str) -> None:
    """Refuse options that this bulk API does not have.

    Raises:
        DataError: names all of them.
    """
    if unfit := sorted(set(options) - fit):
        raise DataError(f"{', '.join(unfit)}: loads by {api} do not have this option.")


def _rows(outcome: FileOutcome | RowOutcome) -> list[RowOutcome]:
    if isinstance(outcome, RowOutcome):
        return [outcome]
    return [*outcome.rows, *outcome.unplaced_rows()]


def _wait_for_the_others(group: LoadGroup) -> None:
    """Wait for the jobs that run in parallel with a failed one; the caller raises its error."""
    with suppress(SalesforceError):
        group.wind_down()
