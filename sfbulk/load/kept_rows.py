"""Rewrites a file of rows with some of its rows, so that they can be sent again."""

from __future__ import annotations

from array import array
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from sfbulk.jobs.files import save_chunks
from sfbulk.load.versions import Replaced

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
    old = file.path
    kept = copy_rows(file, numbers, frame, old.with_name(f"{old.name}-again"))
    for name in ("path", "size", "numbers", "sizes", "digests", "entry", "job_id"):
        setattr(file, name, getattr(kept, name))
    old.unlink()


def copy_rows(file: RowFile, numbers: AbstractSet[int], frame: Frame, path: Path) -> RowFile:
    """A new file with the rows of a sealed file that have these numbers.

    For the journal and for errors, it is a file that was not sent yet. It waits for no file.
    """
    places = [at for at, number in enumerate(file.numbers) if number in numbers]
    sizes = array("I", (file.sizes[at] for at in places))
    with_separators = sum(sizes) + len(frame.separator) * (len(places) - 1)
    save_chunks(_chunks(file, file.path, places, frame), path)
    width = len(file.digests) // len(file.numbers)
    return replace(
        file,
        path=path,
        size=len(frame.head(file.columns)) + with_separators + len(frame.tail),
        numbers=array("Q", (file.numbers[at] for at in places)),
        sizes=sizes,
        digests=bytearray().join(file.digests[at * width : (at + 1) * width] for at in places),
        starts=array("Q"),
        replaced=Replaced(),
        after=set(),
        before=[],
        entry=None,
        job_id=None,
        _buffer=bytearray(),
    )


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
