"""Processes an ingest job: saves 200 rows at a time and writes a result for each row."""

from __future__ import annotations

from enum import Enum
from itertools import chain, islice
from typing import TYPE_CHECKING

from sfbulk_sandbox.bulk2.jobs import JobFailure, JobState, end_early
from sfbulk_sandbox.bulk2.results import ResultLog
from sfbulk_sandbox.bulk2.uploads import Upload, UploadRefusedError
from sfbulk_sandbox.faults.errors import Fault, RowError
from sfbulk_sandbox.limits import DAILY_INGEST_BATCHES
from sfbulk_sandbox.rules.columns import described_name
from sfbulk_sandbox.rules.csvcells import NULL, typed_parser

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from sfbulk_sandbox.bulk2.jobs import Job
    from sfbulk_sandbox.faults.fault_script import Script
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.org.org import Loader, Operation, Org, RowResult
    from sfbulk_sandbox.schema.values import Stored

# Bulk API guide: How Requests Are Processed.
BATCH_ROWS = 10_000
CHUNK_ROWS = 200


class ResultKind(str, Enum):
    """The three results of a job. Their names in paths are not case sensitive."""

    SUCCESSFUL = "successfulresults"
    FAILED = "failedresults"
    UNPROCESSED = "unprocessedrecords"


