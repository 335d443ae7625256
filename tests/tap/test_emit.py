"""Pages become RECORD lines and records that hold every value as the page does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfbulk.errors import CsvError, DataError
from tap_sfbulk import emit
from tap_sfbulk.catalog import Kind
from tap_sfbulk.emit import Column, Emitter
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEFORE, AFTER = '{"record":', "}"
COLUMNS = (
    Column("Id", Kind.TEXT),
    Column("Amount", Kind.NUMBER),
    Column("Count__c", Kind.INTEGER),
    Column("Name", Kind.TEXT),
    Column("SystemModstamp", Kind.INSTANT),
    Column("IsDeleted", Kind.BOOLEAN),
    Column("Note__c", Kind.TEXT),
)

NASTY = ['"', ",", "\n", "\r", "\r\n", "\u2028", "\u0085", "\x00", "\ufeff", "😀", "NA", "\\", "'"]
texts = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=5))
).map("".join)
numbers = st.one_of(
    st.sampled_from(["0", "-0", "1.0E7", "9.12260031E8", "123456789012345678", "-0.10", "1e-7"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.integers().map(str),
)
integers = st.one_of(
    st.integers(-(10**30), 10**30).map(str),
    st.integers(-(10**9), 10**9).map(lambda n: f"{n}.0"),
    st.sampled_from(["1.0E7", "4.7E1", "-0", "0.0", "120E-1"]),
)
stamps = st.datetimes().map(lambda d: d.strftime("%Y-%m-%dT%H:%M:%S.000Z").rjust(24, "0"))
rows = st.tuples(
    texts,
    st.one_of(st.just(""), numbers),
    st.one_of(st.just(""), integers),
    texts,
    st.one_of(st.just(""), stamps),
    st.sampled_from(["true", "false", ""]),
    texts,
)


def page_of(folder: Path, table: Sequence[tuple[str, ...]], columns: tuple[Column, ...]) -> Path:
    # Written by hand: Python 3.10's csv cannot write the NUL that Salesforce text may hold.
    rows = [tuple(column.name for column in columns), *table]
    quoted = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    page = folder / "page.csv"
    page.write_bytes("".join(line + "\n" for line in quoted).encode())
    return page


def digits_kept(text: str) -> Any:
    """JSON with each number as the text it was written with, told apart from a string."""
    return json.loads(text, parse_float=lambda t: ("number", t), parse_int=lambda t: ("number", t))


def expected(table: list[tuple[str, ...]]) -> list[dict[str, Any]]:
    """What each cell must become, by the rules of the tap's promise 3, written apart."""
    made = []
    for cells in table:
        record: dict[str, Any] = {}
        for column, cell in zip(COLUMNS, cells, strict=True):
            if cell == "":
                record[column.name] = None
            elif column.kind is Kind.NUMBER:
                record[column.name] = ("number", cell)
            elif column.kind is Kind.INTEGER:
                record[column.name] = ("number", str(int(Decimal(cell))))
            elif column.kind is Kind.BOOLEAN:
                record[column.name] = cell == "true"
            else:
                record[column.name] = cell
        made.append(record)
    return made


def by_page(emitter: Emitter, page: Path) -> list[Any]:
    lines = b"".join(emitter.lines(frame, BEFORE, AFTER) for frame in emitter.frames(page))
    assert lines == b"" or lines.endswith(b"\n")
    return [digits_kept(line)["record"] for line in lines.decode().split("\n")[:-1]]


def by_record(emitter: Emitter, page: Path) -> list[Any]:
    class Message:
        def __init__(self, record: dict[str, Any]) -> None:
            self.record = record

        def to_dict(self) -> dict[str, Any]:
            return self.record

    writer = PageWriter()
    return [
        digits_kept(writer.serialize_message(Message(record)).decode())  # type: ignore[arg-type] # only to_dict is asked of a message
        for frame in emitter.frames(page)
        for record in emitter.records(frame)
    ]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages of a test span many blocks then, as big ones do.
    monkeypatch.setattr(emit, "BLOCK_BYTES", 64)


unhurried = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@unhurried
@given(table=st.lists(rows, max_size=12))
def test_pages_and_records_give_what_the_csv_says(
    tmp_path: Path, table: list[tuple[str, ...]]
) -> None:
    page = page_of(tmp_path, table, COLUMNS)
    emitter = Emitter("Account", COLUMNS, None)
    for records in (by_page(emitter, page), by_record(emitter, page)):
        assert records == expected(table)
        assert {tuple(record) for record in records} <= {tuple(c.name for c in COLUMNS)}


@unhurried
@given(cells=st.lists(texts, min_size=1, max_size=40), size=st.integers(1, 200))
def test_a_block_never_cuts_a_row(tmp_path: Path, cells: list[str], size: int) -> None:
    page = page_of(tmp_path, [(cell,) for cell in cells], (Column("Note__c", Kind.TEXT),))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(emit, "BLOCK_BYTES", size)
        with page.open("rb") as file:
            header = file.readline()
            pieces = list(emit.blocks(file))
    assert header + b"".join(pieces) == page.read_bytes()
    longest = max(len(cell.encode()) for cell in cells) * 2 + len('""\n')
    for piece in pieces:
        assert len(piece) <= size + longest
        assert piece.endswith(b"\n")
        assert piece.count(b'"') % 2 == 0


