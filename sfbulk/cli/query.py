"""`sfbulk query`: the rows of a query as a file, also where an earlier run was killed."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from sfbulk.cli.progress import Progress
from sfbulk.cli.query_state import QueryState, StateFile, digest
from sfbulk.cli.row_files import CsvFile, JsonLinesFile
from sfbulk.cli.row_forms import row_form
from sfbulk.cli.session import LOGGER, Stopped
from sfbulk.csvio import MAX_HEADER_BYTES, header_names
from sfbulk.describe.paths import field_at
from sfbulk.error_text import add_note, naming_data
from sfbulk.errors import ApiError, JobError, NotFound
from sfbulk.jobs.disposing import abort_quietly, disposing
from sfbulk.jobs.read_api import ReadApi
from sfbulk.private_files import naming_file
from sfbulk.run_folder import temporary_folder
from sfbulk.soql import ItemKind, parse_select

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sfbulk.cli.session import Session
    from sfbulk.client import Salesforce
    from sfbulk.describe.model import FieldDescribe, SObjectDescribe
    from sfbulk.errors import SalesforceError
    from sfbulk.read.port import ReadJob

STDOUT = "-"
"""The output that is stdout."""


@dataclass(frozen=True)
class Query:
    """What is read, and where it is written.

    Attributes:
        soql: the query.
        output: a file, or `STDOUT`.
        form: one of `ROW_FORMS`.
        api: the API; None for Bulk API 2.0, or REST if that refuses.
        include_deleted: whether deleted and archived rows are read too.
    """

    soql: str
    output: str
    form: str
    api: ReadApi | None
    include_deleted: bool

    def digest(self, org: Salesforce) -> str:
        """What identifies the query in its org."""
        api = self.api.value if self.api else "auto"
        return digest(
            self.soql, self.form, api, self.include_deleted, org.instance_url, org.api_version
        )

    def submit(self, org: Salesforce) -> ReadJob:
        """API call: submit it."""
        return org.read_job(
            self.soql,
            api=self.api or ReadApi.BULK2,
            or_rest=self.api is None,
            include_deleted=self.include_deleted,
        )

    def reopen(self, org: Salesforce, state: QueryState) -> ReadJob:
        """API call: what an earlier run has submitted."""
        return org.open_read_job(
            state.job_id,
            self.soql,
            api=ReadApi(state.api),
            include_deleted=self.include_deleted,
        )


def form_of(output: str, given: str | None) -> str:
    """The form of what is written: as given, or by the end of its name.

    Raises:
        UsageError: neither says it, or it cannot be written there.
    """
    path = Path(output)
    if output == STDOUT:
        form = given or "csv"
        if form == "parquet":
            raise click.UsageError("Parquet needs a file: give its name with -o.")
        return form
    if path.is_dir():
        raise click.UsageError(f"{output} is a folder: give the name of a file with -o.")
    # The output is replaced when it is complete: as root also /dev/null.
    if path.exists() and not path.is_file():
        raise click.UsageError(f"{output} is a device or a pipe: give a file with -o, or -o -.")
    return row_form(path, given)


def query(session: Session, what: Query) -> None:
    """API calls: read a query, and write its rows.

    Raises:
        DataError: the query cannot be parsed.
        SalesforceError: it cannot be read.
        OSError: the file cannot be written.
    """
    sobject = parse_select(what.soql).sobject
    with session.org() as org, Progress(sobject, session.clock) as progress:
        run = _Run(org, what, progress)
        try:
            document = run.to_stdout() if what.output == STDOUT else run.to_file(Path(what.output))
        except Stopped as stopped:
            if what.output != STDOUT:
                add_note(stopped, "The same command goes on from what it has written.")
            raise
    LOGGER.info("%s: %s rows are in %s", sobject, f"{document['rows']:,}", _named(what.output))
    if session.output.as_json:
        session.output.document(document)


def _named(output: str) -> str:
    return "standard output" if output == STDOUT else output


class _Run:
    """One run of a query."""

    def __init__(self, org: Salesforce, what: Query, progress: Progress) -> None:
        self._org = org
        self._what = what
        self._progress = progress
        self._job: ReadJob | None = None
        progress.doing = self._doing

    def to_stdout(self) -> dict[str, Any]:
        """API calls: write all rows to stdout."""
        out = sys.stdout.buffer
        rows = self._row_file(out, None)
        with disposing(self._what.submit(self._org)) as job:
            state = self._write(job, rows, QueryState("", "", job.id), None)
        out.flush()
        return self._document(state, resumed=False)

    def to_file(self, output: Path) -> dict[str, Any]:
        """API calls: write all rows to a file, which is there when it has them all."""
        # The file a link leads to is written, and the link stays.
        output = Path(os.path.realpath(output))
        files = StateFile(output)
        output.parent.mkdir(parents=True, exist_ok=True)
        with files.locked():
            return self._to_locked_file(files, output)

    def _to_locked_file(self, files: StateFile, output: Path) -> dict[str, Any]:
        query = self._what.digest(self._org)
        earlier = files.load(query)
        try:
            state = self._read_on(files, query, earlier)
        except NotFound as error:
            if earlier is None:
                raise
            # Salesforce has the job, or not even that, but not its results any more.
            self._log_restart(error)
            earlier = None
            state = self._read_on(files, query, None)
        self._finish(files, output)
        files.remove()
        return self._document(state, resumed=earlier is not None and earlier.rows > 0)

    def _read_on(self, files: StateFile, query: str, state: QueryState | None) -> QueryState:
        """API calls: write the rows that are missing; returns the state of the whole file."""
        if state and state.done:
            return state
        job, state = self._begin(files, query, state)
        with disposing(job), _grown(files.part, state.bytes) as file:
            rows = self._row_file(file, files.part if state.bytes else None)
            return self._write(job, rows, state, files)

    def _begin(
        self, files: StateFile, query: str, state: QueryState | None
    ) -> tuple[ReadJob, QueryState]:
        """API calls: the job of an earlier run, or a new one, and where to read on."""
        if state and (job := self._reopened(state)):
            LOGGER.info(
                "%s: reading on after the %s rows that an earlier run has written",
                job.object_name,
                f"{state.rows:,}",
            )
            return job, state
        job = self._what.submit(self._org)
        state = QueryState(query, job.api.value, job.id)
        files.save(state)
        return job, state

    def _reopened(self, state: QueryState) -> ReadJob | None:
        """API calls: the job of an earlier run, if it has results or will have them."""
        try:
            job = self._what.reopen(self._org, state)
        except ApiError as error:
            self._log_restart(error)
            return None
        try:
            # A query that bulk refuses has a failed job; it is submitted again, and goes to REST.
            self._wait(job)
        except (JobError, ApiError) as error:
            self._log_restart(error)
            return None
        except BaseException:
            if not job.has_ended:
                abort_quietly(job)
            raise
        return job

    def _log_restart(self, error: SalesforceError) -> None:
        LOGGER.info(
            "What an earlier run has begun has ended or expired (%s): the query is started again",
            error.message.rstrip("."),
        )

    def _wait(self, job: ReadJob) -> None:
        self._job = job
        job.wait()
        self._progress.total = job.records_processed

    def _write(
        self, job: ReadJob, rows: CsvFile, state: QueryState, files: StateFile | None
    ) -> QueryState:
        """API calls: write the rows of all pages from the state on, and return the last state."""
        self._wait(job)
        state = replace(state, api=job.api.value, job_id=job.id)
        self._progress.begin(state.rows)
        written = state.rows
        with temporary_folder() as spool:
            for page in job.pages(spool, start=state.locator, rows_before=state.rows):
                with naming_file(self._where(files)), naming_data(page.name, page.job_id):
                    added = rows.add(page.path)
                page.check_rows(added)
                written += added
                self._progress.rows = written
                self._progress.total = job.records_processed
                # Only from such a page on another run can read on.
                if files and page.next_locator:
                    with naming_file(files.part):
                        state = _reached(state, rows, written, page.next_locator)
                    files.save(state)
        # A query without rows may have no page that names its columns.
        rows.begin(rows.columns or _selected(self._what.soql))
        if files is None:
            return replace(state, rows=written)
        with naming_file(files.part):
            state = replace(_reached(state, rows, written, state.locator), done=True)
        files.save(state)
        return state

    def _where(self, files: StateFile | None) -> Path:
        return files.part if files else Path(_named(STDOUT))

    def _row_file(self, file: IO[bytes], begun: Path | None) -> CsvFile:
        if self._what.form == "jsonl":
            return JsonLinesFile(file, self._fields)
        # Parquet is made of a CSV file in the end, since a Parquet file cannot grow.
        return CsvFile(file, _columns(begun) if begun else None)

    def _finish(self, files: StateFile, output: Path) -> None:
        if self._what.form != "parquet":
            files.part.replace(output)
            return
        from sfbulk.frames import write_parquet  # noqa: PLC0415 - Polars, for Parquet only

        # A kill while it is made leaves the CSV file, of which it is made again.
        made = output.with_name(f"{output.name}.made")
        columns = _columns(files.part)
        sobject = parse_select(self._what.soql).sobject
        write_parquet(files.part, self._fields(columns), made, sobject=sobject)
        made.replace(output)
        files.part.unlink()

    def _fields(self, columns: Sequence[str]) -> Mapping[str, FieldDescribe | None]:
        """API calls: the fields of columns; None for those that are not known."""
        described = self._described(parse_select(self._what.soql).sobject)
        if described is None:
            return dict.fromkeys(columns)
        return {name: field_at(name, described, self._described) for name in columns}

    def _described(self, name: str) -> SObjectDescribe | None:
        try:
            return self._org.describe(name)
        except ApiError:
            # The user may see a field of a parent, but not the parent's describe.
            return None

    def _doing(self) -> str:
        job = self._job
        if job is None:
            return "submitting the query"
        if not job.has_ended:
            return f"job {job.id} is running"
        return f"reading job {job.id}" if job.id else "reading by REST"

    def _document(self, state: QueryState, *, resumed: bool) -> dict[str, Any]:
        return {
            "output": self._what.output,
            "rows": state.rows,
            "api": state.api,
            "job_id": state.job_id or None,
            "resumed": resumed,
        }


def _reached(state: QueryState, rows: CsvFile, written: int, locator: str | None) -> QueryState:
    """The state after the rows that are written so far, which are on the disk then."""
    rows.write_out()
    return replace(state, rows=written, bytes=rows.file.tell(), locator=locator)


def _selected(soql: str) -> list[str]:
    """The columns of a query without rows, as far as it names them."""
    items = parse_select(soql).items
    # Of FIELDS(STANDARD) and the like only Salesforce knows the columns.
    is_known = all(item.kind is ItemKind.FIELD for item in items)
    return [item.alias or item.name for item in items] if is_known else []


def _columns(part: Path) -> list[str]:
    with part.open("rb") as file:
        return header_names(file.readline(MAX_HEADER_BYTES))


@contextmanager
def _grown(part: Path, size: int) -> Iterator[IO[bytes]]:
    """The unfinished file, with nothing after so many bytes."""
    file = part.open("r+b" if size else "w+b")
    try:
        file.truncate(size)
        file.seek(size)
        yield file
    finally:
        # What is still buffered is written here, which fails again on a full disk.
        with naming_file(part):
            file.close()