class IngestWork:
    """The processing of one ingest job: its upload and its results.

    Attributes:
        upload_path: The file of the uploaded bytes.
    """

    def __init__(
        self, org: Org, operation: Operation, *, script: Script, usage: Usage, folder: Path
    ) -> None:
        self._org = org
        self._operation = operation
        self._script = script
        self._usage = usage
        self.upload_path = folder / "upload.csv"
        self._successful = ResultLog(folder / "successful.csv")
        self._failed = ResultLog(folder / "failed.csv")

    def run(self, job: Job) -> None:
        """Load the rows. After a failure or an abort, the other rows stay unprocessed."""
        if not job.uploads:
            raise JobFailure("InvalidBatch : No data was uploaded")
        try:
            self._load(job)
        except UploadRefusedError as refusal:
            raise JobFailure(str(refusal)) from None
        except Fault as fault:
            raise JobFailure(f"{fault.code} : {fault.message}") from None
        finally:
            # Also after a failure: saved rows have results.
            self._successful.seal()
            self._failed.seal()

    def results(self, job: Job, kind: ResultKind) -> Iterator[bytes]:
        """Yield one of the three results as CSV, header first."""
        columns = self._columns(job)
        # As recorded: the two sf__ names are quoted, the uploaded names are not.
        start = {
            ResultKind.SUCCESSFUL: ["sf__Id", "sf__Created"],
            ResultKind.FAILED: ["sf__Id", "sf__Error"],
            ResultKind.UNPROCESSED: [],
        }[kind]
        quoted = [f'"{name}"' for name in start]
        names = [*quoted, *(column.name for column in columns)]
        yield (job.dialect.delimiter.join(names) + job.dialect.line_ending).encode()
        if kind is ResultKind.UNPROCESSED:
            yield from self._unprocessed(job, columns)
        else:
            log = self._successful if kind is ResultKind.SUCCESSFUL else self._failed
            yield from log.read()

    def discard(self) -> None:
        """Remove the files."""
        self.upload_path.unlink(missing_ok=True)
        self._successful.delete()
        self._failed.delete()

    def _load(self, job: Job) -> None:
        upload = self._upload(job)
        total = upload.check()
        job.total = total
        loader = self._org.loader(self._operation, job.object, upload.header(), job.external_id)
        columns = self._columns(job)
        fault = self._script.for_job(job.object, job.operation, lambda: total)
        chunks = interleaved_chunks(upload.rows())
        if fault:
            chunks = _first_rows(chunks, fault.after_rows)
        # A job counts one batch for every 10,000 rows.
        self._usage.count(DAILY_INGEST_BATCHES, -(-total // BATCH_ROWS))
        for chunk in chunks:
            if job.state is not JobState.IN_PROGRESS:
                break
            self._save(job, loader, columns, chunk)
        if fault:
            end_early(job, fault, self._org.clock)

    def _save(
        self, job: Job, loader: Loader, columns: list[_Column], chunk: list[list[str]]
    ) -> None:
        names = [column.name for column in columns]
        for cells, result in zip(chunk, loader.save(chunk), strict=True):
            if result.success:
                texts = [column.text(cells) for column in columns]
                created = "true" if result.created else "false"
                self._successful.add(job.dialect.encode([result.id or "", created, *texts]))
            else:
                job.failed += 1
                job.refusals.add(names, [column.raw(cells) for column in columns], result.errors)
                texts = [column.text_of_failed(cells) for column in columns]
                self._failed.add(job.dialect.encode([result.id or "", error_text(result), *texts]))
        # After the results are written: unprocessedrecords begins at this row.
        job.processed += len(chunk)

    def _unprocessed(self, job: Job, columns: list[_Column]) -> Iterator[bytes]:
        rows = islice(chain.from_iterable(interleaved_chunks(self._rows(job))), job.processed, None)
        raw = ([column.raw(cells) for column in columns] for cells in rows)
        yield from job.dialect.encode_all(raw)

    def _rows(self, job: Job) -> Iterator[list[str]]:
        # A job that was aborted before its upload.
        if not job.uploads:
            return
        try:
            yield from self._upload(job).rows()
        except UploadRefusedError:
            # After this point the upload cannot be parsed, so it has no more rows.
            return

    def _upload(self, job: Job) -> Upload:
        return Upload(
            self.upload_path,
            job.dialect.delimiter,
            job.settings.line_ending,
            self._org.behaviour,
        )

    def _columns(self, job: Job) -> list[_Column]:
        """Return the uploaded columns that are fields. Results have no other columns."""
        if not job.uploads:
            return []
        try:
            header = self._upload(job).header()
        except UploadRefusedError:
            return []
        sobject = self._org.schema.sobject(job.object)
        if sobject is None:
            return []
        is_lost = self._org.behaviour.has("column_case", "lost")
        columns: list[_Column] = []
        for index, name in enumerate(header):
            field = sobject.field(name)
            if field or "." in name:
                described = described_name(self._org.schema, sobject, name)
                parse = typed_parser(field, self._org.behaviour) if field else None
                columns.append(_Column(name, index, parse, is_lost=is_lost and described != name))
        return columns


def interleaved_chunks(rows: Iterator[list[str]]) -> Iterator[list[list[str]]]:
    """Yield the chunks of a job's rows, in the order in which they are saved.

    Salesforce processes the batches of a job in parallel. Here two batches take turns, one chunk
    each, in the same order at every run. So a client fails if it relies on the order of rows in its
    file, or has a key in two batches.
    """
    while pair := list(islice(rows, 2 * BATCH_ROWS)):
        for start in range(0, BATCH_ROWS, CHUNK_ROWS):
            for first in (start, BATCH_ROWS + start):
                if chunk := pair[first : first + CHUNK_ROWS]:
                    yield chunk


def _first_rows(chunks: Iterator[list[list[str]]], count: int) -> Iterator[list[list[str]]]:
    for chunk in chunks:
        if count <= 0:
            return
        yield chunk[:count]
        count -= len(chunk)


class _Column:
    """One uploaded column, and the text of its cells in results."""

    def __init__(
        self, name: str, index: int, parse: Callable[[str], Stored] | None, *, is_lost: bool
    ) -> None:
        self.name = name
        self._index = index
        self._parse = parse
        self._is_lost = is_lost

    def raw(self, cells: Sequence[str]) -> str:
        """Return the cell as uploaded; empty if the row is too short."""
        return cells[self._index] if self._index < len(cells) else ""

    def text(self, cells: Sequence[str]) -> str:
        """Return the cell as the org parsed it, or as uploaded if it cannot be parsed."""
        text = cells[self._index] if self._index < len(cells) else ""
        if not text or text == NULL:
            return ""
        if self._parse is None:
            return text
        try:
            return str(self._parse(text))
        except RowError:
            return text

    def text_of_failed(self, cells: Sequence[str]) -> str:
        """Return the cell for failedResults."""
        return "" if self._is_lost else self.text(cells)


def error_text(result: RowResult) -> str:
    """Return sf__Error: `code:message:fields --`, or `code:message:--` without fields."""
    return ";".join(
        f"{error.code}:{error.message}:{','.join(error.fields)}{' ' if error.fields else ''}--"
        for error in result.errors
    )
