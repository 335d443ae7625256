"""Reads a result page as blocks of text columns: every cell exactly as Salesforce wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from sfbulk.csvio import MAX_HEADER_BYTES, CsvDecoder, LongRowError
from sfbulk.errors import CsvError
from sfbulk.frames.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_NAMES_SHOWN = 5


def text_blocks(page: Path, columns: Sequence[str], *, what: str) -> Iterator[pl.DataFrame]:
    """The rows of a page, block by block.

    Args:
        page: A CSV file with a header row.
        columns: What the query selects. The page may have them in another order and in
            another case.
        what: What the page is, for errors, such as `A result page of Account`.

    Yields:
        Frames with these columns in this order, all of them text. An empty cell is null:
        Salesforce has no empty text.

    Raises:
        CsvError: If the page has other columns, is not CSV in UTF-8, or has a row that is too
            long. The text holds no cell.
    """
    with page.open("rb") as file:
        order = _page_order(file.readline(MAX_HEADER_BYTES), columns, what)
        try:
            for block in blocks(file):
                frame = _read(block, order).select(columns)
                yield frame.select(pl.when(pl.all() != "").then(pl.all()))
        except (CsvError, LongRowError) as error:
            raise CsvError(f"{what} is not valid CSV: {error}".rstrip(".") + ".") from error


def _page_order(header: bytes, columns: Sequence[str], what: str) -> Sequence[str]:
    """The selected columns in the order of the page: by name until API version 49.0.

    (Bulk API guide: Get Results for a Query Job.)
    """
    # An empty page has no rows; the caller's count says whether that is right.
    if not header:
        return columns
    given = header.decode("utf-8-sig", "replace").rstrip("\r\n").replace('"', "").split(",")
    known = {name.lower(): name for name in columns}
    if sorted(name.lower() for name in given) != sorted(known):
        raise _wrong_header(given, columns, what)
    return [known[name.lower()] for name in given]


def _wrong_header(given: Sequence[str], columns: Sequence[str], what: str) -> CsvError:
    present = {name.lower() for name in given}
    missing = [name for name in columns if name.lower() not in present]
    # The first line may be a row instead of a header, so its text is not shown.
    shown = ", ".join(missing[:_NAMES_SHOWN]) or "none"
    return CsvError(
        f"{what} begins with a line of {len(given)} cells that are not the "
        f"{len(columns)} columns of the query. Missing: {shown}"
        f"{', …' if missing[_NAMES_SHOWN:] else ''}. Run the query again."
    )


def _read(block: bytes, order: Sequence[str]) -> pl.DataFrame:
    header = ",".join(f'"{name}"' for name in order).encode() + b"\n"
    schema = dict.fromkeys(order, pl.String)
    try:
        # Without a header row Polars makes as many columns as the first row has cells.
        frame = pl.read_csv(header + block, has_header=True, schema=schema)
    except pl.exceptions.PolarsError:
        return _read_exactly(header, block, schema)
    # Polars fills a short row with nulls instead of refusing it. It reads a quoted empty cell
    # as text, so a null in the last column is such a row or an unquoted empty cell.
    if frame.to_series(-1).null_count():
        return _read_exactly(header, block, schema)
    return frame


def _read_exactly(
    header: bytes, block: bytes, schema: Mapping[str, type[pl.String]]
) -> pl.DataFrame:
    """The same with the slower decoder, which refuses a broken row and says which one it is."""
    decoder = CsvDecoder()
    decoder.feed(header)
    return pl.DataFrame([*decoder.feed(block), *decoder.flush()], schema, orient="row")
