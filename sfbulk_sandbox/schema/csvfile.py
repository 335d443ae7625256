"""One CSV file of an org's records: read strictly, with the line of every record."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Wider than any field of an org, narrower than memory.
_WIDEST_CELL = 16 * 1024 * 1024


def read_header(path: Path) -> list[str]:
    """The column names of a file.

    Raises:
        LoadError: The file is empty or cannot be read.
    """
    for _, header in _lines(path):
        return header
    raise LoadError("the file is empty; its first row must name the fields", path=path)


def read_records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records below the header, each with the line it begins on.

    Raises:
        LoadError: Not UTF-8, no valid CSV, or a record with more or fewer cells than the header.
    """
    lines = _lines(path)
    _, header = next(lines, (0, []))
    for line, cells in lines:
        if len(cells) != len(header):
            text = (
                f"{len(cells)} cells under a header of {len(header)}; "
                "put cells that hold commas, quotes or line ends in double quotes"
            )
            raise LoadError(text, path=path, line=line)
        yield line, cells


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_WIDEST_CELL)
    # newline="": the reader itself must see which line ends stand inside a quoted cell.
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        begin = 1
        try:
            for cells in reader:
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
        except UnicodeDecodeError as error:
            text = f"not UTF-8 ({error.reason}); save the file as UTF-8"
            raise LoadError(text, path=path, line=begin) from None
        except csv.Error as error:
            raise LoadError(f"not valid CSV: {error}", path=path, line=begin) from None
