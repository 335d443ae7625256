"""A carrier that writes the files that would be sent into a folder, and sends nothing."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.csvio import CsvDecoder
from sfbulk.jobs.files import read_chunks
from sfbulk.load.loader import Flight
from sfbulk.load.outcomes import Counts, FileOutcome, WrittenFile
from sfbulk.private_files import make_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sfbulk.load.find_ids import KeyField
    from sfbulk.load.row_file import RowFile


def remove_written(prefix: Path) -> None:
    """Remove the files that an earlier dry run has written with this prefix, and no others.

    Raises:
        OSError: a file cannot be removed; names it.
    """
    made = re.compile(rf"{re.escape(prefix.name)}-[0-9]{{4,}}\.csv")
    for path in prefix.parent.glob("*.csv"):
        if made.fullmatch(path.name):
            path.unlink()


@dataclass(eq=False, kw_only=True)
class WrittenFlight(Flight):
    """A file that was written instead of sent."""

    written: WrittenFile


class WrittenFiles:
    """The files that all loads of a dry run have written so far, in the order of a run."""

    def __init__(self) -> None:
        self._files: list[tuple[str, WrittenFile]] = []

    def add(self, sobject: str, written: WrittenFile) -> None:
        """Remember a file of rows of an object."""
        self._files.append((sobject.casefold(), written))

    def new_ids(self, sobject: str, key: KeyField, keys: Iterable[str]) -> dict[str, str]:
        """Stand-ins for the ids of records that the run itself would have created by now.

        Reads the files again, so that no key is kept in memory.

        Args:
            sobject: the object.
            key: the field whose values are the keys.
            keys: texts of keys that the org does not have.

        Returns:
            `new record <key>` by the normal form of each key that a file has.
        """
        wanted = {key.normalize(text) for text in keys}
        found: dict[str, str] = {}
        for of, written in self._files:
            names = [name.casefold() for name in written.columns]
            if of == sobject.casefold() and key.name.casefold() in names and wanted:
                for text in _column(written.path, names.index(key.name.casefold())):
                    if (form := key.normalize(text)) in wanted:
                        wanted.remove(form)
                        found[form] = f"new record {text}"
        return found


class DryRunCarrier:
    """Writes each file as `<prefix>-0001.csv` and so on.

    Args:
        prefix: The beginning of the paths; the folder exists.
        sobject: The object of its rows.
        files: Those of the whole dry run.
    """

    def __init__(self, prefix: Path, sobject: str, files: WrittenFiles) -> None:
        self._prefix = prefix
        self._sobject = sobject
        self.files = files
        self._made = 0

    def send(self, file: RowFile) -> WrittenFlight:
        """Write a file.

        Raises:
            OSError: it cannot be written; names the file.
        """
        self._made += 1
        path = self._prefix.with_name(f"{self._prefix.name}-{self._made:04d}.csv")
        make_private(path)
        shutil.copyfile(file.path, path)
        written = WrittenFile(path, file.rows, file.size, file.columns)
        self.files.add(self._sobject, written)
        return WrittenFlight(file, written=written)

    def next_look(self, flights: Sequence[WrittenFlight]) -> float:  # noqa: ARG002 - a carrier's signature
        """At once."""
        return 0.0

    def look(self, flights: Sequence[WrittenFlight]) -> list[WrittenFlight]:
        """All files; none has a job to wait for."""
        return list(flights)

    def read(self, flight: WrittenFlight) -> FileOutcome:
        """The outcome of a file: all its rows could be sent."""
        written = flight.written
        counts = Counts(succeeded=written.rows)
        return FileOutcome(flight.file, None, counts, [], written=written)

    def finish(self) -> None:
        """Do nothing."""

    def abandon(self, flights: Sequence[WrittenFlight]) -> None:
        """Do nothing."""


def _column(path: Path, at: int) -> Iterator[str]:
    """The cells of one column of a CSV file."""
    decoder = CsvDecoder()
    for chunk in read_chunks(path):
        yield from (cells[at] for cells in decoder.feed(chunk))
    yield from (cells[at] for cells in decoder.flush())