def test_a_page_of_many_megabytes_full_of_line_ends_keeps_every_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Big enough for Polars to cut the block among its threads.
    monkeypatch.setattr(emit, "BLOCK_BYTES", 8_000_000)
    columns = (Column("Id", Kind.TEXT), Column("Note__c", Kind.TEXT))
    note = '\n"\n",\r\n"a","b"\n""\n\u2028'
    table = [(f"{n:06d}", note * (n % 29)) for n in range(40_000)]
    page = page_of(tmp_path, table, columns)
    assert page.stat().st_size > 10_000_000
    emitter = Emitter("Account", columns, None)
    lines = b"".join(emitter.lines(frame, BEFORE, AFTER) for frame in emitter.frames(page))
    got = [json.loads(line)["record"] for line in lines.decode().split("\n")[:-1]]
    assert [(r["Id"], r["Note__c"]) for r in got] == [(i, t or None) for i, t in table]


@pytest.mark.parametrize(
    ("written", "whole"),
    [
        ("47.0", "47"),
        ("1.0E7", "10000000"),
        ("-3", "-3"),
        ("-0.0", "0"),
        ("47.5", None),
        ("1E999999999", None),
        ("007", None),
        ("NaN", None),
        ("٣", None),
        ("", None),
        ("1_0", None),
    ],
)
def test_whole_numbers_are_read_however_they_are_written(written: str, whole: str | None) -> None:
    assert emit.whole_number(written) == whole


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Amount", "Infinity"),
        ("Amount", "007"),
        ("Amount", "1,5"),
        ("Amount", "٣"),
        ("Count__c", "47.5"),
        ("IsDeleted", "True"),
        ("IsDeleted", "yes"),
    ],
)
def test_a_value_that_does_not_fit_names_field_and_row_but_not_itself(
    tmp_path: Path, name: str, value: str
) -> None:
    good = dict.fromkeys([c.name for c in COLUMNS], "") | {"Id": "001A"}
    bad = good | {"Id": "001B", name: value}
    page = page_of(tmp_path, [tuple(good.values()), tuple(bad.values())], COLUMNS)
    with pytest.raises(DataError, match=rf"Account\.{name} of record 001B") as refused:
        by_page(Emitter("Account", COLUMNS, None), page)
    assert value not in str(refused.value)


@pytest.mark.parametrize(
    "body",
    [
        b'"a"\n',
        b'"a","b"\n"c"\n',
        b'"a","b","c"\n',
        b'"a","b"\n"c","d',
        b'"a","\xff"\n',
        b'"a","b"x\n',
    ],
)
def test_a_broken_page_is_refused_without_showing_its_values(tmp_path: Path, body: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\n' + body)
    columns = (Column("Id", Kind.TEXT), Column("Name", Kind.TEXT))
    with pytest.raises(CsvError, match="Account"):
        list(Emitter("Account", columns, None).frames(page))


def test_columns_in_another_order_are_read_by_their_names(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"COUNT__C","Id","Name"\n"47.0","1","a"\n"","2",""\n')
    columns = (Column("Id", Kind.TEXT), Column("Name", Kind.TEXT), Column("Count__c", Kind.INTEGER))
    emitter = Emitter("Account", columns, None)
    for records in (by_page(emitter, page), by_record(emitter, page)):
        assert [list(record.items()) for record in records] == [
            [("Id", "1"), ("Name", "a"), ("Count__c", ("number", "47"))],
            [("Id", "2"), ("Name", None), ("Count__c", None)],
        ]


@pytest.mark.parametrize(
    "header", [b'"Id"', b'"Id","Name","Phone"', b'"Id","Name","Name"', b'"001A","Ms. Private"']
)
def test_a_page_with_other_columns_is_refused_without_showing_them(
    tmp_path: Path, header: bytes
) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(header + b'\n"001B","b"\n')
    columns = (Column("Id", Kind.TEXT), Column("Name", Kind.TEXT))
    with pytest.raises(CsvError, match="result page of Account") as refused:
        list(Emitter("Account", columns, None).frames(page))
    assert "Private" not in str(refused.value)


@pytest.mark.parametrize("body", [b"", b'"Id"\n', b'"Id"'])
def test_a_page_without_rows_gives_none(tmp_path: Path, body: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(body)
    emitter = Emitter("Account", (Column("Id", Kind.TEXT),), None)
    assert sum(frame.height for frame in emitter.frames(page)) == 0


def test_rows_ended_by_crlf_are_read_alike(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\r\n"1","a\r\nb"\r\n"2",""\r\n')
    columns = (Column("Id", Kind.TEXT), Column("Name", Kind.TEXT))
    emitter = Emitter("Account", columns, None)
    assert by_page(emitter, page) == [
        {"Id": "1", "Name": "a\r\nb"},
        {"Id": "2", "Name": None},
    ]


@pytest.mark.parametrize("stamp", ["2026-01-02T03:04:05.000+0000", "2026-01-02T05:04:05.000+0200"])
def test_stamps_get_the_colon_that_date_time_asks_for_and_sort_as_instants(
    tmp_path: Path, stamp: str
) -> None:
    columns = (Column("SystemModstamp", Kind.INSTANT),)
    page = page_of(tmp_path, [(stamp,), ("2026-01-02T03:04:04.000Z",)], columns)
    emitter = Emitter("Account", columns, "SystemModstamp")
    assert by_page(emitter, page)[0] == {"SystemModstamp": stamp[:-2] + ":" + stamp[-2:]}
    assert emitter.maximum is not None
    assert emitter.maximum.isoformat() == "2026-01-02T03:04:05+00:00"


def test_the_latest_stamp_is_kept_over_all_blocks(tmp_path: Path) -> None:
    columns = (Column("SystemModstamp", Kind.INSTANT),)
    table = [(f"2026-01-{1 + (7 * n) % 31:02d}T00:00:00.000Z",) for n in range(31)] + [("",)]
    page = page_of(tmp_path, table, columns)
    emitter = Emitter("Account", columns, "SystemModstamp")
    list(emitter.frames(page))
    assert emitter.maximum is not None
    assert emitter.maximum.isoformat() == "2026-01-31T00:00:00+00:00"
