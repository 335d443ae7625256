"""Reading and writing CSV, compared with Python's own csv module."""

from __future__ import annotations

import csv
import io
import itertools
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.csvio import (
    MAX_FIELD_CHARACTERS,
    MAX_HEADER_CHARACTERS,
    MAX_RECORD_CHARACTERS,
    CsvDecoder,
    CsvEncoder,
)
from sfbulk.errors import CsvError, DataError, OversizeRow

# Characters that break careless CSV code, beside any others.
AWKWARD = st.sampled_from(
    ['"', ",", "\r", "\n", "\r\n", "\x00", "\u2028", "\x85", "\x0b", "é", "😀"]
)
TEXT = st.lists(AWKWARD | st.characters(codec="utf-8"), max_size=6).map("".join)
COLUMNS = 3
ROWS = st.lists(st.lists(TEXT, min_size=COLUMNS, max_size=COLUMNS), max_size=5)
HEADER = ["Id", "Name", "Account.Ext__c"]


def decode(data: bytes, *cuts: int) -> tuple[tuple[str, ...] | None, list[list[str]]]:
    """The rows of `data`, fed to the decoder in chunks that end at `cuts`."""
    decoder = CsvDecoder()
    edges = [0, *sorted(cuts), len(data)]
    rows: list[list[str]] = []
    for start, end in itertools.pairwise(edges):
        rows += decoder.feed(data[start:end])
    return decoder.header, rows + decoder.flush()


def well_formed(rows: list[list[str]], line_end: str, quoting: int = csv.QUOTE_ALL) -> bytes:
    file = io.StringIO(newline="")
    # Without an escape character Python 3.10's writer refuses NUL.
    writer = csv.writer(file, lineterminator=line_end, quoting=quoting, escapechar="\ud800")  # type: ignore[arg-type] # typeshed wants a literal
    writer.writerows([HEADER, *rows])
    return file.getvalue().encode()


@given(ROWS, st.sampled_from(["\n", "\r\n"]))
def test_rows_survive_at_every_chunk_boundary(rows: list[list[str]], line_end: str) -> None:
    data = well_formed(rows, line_end)
    for cut in range(len(data) + 1):
        assert decode(data, cut) == (tuple(HEADER), rows)


@given(ROWS)
def test_rows_survive_byte_by_byte(rows: list[list[str]]) -> None:
    data = well_formed(rows, "\n")
    assert decode(data, *range(1, len(data))) == (tuple(HEADER), rows)


