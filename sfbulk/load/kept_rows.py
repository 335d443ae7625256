"""Rewrites a file of rows with some of its rows, so that they can be sent again."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Protocol

from sfbulk.jobs.files import save_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from sfbulk.load.row_file import RowFile


class Frame(Protocol):
    """What an upload has beside its rows; see `RowEncoder`."""

    separator: bytes
    tail: bytes

    def head(self, columns: tuple[str, ...]) -> bytes:
        """The beginning of a file."""


def keep_rows(file: RowFile, numbers: AbstractSet[int], frame: Frame) -> None:
    """Rewrite a sealed file with the rows that have these numbers."""
    places = [at for at, number in enumerate(file.numbers) if number in numbers]
    old = file.path
    file.path = old.with_name(f"{old.name}-again")
    sizes = array("I", (file.sizes[at] for at in places))
    with_separators = sum(sizes) + len(frame.separator) * (len(places) - 1)
    save_chunks(_chunks(file, old, places, frame), file.path)
    file.size = len(frame.head(file.columns)) + with_separators + len(frame.tail)
    width = len(file.digests) // len(file.numbers)
    file.digests = bytearray().join(file.digests[at * width : (at + 1) * width] for at in places)
    file.numbers = array("Q", (file.numbers[at] for at in places))
    file.sizes = sizes
    # For the journal and for errors, it is a file that was not sent yet.
    file.entry, file.job_id = None, None
    old.unlink()


def _chunks(file: RowFile, path: Path, places: list[int], frame: Frame) -> Iterator[bytes]:
    head = frame.head(file.columns)
    yield head
    wanted = set(places)
    start = len(head)
    first = True
    with path.open("rb") as rows:
        for at, size in enumerate(file.sizes):
            if at in wanted:
                rows.seek(start)
                data = rows.read(size)
                yield data if first else frame.separator + data
                first = False
            start += size + len(frame.separator)
    yield frame.tail
