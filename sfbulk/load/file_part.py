"""The part of a file that is sent after its records were looked up, and the rows that are not."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder, CsvRows
from sfbulk.csvio.cells import NULL
from sfbulk.jobs.files import read_chunks
from sfbulk.jobs.row_error import RowError
from sfbulk.load.find_ids import SEVERAL
from sfbulk.load.outcomes import Counts, Detail, RowOutcome, RowStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk.load.find_ids import KeyField
    from sfbulk.load.resolution import Resolution
    from sfbulk.load.row_file import RowFile

NO_SUCH_RECORD = "NO_SUCH_RECORD"
"""The client's own error code for a key that no record has."""
SEVERAL_RECORDS = "SEVERAL_RECORDS"
"""The client's own error code for a key that several records have."""

_BLANK = ("", NULL)
_CSV = CsvRows()


class FilePart:
    """The rows of a file that are sent, in a file of their own beside it.

    Args:
        file: the CSV, complete on disk.
        resolution: what is looked up.
        key: the field whose values are the keys.
        detail: which rows have an outcome of their own.
    """

    def __init__(
        self, file: RowFile, resolution: Resolution, key: KeyField, detail: Detail
    ) -> None:
        self._file = file
        self._resolution = resolution
        self._key = key
        self._detail = detail
        self._key_at = file.columns.index(file.spelled(resolution.key))
        self._create_only = [
            at for at, name in enumerate(file.columns) if resolution.is_create_only(name)
        ]
        path = file.path.with_name(f"{file.path.name}-sent")
        self.sent = replace(
            file,
            path=path,
            columns=self._columns(),
            numbers=array("Q"),
            digests=bytearray(),
            origin=file,
            entry=None,
            size=0,
            _buffer=bytearray(),
        )
        """The rows that are sent; without rows, there is nothing to send."""
        self.counts = Counts()
        """Of the rows that are not sent."""
        self.outcomes: list[RowOutcome] = []
        """Of the rows that are not sent, as far as the load wants them."""

    @property
    def is_whole(self) -> bool:
        """Whether the file is sent as it is, whatever records exist."""
        plan = self._resolution
        return not (plan.by_id or plan.new_only or self._create_only)

    def keys(self) -> Iterator[str]:
        """The keys of the rows; a row without one is a new record."""
        for cells in self._rows():
            if cells[self._key_at] not in _BLANK:
                yield cells[self._key_at]

    def take(self, ids: Mapping[str, str]) -> None:
        """Write the rows that are sent.

        Args:
            ids: by the normal form of its key, the id of each record, or `SEVERAL`.
        """
        self.sent.append(_CSV.head(self.sent.columns))
        take = self._to_id if self._resolution.by_id else self._to_upsert
        for at, cells in enumerate(self._rows()):
            key = cells[self._key_at]
            take(at, cells, None if key in _BLANK else ids.get(self._key.normalize(key)))
        self.sent.write_out()

    def remove(self) -> None:
        """Remove the file of the rows that were sent."""
        self.sent.path.unlink()

    def _to_id(self, at: int, cells: list[str], record_id: str | None) -> None:
        """A row of an update or delete."""
        sobject, key = self._resolution.sobject, self._key.name
        if record_id is None and self._resolution.existing_only:
            self._leave_out(at, RowStatus.SKIPPED)
        elif record_id is None:
            reason = f"no {sobject} has this {key}, and {self._resolution.operation.value} creates "
            self._fail(at, NO_SUCH_RECORD, f"{reason}no record")
        elif record_id is SEVERAL:
            self._fail(at, SEVERAL_RECORDS, f"several {sobject} records have this {key}")
        else:
            cells[self._key_at] = record_id
            self._send(at, cells)

    def _to_upsert(self, at: int, cells: list[str], record_id: str | None) -> None:
        if record_id is None:
            self._send(at, cells)
        elif self._resolution.new_only:
            known = None if record_id is SEVERAL else record_id
            self._leave_out(at, RowStatus.SKIPPED, known)
        else:
            for column in self._create_only:
                cells[column] = ""
            self._send(at, cells)

    def _send(self, at: int, cells: list[str]) -> None:
        self.sent.append(_CSV.row(self.sent.columns, cells, ()))
        self.sent.numbers.append(self._file.numbers[at])
        size = len(self._file.digests) // self._file.rows
        self.sent.digests += self._file.digests[at * size : (at + 1) * size]

    def _fail(self, at: int, code: str, message: str) -> None:
        self._leave_out(at, RowStatus.FAILED, error=RowError(code, message, (self._key.name,)))

    def _leave_out(
        self,
        at: int,
        status: RowStatus,
        record_id: str | None = None,
        error: RowError | None = None,
    ) -> None:
        errors = (error,) if error else ()
        outcome = RowOutcome(self._file.numbers[at], status, record_id, False, errors, None)
        self.counts.count([outcome])
        if error or self._detail is Detail.EVERY_ROW:
            self.outcomes.append(outcome)

    def _columns(self) -> tuple[str, ...]:
        if not self._resolution.by_id:
            return self._file.columns
        columns = list(self._file.columns)
        columns[self._key_at] = "Id"
        return tuple(columns)

    def _rows(self) -> Iterator[list[str]]:
        decoder = CsvDecoder()
        for chunk in read_chunks(self._file.path):
            yield from decoder.feed(chunk)
        yield from decoder.flush()
