"""What jobs keep on disk: uploads read strictly, rows by page, results out of order."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.behaviour import Behaviour
from sfbulk_sandbox.bulk2 import uploads
from sfbulk_sandbox.bulk2.jobs import JobState
from sfbulk_sandbox.bulk2.results import ResultLog
from sfbulk_sandbox.bulk2.uploads import Upload, UploadRefusedError
from sfbulk_sandbox.schema.rowfile import CsvDialect, RowFile

if TYPE_CHECKING:
    from pathlib import Path

ON_DISK = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
CELLS = st.text(
    st.one_of(
        st.sampled_from('",;\t|^` ab\u00e9\u2028\U0001f680\r\n'),
        st.characters(exclude_categories=["Cs"], exclude_characters="\x00"),
    ),
    max_size=12,
)


def with_newlines_of(text: str, ending: str) -> str:
    """Return the text with no newline of the kind the job does not have."""
    lone = re.sub("\r+\n", "\n", text)
    return lone if ending == "LF" else lone.replace("\n", "\r\n")


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[list[str]], str, str, bytes]:
    """A header and rows as read, a line ending, a delimiter and the CSV, quoted more or less."""
    ending = draw(st.sampled_from(sorted(ENDINGS)))
    delimiter = draw(st.sampled_from(",;\t|^`"))
    width = draw(st.integers(1, 4))
    row = st.lists(CELLS.map(lambda cell: with_newlines_of(cell, ending)), min_size=width)
    rows = draw(st.lists(row.map(lambda cells: cells[:width]), min_size=1, max_size=6))
    quote_all = draw(st.booleans())

    def written(cell: str) -> str:
        if quote_all or any(special in cell for special in (delimiter, '"', "\r", "\n")):
            return '"' + cell.replace('"', '""') + '"'
        return cell

    lines = [delimiter.join(map(written, cells)) + ENDINGS[ending] for cells in rows]
    # Unquoted, an empty cell alone makes a blank line.
    read = [cells for cells in rows if quote_all or cells != [""]]
    return read, ending, delimiter, "".join(lines).encode()


@ON_DISK
@given(table=tables(), block=st.sampled_from([1, 2, 3, 1_000_000]))
def test_every_well_formed_csv_is_read_cell_for_cell(
    tmp_path: Path, table: tuple[list[list[str]], str, str, bytes], block: int
) -> None:
    rows, ending, delimiter, body = table
    path = tmp_path / "upload.csv"
    path.write_bytes(body)
    kept = Behaviour()
    kept.set({"line_breaks": "kept", "empty_rows": "read"})
    upload = Upload(path, delimiter, ending, kept)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "_BLOCK_BYTES", block)
        upload.check()
    assert [upload.header(), *upload.rows()] == (rows or [[]])
    with_lf = [[re.sub("\r\n?", "\n", cell) for cell in cells] for cells in rows]
    upload = Upload(path, delimiter, ending, Behaviour())
    assert [upload.header(), *upload.rows()] == ([one for one in with_lf if one != [""]] or [[]])


@pytest.mark.parametrize("block", [1, 2, 3, 4, 1_000_000])
@pytest.mark.parametrize(
    ("body", "ending"),
    [(b'A\n"b\r\nc"\n', "LF"), (b'A\r\n"b\nc"\r\n', "CRLF"), (b"A\r\nb\n", "CRLF")],
)
def test_the_other_line_ending_is_found_wherever_a_block_ends(
    tmp_path: Path, body: bytes, ending: str, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "_BLOCK_BYTES", block)
    path = tmp_path / "upload.csv"
    path.write_bytes(body)
    with pytest.raises(UploadRefusedError, match="LineEnding is invalid on user data"):
        Upload(path, ",", ending, Behaviour()).check()


@ON_DISK
@given(
    rows=st.lists(st.lists(CELLS, min_size=2, max_size=2), max_size=8),
    start=st.integers(0, 9),
    size=st.integers(1, 9),
)
def test_any_run_of_rows_can_be_read(
    tmp_path: Path, rows: list[list[str]], start: int, size: int
) -> None:
    dialect = CsvDialect(",", "\n")
    file = RowFile(tmp_path / "rows.csv")
    file.write(dialect.encode_all(rows))
    text = b"".join(file.read(start, start + size)).decode()
    assert file.count == len(rows)
    found = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert found == rows[start : start + size]


@ON_DISK
@given(segments=st.lists(st.integers(0, 4), max_size=4))
def test_results_hold_every_line_once_and_never_in_upload_order(
    tmp_path: Path, segments: list[int]
) -> None:
    log = ResultLog(tmp_path / "results.csv")
    log.delete()
    lines: list[bytes] = []
    for size in segments:
        for _ in range(size):
            lines.append(f"line {len(lines)}\n".encode())
            log.add(lines[-1])
        log.seal()
    found = b"".join(log.read()).splitlines(keepends=True)
    assert sorted(found) == sorted(lines)
    assert b"".join(log.read()) == b"".join(found)
    if len(lines) > 1:
        assert found != lines


def test_the_states_are_salesforces_words() -> None:
    assert {state.value for state in JobState} == {
        "Open",
        "UploadComplete",
        "InProgress",
        "Aborted",
        "JobComplete",
        "Failed",
    }