@given(st.lists(st.lists(st.text('ab,"\n\r é', max_size=4), min_size=3, max_size=3), max_size=4))
def test_the_decoder_agrees_with_pythons_reader_on_minimal_quoting(rows: list[list[str]]) -> None:
    data = well_formed(rows, "\r\n", csv.QUOTE_MINIMAL)
    expected = list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
    header, decoded = decode(data, len(data) // 2)
    assert [list(header or ()), *decoded] == expected


@given(ROWS)
def test_what_the_encoder_writes_pythons_reader_reads_with_line_breaks_as_lf(
    rows: list[list[str]],
) -> None:
    encoder = CsvEncoder(HEADER)
    data = encoder.header() + b"".join(encoder.row(row) for row in rows)
    text = data.decode().replace("\x00", "\ud800")  # Python 3.10's reader refuses NUL.
    read = list(csv.reader(io.StringIO(text, newline="\n"), strict=True))
    expected = [[re.sub("\r\n?", "\n", cell) for cell in row] for row in rows]
    assert [[cell.replace("\ud800", "\x00") for cell in row] for row in read] == [HEADER, *expected]


def test_the_encoder_quotes_everything_and_doubles_quotes() -> None:
    encoder = CsvEncoder(["Id", "Name"])
    assert encoder.header() == b'"Id","Name"\n'
    assert encoder.row(["", 'say "é"']) == b'"","say ""\xc3\xa9"""\n'


def test_nul_is_sent_as_it_is() -> None:
    assert CsvEncoder(["A"]).row(["a\x00b"]) == b'"a\x00b"\n'


@pytest.mark.parametrize("half", [chr(0xD83D), chr(0xD800)])
def test_half_a_surrogate_pair_is_refused_not_replaced(half: str) -> None:
    with pytest.raises(DataError, match="surrogate"):
        CsvEncoder(["A"]).row([half])


def test_a_row_with_a_missing_cell_is_refused() -> None:
    with pytest.raises(DataError, match="1 cells, but the file has 2 columns"):
        CsvEncoder(["A", "B"]).row(["x"])


@pytest.mark.parametrize(
    ("columns", "problem"),
    [([], "at least one"), (["A", "B", "a"], "repeated: a"), (["x" * 32_000], "32,000")],
)
def test_headers_salesforce_would_refuse_are_refused_here(columns: list[str], problem: str) -> None:
    with pytest.raises(DataError, match=problem):
        CsvEncoder(columns)


def test_sizes_are_those_of_the_guide() -> None:
    assert (MAX_HEADER_CHARACTERS, MAX_FIELD_CHARACTERS, MAX_RECORD_CHARACTERS) == (
        32_000,
        131_072,
        400_000,
    )


def test_a_field_at_its_limit_passes_and_one_beyond_is_named() -> None:
    encoder = CsvEncoder(["A", "B"])
    encoder.row(["", "x" * 131_072])
    with pytest.raises(OversizeRow, match=r"Column 2 .* 131,073 characters"):
        encoder.row(["", "x" * 131_073])


def test_a_record_beyond_its_limit_is_refused() -> None:
    encoder = CsvEncoder(list("ABCD"))
    encoder.row(["x" * 100_000] * 4)
    with pytest.raises(OversizeRow, match="400,001"):
        encoder.row(["x" * 100_000] * 3 + ["x" * 100_001])


def test_fields_longer_than_pythons_own_limit_are_read() -> None:
    value = "é" * 1_000_000
    assert decode(f'"Body"\n"{value}"\n'.encode(), 7, 500_000) == (("Body",), [[value]])


def test_a_last_row_without_line_end_is_read() -> None:
    assert decode(b'"A","B"\n"1","2"') == (("A", "B"), [["1", "2"]])


def test_a_header_alone_has_no_rows() -> None:
    assert decode(b'"sf__Id","sf__Error",Id,Phone\n') == (
        ("sf__Id", "sf__Error", "Id", "Phone"),
        [],
    )


def test_an_empty_body_has_neither_header_nor_rows() -> None:
    assert decode(b"") == (None, [])


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'"A","B"\n"1","2"\n"3"\n', "Row 2 has 1 cells, but the header has 2"),
        (b'"A","B"\n"1","2","3"\n', "Row 1 has 3 cells, but the header has 2"),
        (b'"A","B"\n"1","2"\n\n', "Row 2 has 0 cells"),
        (b'"A"\n"1"x\n', "not CSV"),
        (b'"A"\n"1', "not CSV"),
        (b'"A"\nx\ry\n', "not CSV"),
        (b'"A"\n"\xff"\n', "not UTF-8"),
        (b'"A"\n"\xc3', "not UTF-8"),
        (b'"A"\n"\xed\xa0\x80"\n', "not UTF-8"),
    ],
)
def test_what_is_not_csv_is_an_error_at_every_chunk_boundary(data: bytes, problem: str) -> None:
    for cut in range(len(data)):
        with pytest.raises(CsvError, match=problem):
            decode(data, cut)


def test_memory_does_not_grow_with_rows() -> None:
    decoder = CsvDecoder()
    decoder.feed(b'"A"\n')
    for _ in range(2_000):
        decoder.feed(b'"' + b"x" * 1_000 + b'"\n"begun')
        decoder.feed(b'"\n')
        assert decoder._cutter.held == 0
    assert decoder.rows == 4_000
