"""A carrier that writes the files that would be sent into a folder, and sends nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sfbulk.load.loader import Flight
from sfbulk.load.outcomes import Counts, FileOutcome, WrittenFile

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sfbulk.load.row_file import RowFile


@dataclass(eq=False, kw_only=True)
class WrittenFlight(Flight):
    """A file that was written instead of sent."""

    written: WrittenFile


class DryRunCarrier:
    """Writes each file as `<prefix>-0001.csv` and so on.

    Args:
        prefix: The beginning of the paths; the folder exists.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = prefix
        self._made = 0

    def send(self, file: RowFile) -> WrittenFlight:
        """Write a file.

        Raises:
            OSError: it cannot be written; names the file.
        """
        self._made += 1
        path = self._prefix.with_name(f"{self._prefix.name}-{self._made:04d}.csv")
        shutil.copyfile(file.path, path)
        return WrittenFlight(file, written=WrittenFile(path, file.rows, file.size, file.columns))

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
