"""`sfbulk load`: the records of a file into one object, with a journal and rejects."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from sfbulk.cli.describe import describe_object
from sfbulk.cli.last_step import do_last
from sfbulk.cli.load_page import LoadPage
from sfbulk.cli.progress import Progress
from sfbulk.cli.rejects import Rejects
from sfbulk.cli.session import LOGGER, Stopped
from sfbulk.count_or_share import CountOrShare
from sfbulk.error_text import add_note
from sfbulk.errors import ConfigError, DataError, JournalError, SalesforceError
from sfbulk.jobs.operation import Operation
from sfbulk.load.alignment import aligned
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.dry_run import remove_written
from sfbulk.load.journal import NO_JOURNAL
from sfbulk.load.journal_entries import LoadName
from sfbulk.load.outcomes import Counts, Detail, RowStatus
from sfbulk.load.records import RowRules
from sfbulk.private_files import private_folder
from sfbulk.report_page import PageStream
from sfbulk.run_folder import temporary_folder
from sfbulk.start import ignore_signals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk.bulk1.states import Concurrency
    from sfbulk.cli.load_input import LoadInput
    from sfbulk.cli.session import Session
    from sfbulk.client import Salesforce
    from sfbulk.load.group import LoadGroup
    from sfbulk.load.journal import Journal
    from sfbulk.load.loader import Loader
    from sfbulk.load.outcomes import FileOutcome, WrittenFile
    from sfbulk.load.row import Row
    from sfbulk.load.run_journal import RunJournal


class MaxRejects(CountOrShare):
    """How many records may be refused."""

    setting = "--max-rejects"


@dataclass(frozen=True)
class Load:
    """What is loaded, and how.

    Attributes:
        source: the records.
        sobject: the object.
        operation: what to do with them.
        external_id: the field that finds records; None for the Id.
        output_dir: where rejects, the journal and the files of a dry run are.
        max_rejects: how many records may be refused.
        bulk1_mode: the mode of Bulk API 1.0; None for Bulk API 2.0.
        has_journal: whether each step is recorded.
        dry_run: whether nothing is sent.
    """

    source: LoadInput
    sobject: str
    operation: Operation
    external_id: str | None
    output_dir: Path
    max_rejects: MaxRejects
    bulk1_mode: Concurrency | None
    has_journal: bool
    dry_run: bool

    @property
    def name(self) -> str:
        """The name of the input, in the names of the files beside it."""
        return self.source.path.stem

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.output_dir / f"{self.name}.journal.sqlite"

    @property
    def dry_run_folder(self) -> Path:
        """The folder of what a dry run writes."""
        return self.output_dir / "dry-run" / self.name

    @property
    def folder(self) -> Path:
        """Where files about the load are written; a dry run leaves those of the last one alone."""
        return self.dry_run_folder if self.dry_run else self.output_dir

    @property
    def rejects(self) -> Path:
        """The rejects file."""
        return self.folder / f"{self.name}.rejects.jsonl"


def load(session: Session, what: Load) -> None:
    """API calls: load a file.

    Raises:
        ConfigError: the object has no such columns.
        DataError: the file cannot be read, or more records are refused than may be.
        SalesforceError: it cannot be loaded.
    """
    private_folder(what.output_dir)
    page = LoadPage(what.folder, what.source.path, session.clock, is_dry=what.dry_run)
    with page.written():
        _load(session, what, page)


def _load(session: Session, what: Load, page: LoadPage) -> None:
    with session.org() as org, Progress(what.sobject, session.clock) as progress:
        run = _Run(org, what, progress, page)
        try:
            run.load(partial(_tell, session, run, progress))
        except Stopped as stopped:
            add_note(stopped, run.hint)
            raise
        except SalesforceError as error:
            if run.read:
                add_note(error, f"({run.summary()} {run.hint})")
            raise
    if run.has_too_many_rejects:
        too_many = DataError(
            f"{what.sobject}: refused records: {run.rejects.count:,} of {run.read:,}, more than "
            f"--max-rejects {what.max_rejects}: {run.rejects.reasons()}; see {what.rejects}"
        )
        if not what.dry_run:
            add_note(too_many, f"({run.hint})")
        raise too_many


def _tell(session: Session, run: _Run, progress: Progress) -> None:
    """Say what happened to the records."""
    progress.end()
    if session.output.as_json:
        session.output.document(run.document())
    for file in run.written:
        LOGGER.info("Written instead of sent: %s, rows: %s", file.path, f"{file.rows:,}")
    LOGGER.info("%s", run.summary())


def _forget(run: RunJournal) -> int:
    """Forget the rows of a load that is done, so that the same file can be loaded again.

    Returns:
        The exit code: 1 if they cannot be forgotten. The same command then loads no row again, and
        forgets them.
    """
    try:
        run.end()
    except JournalError as error:
        LOGGER.error("%s", error.message)
        return 1
    return 0


class _Run:
    """One run of a load."""

    def __init__(self, org: Salesforce, what: Load, progress: Progress, page: LoadPage) -> None:
        self._org = org
        self._what = what
        self._progress = progress
        self._page = page
        self.rejects = Rejects(what.rejects, what.source.originals, page.refused)
        self.read = 0
        self.counts = Counts()
        self.job_ids: list[str] = []
        self.written: list[WrittenFile] = []
        self._loader: Loader[Any] | None = None
        progress.doing = self._doing
        page.hint, page.counts = self.hint, self._page_stream

    @property
    def hint(self) -> str:
        """What to do after a run that did not come to its end."""
        if self._what.has_journal:
            return "Run the same command again: what is loaded is not sent again."
        return "Without a journal, rows that are loaded would be sent again."

    @property
    def has_too_many_rejects(self) -> bool:
        """Whether more records are refused than may be."""
        return self.rejects.count > self._what.max_rejects.of(self.read)

    def load(self, tell: Callable[[], None]) -> None:
        """API calls: load all records, and tell of them before the journal forgets them."""
        self._check_columns()
        with self._journal() as (journal, folder):
            # Not before: another run of the same load may hold the journal.
            self.rejects.begin()
            group = self._org.load_group()
            with group:
                self._loader = self._new_loader(group, journal, folder)
                try:
                    self._send(group, self._loader)
                except SalesforceError:
                    # What is known of the records before is written down before the error.
                    with suppress(SalesforceError):
                        group.wind_down()
                    self._take(self._loader)
                    raise
                # After a signal too: the next run reports only what it sends itself.
                finally:
                    self.rejects.write(self._loader.settled_to)
            tell()
            # From here on no exit code says that the rows should be sent again.
            ignore_signals()

    def _send(self, group: LoadGroup, loader: Loader[Any]) -> None:
        self._progress.begin()
        # JSON records may lack columns; with those of the others they share a job.
        for number, row in aligned(self._rows(), self._rules):
            try:
                known = loader.add(number, row)
            except DataError as error:
                self.rejects.add_unsent(number, error)
                continue
            self._count_known(number, known)
            group.advance()
            self._take(loader)
        self._progress.total = self.read
        # From here on the engine waits inside one call, for as long as jobs run.
        group.on_step = lambda: self._take(loader)
        group.drain()
        self._take(loader)
        group.finish()
        self.rejects.write(self.read)

    def _rows(self) -> Iterator[tuple[int, Row]]:
        """API call, with the first record: the rows of the records that can be sent."""
        maker = self._what.source.maker(self._rules)
        for number, record in enumerate(self._what.source.records(), start=1):
            self.read = number
            try:
                row = maker.row(record)
            except DataError as error:
                self.rejects.add_unsent(number, error)
            else:
                yield number, row

    def _count_known(self, number: int, known: RowStatus | None) -> None:
        """Count a record that an earlier run has sent."""
        if known is RowStatus.UNKNOWN:
            reason = "An earlier run sent the record, and it is not known whether it was loaded."
            self.rejects.add_known(number, reason)
        elif known is not None:
            self.counts.skipped += 1

    def _take(self, loader: Loader[Any]) -> None:
        """Count the outcomes that are new, and write rejects."""
        outcomes = list(loader.settled())
        # There is a call for each record, and most have nothing new.
        if not outcomes:
            return
        for outcome in outcomes:
            self._count(outcome)
        self.rejects.write(loader.settled_to)
        self._progress.rows = self.counts.total

    def _count(self, outcome: FileOutcome) -> None:
        self.counts.add(outcome.counts)
        self._page.sent(outcome)
        if outcome.job_id and outcome.job_id not in self.job_ids:
            self.job_ids.append(outcome.job_id)
        if outcome.written:
            self.written.append(outcome.written)
        for row in (*outcome.rows, *outcome.unplaced_rows()):
            if row.is_reject:
                self.rejects.add(row)

    @cached_property
    def _rules(self) -> RowRules:
        what = self._what
        columns = ObjectColumns(what.sobject, self._org.describe)
        return RowRules(what.operation, what.external_id, columns)

    def _check_columns(self) -> None:
        """API call: find columns that the object does not have, before the first job.

        Raises:
            ConfigError: names them, or there is no such object.
        """
        what = self._what
        describe_object(self._org, what.sobject)
        # Records of JSON lines may have others later; Salesforce refuses those by job.
        names = next(iter(what.source.records()), {})
        if what.operation in (Operation.DELETE, Operation.HARD_DELETE):
            # Only the key is sent.
            names = {}
        key = self._rules.key
        unknown = [
            name
            for name in (*names, *filter(None, [key]))
            if not self._rules.columns.column(name).known
        ]
        if unknown:
            fields = ", ".join(dict.fromkeys(unknown))
            hint = f"`sfbulk describe {what.sobject}` lists its fields."
            raise ConfigError([f"{what.sobject} has no {fields} that this user may see. {hint}"])

    def _new_loader(self, group: LoadGroup, journal: Journal, folder: Path) -> Loader[Any]:
        what = self._what
        return self._org.loader(
            what.sobject,
            what.operation,
            folder,
            group=group,
            external_id=what.external_id,
            detail=Detail.CREATED,
            bulk1_mode=what.bulk1_mode,
            dry_run=self._dry_run_prefix(),
            journal=journal,
        )

    def _dry_run_prefix(self) -> Path | None:
        what = self._what
        if not what.dry_run:
            return None
        private_folder(what.dry_run_folder)
        prefix = what.dry_run_folder / what.name
        # Files of the last one would look like a part of this one.
        remove_written(prefix)
        return prefix

    @contextmanager
    def _journal(self) -> Iterator[tuple[Journal, Path]]:
        """API calls: the journal, and a folder for files; what an earlier run left is settled."""
        what = self._what
        if not what.has_journal or what.dry_run:
            with temporary_folder() as folder:
                yield NO_JOURNAL, folder
            return
        key = self._rules.key or ""
        try:
            opened = self._org.open_journal(what.journal)
        except JournalError as error:
            add_note(error, "It lies in --output-dir.")
            raise
        with ExitStack() as stack:
            run = stack.enter_context(opened)
            yield run.load(LoadName(what.name, what.sobject, what.operation.value, key)), run.folder
            # Somebody may run it again because of its exit code: then it must not load a row twice.
            if not self.has_too_many_rejects:
                do_last(partial(_forget, run), stack.pop_all().close)

    def summary(self) -> str:
        """What happened to the records."""
        counts = self.counts
        done = "could be sent" if self._what.dry_run else "in"
        parts = [f"{self.read:,} records read", f"{counts.succeeded:,} {done}"]
        parts += [f"{self.rejects.count:,} refused"] if self.rejects.count else []
        parts += [f"{counts.skipped:,} in before"] if counts.skipped else []
        parts += [f"{counts.replaced:,} replaced by later ones"] if counts.replaced else []
        return f"{self._what.sobject}: {', '.join(parts)}."

    def document(self) -> dict[str, Any]:
        """What happened to the records, as JSON."""
        what, counts = self._what, self.counts
        return {
            "file": str(what.source.path),
            "sobject": what.sobject,
            "operation": what.operation.value,
            "dry_run": what.dry_run,
            "read": self.read,
            "succeeded": counts.succeeded,
            "created": counts.created,
            "skipped": counts.skipped,
            "replaced": counts.replaced,
            "rejected": self.rejects.count,
            "rejects": str(what.rejects) if self.rejects.count else None,
            "fitted": dict(self._rules.changes.fitted),
            "job_ids": self.job_ids,
            "files": [str(file.path) for file in self.written],
        }

    def _page_stream(self) -> PageStream:
        """What happened to the records, for the page."""
        what, counts, changes = self._what, self.counts, self._rules.changes
        known = counts.succeeded + counts.skipped + self.rejects.count
        return PageStream(
            what.source.path.name,
            what.sobject,
            what.operation.value,
            self.read,
            counts.succeeded,
            counts.created,
            counts.skipped,
            self.rejects.count,
            left=0 if what.dry_run else max(self.read - known, 0),
            fitted=changes.fitted,
            nulls_kept=changes.nulls_kept,
            jobs=len(self.job_ids),
            files=[(str(file.path), file.rows, file.bytes) for file in self.written],
        )

    def _doing(self) -> str:
        if self._loader is None:
            return "settling what an earlier run left" if self._what.has_journal else ""
        running, sent = self._loader.running, self._loader.sent_rows
        jobs = f"{len(running):,} job{'' if len(running) == 1 else 's'} in flight"
        if running:
            jobs += f": {', '.join(running)}"
        refused = f", {self.rejects.count:,} refused" if self.rejects.count else ""
        return f"{self.read:,} read, {sent:,} sent{refused}, {jobs}"
