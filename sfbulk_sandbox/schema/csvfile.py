"""Reads a CSV file of records strictly, with the line number of each record."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# Larger than any field of an org; csv's default limit is 128 KiB.
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
    """The records after the header, each with its first line number.

    Raises:
        LoadError: The file is not UTF-8 or not valid CSV, or a record has another number of cells
            than the header.
    """
    lines = _lines(path)
    _, header = next(lines, (0, []))
    for line, cells in lines:
        if len(cells) != len(header):
            text = (
                f"{len(cells)} cells under a header of {len(header)}; "
                "put cells with commas, quotes or line breaks in double quotes"
            )
            raise LoadError(text, path=path, line=line)
        yield line, cells


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_WIDEST_CELL)
    # newline="": line breaks inside a quoted cell must not be changed.
    # utf-8-sig: spreadsheets write a byte order mark.
    with path.open(encoding="utf-8-sig", newline="") as file:
        # Without `strict`, csv accepts text after a closing quote.
        reader = csv.reader(file, strict=True)
        begin = 1
        try:
            for cells in reader:
                # csv returns an empty list for a blank line.
                if cells:
                    yield begin, cells
                begin = reader.line_num + 1
        except UnicodeDecodeError as error:
            text = f"not UTF-8 ({error.reason}); save the file as UTF-8"
            raise LoadError(text, path=path, line=begin) from None
        except csv.Error as error:
            raise LoadError(f"not valid CSV: {error}", path=path, line=begin) from None
