"""A page on disk becomes columns of text, cell by cell as Salesforce wrote it."""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.errors import CsvError
from sfbulk.frames import blocks, text_blocks
from tests.frames.pages import page_of, texts, unhurried

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NAMES = ("Id", "Name", "Note__c")


def rows_of(page: Path, names: Sequence[str] = NAMES) -> list[tuple[str | None, ...]]:
    found = list(text_blocks(page, names, what="A result page of Account"))
    assert {tuple(block.columns) for block in found} <= {tuple(names)}
    return [row for block in found for row in block.iter_rows()]


@unhurried
@given(table=st.lists(st.tuples(texts, texts, texts), max_size=12), size=st.integers(1, 300))
def test_every_cell_is_as_it_was_written_and_an_empty_one_is_null(
    tmp_path: Path, table: list[tuple[str, ...]], size: int
) -> None:
    page = page_of(tmp_path, table, NAMES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        assert rows_of(page) == [tuple(cell or None for cell in row) for row in table]


@unhurried
@given(cells=st.lists(texts, min_size=1, max_size=40), size=st.integers(1, 200))
def test_a_block_never_cuts_a_row(tmp_path: Path, cells: list[str], size: int) -> None:
    page = page_of(tmp_path, [(cell,) for cell in cells], ("Note__c",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK_BYTES", size)
        with page.open("rb") as file:
            header = file.readline()
            pieces = list(blocks.blocks(file))
    assert header + b"".join(pieces) == page.read_bytes()
    longest = max(len(cell.encode()) for cell in cells) * 2 + len('""\n')
    for piece in pieces:
        assert len(piece) <= size + longest
        assert piece.endswith(b"\n")
        assert piece.count(b'"') % 2 == 0


def test_columns_in_another_order_and_case_are_found_by_name(tmp_path: Path) -> None:
    page = page_of(tmp_path, [("n", "1", ""), ("m", "2", "b")], ("NOTE__C", "id", "Name"))
    assert rows_of(page) == [("1", None, "n"), ("2", "b", "m")]


def test_a_page_of_five_thousand_columns_is_read(tmp_path: Path) -> None:
    names = [f"Field_{number}__c" for number in range(5_000)]
    table = [tuple(f'"{row}", {name}' for name in names) for row in range(3)]
    assert rows_of(page_of(tmp_path, table, names), names) == table


@pytest.mark.parametrize("body", [b"", b'"Id"\n', b'"Id"', b'\xef\xbb\xbf"Id"\r\n'])
def test_a_page_without_rows_gives_no_rows(tmp_path: Path, body: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(body)
    assert rows_of(page, ("Id",)) == []


BROKEN = {
    "a short row": b'"a"\n',
    "a short row after a whole one": b'"a","b"\n"c"\n',
    "a long row": b'"a","b","c"\n',
    "an open quote": b'"a","b"\n"c","d',
    "not UTF-8": b'"a","\xff"\n',
    "text after a quote": b'"a","b"x\n',
}


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_page_is_refused_by_the_name_of_its_object(tmp_path: Path, body: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\n' + body)
    with pytest.raises(CsvError, match="result page of Account"):
        rows_of(page, ("Id", "Name"))


@pytest.mark.parametrize("then", [b"x", b"\n", b'""'])
def test_a_row_whose_quote_does_not_end_is_read_to_the_bound(tmp_path: Path, then: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\n"1","' + then * (66_000_000 // len(then)))
    began = time.process_time()
    with pytest.raises(CsvError, match="result page of Account is not valid CSV: "):
        rows_of(page, ("Id", "Name"))
    assert time.process_time() - began < 20


def test_a_row_of_millions_of_cells_does_not_fill_the_memory(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\n' + b"," * 4_000_000 + b"\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(CsvError, match="Row 1 has 4000001 cells, but the header has 2"):
        rows_of(page, ("Id", "Name"))
    # It took 1.8 GB: Polars makes a column of each cell of a first row.
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000


def test_a_header_line_without_end_is_read_to_the_bound(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b"x" * 50_000_000)
    with pytest.raises(CsvError, match="result page of Account begins with a line of 1 cells"):
        rows_of(page, ("Id", "Name"))


@pytest.mark.parametrize(
    "header", [b'"Id"', b'"Id","Name","Phone"', b'"Id","Name","Name"', b'"001A","Ms. Private"']
)
def test_a_page_with_other_columns_is_refused_without_showing_them(
    tmp_path: Path, header: bytes
) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(header + b'\n"001B","b"\n')
    with pytest.raises(CsvError, match="result page of Account") as refused:
        rows_of(page, ("Id", "Name"))
    assert "Private" not in str(refused.value)


def test_the_client_alone_does_not_import_polars() -> None:
    program = "import sfbulk, sys; print('polars' in sys.modules, 'sfbulk.frames' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "False"]
