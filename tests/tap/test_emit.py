"""Pages become RECORD lines and records that hold every value as the page does."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.errors import DataError
from sfbulk.frames import blocks
from tap_sfbulk.columns import CellKind, PageColumn
from tap_sfbulk.emit.bad_values import BadValues
from tap_sfbulk.emit.lines import line_bytes, record_lines
from tap_sfbulk.emit.maximum import KeyMaximum
from tap_sfbulk.emit.records import records
from tap_sfbulk.emit.tokens import TokenReader, whole_number
from tap_sfbulk.writer import PageWriter
from tests.frames import pages
from tests.frames.pages import texts, unhurried

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BEFORE, AFTER = '{"record":', "}"
COLUMNS = (
    PageColumn("Id", CellKind.TEXT),
    PageColumn("Amount", CellKind.NUMBER),
    PageColumn("Count__c", CellKind.INTEGER),
    PageColumn("Name", CellKind.TEXT),
    PageColumn("SystemModstamp", CellKind.DATETIME),
    PageColumn("IsDeleted", CellKind.BOOLEAN),
    PageColumn("Note__c", CellKind.TEXT),
)
DATES = (PageColumn("Birthdate", CellKind.DATE), PageColumn("OpensAt__c", CellKind.TIME))

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


Columns = tuple[PageColumn, ...]


def page_of(folder: Path, table: Sequence[tuple[str, ...]], columns: Columns) -> Path:
    return pages.page_of(folder, table, [column.name for column in columns])


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
            elif column.kind is CellKind.NUMBER:
                record[column.name] = ("number", cell)
            elif column.kind is CellKind.INTEGER:
                record[column.name] = ("number", str(int(Decimal(cell))))
            elif column.kind is CellKind.BOOLEAN:
                record[column.name] = cell == "true"
            else:
                record[column.name] = cell
        made.append(record)
    return made


def lines_of(page: Path, columns: Columns) -> list[bytes]:
    lines = b"".join(
        line_bytes(record_lines(block, columns, BEFORE, AFTER))
        for block in TokenReader("Account", columns).blocks(page)
    )
    assert lines == b"" or lines.endswith(b"\n")
    return lines.split(b"\n")[:-1]


def by_page(page: Path, columns: Columns) -> list[Any]:
    return [digits_kept(line.decode())["record"] for line in lines_of(page, columns)]


def by_record(page: Path, columns: Columns) -> list[Any]:
    class Message:
        def __init__(self, record: dict[str, Any]) -> None:
            self.record = record

        def to_dict(self) -> dict[str, Any]:
            return self.record

    writer = PageWriter()
    return [
        digits_kept(writer.serialize_message(Message(record)).decode())  # type: ignore[arg-type] # only to_dict is asked of a message
        for block in TokenReader("Account", columns).blocks(page)
        for record in records(block, columns)
    ]


def maximum_of(page: Path, columns: Columns) -> str:
    maximum = KeyMaximum("Account", "SystemModstamp")
    for block in TokenReader("Account", columns).blocks(page):
        maximum.track(block)
    assert maximum.value is not None
    return maximum.value.isoformat()


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages of a test span many blocks then, as big ones do.
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 64)


@unhurried
@given(table=st.lists(rows, max_size=12))
def test_pages_and_records_give_what_the_csv_says(
    tmp_path: Path, table: list[tuple[str, ...]]
) -> None:
    page = page_of(tmp_path, table, COLUMNS)
    for made in (by_page(page, COLUMNS), by_record(page, COLUMNS)):
        assert made == expected(table)
        assert {tuple(record) for record in made} <= {tuple(c.name for c in COLUMNS)}


def test_a_page_of_many_megabytes_full_of_line_ends_keeps_every_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Big enough for Polars to cut the block among its threads.
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 8_000_000)
    columns = (PageColumn("Id", CellKind.TEXT), PageColumn("Note__c", CellKind.TEXT))
    note = '\n"\n",\r\n"a","b"\n""\n\u2028'
    table = [(f"{n:06d}", note * (n % 29)) for n in range(40_000)]
    page = page_of(tmp_path, table, columns)
    assert page.stat().st_size > 10_000_000
    got = [json.loads(line)["record"] for line in lines_of(page, columns)]
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
def test_whole_numbers_are_read_in_any_notation(written: str, whole: str | None) -> None:
    assert whole_number(written) == whole


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
        ("SystemModstamp", "2026-01-02"),
        ("SystemModstamp", "2026-01-02T03:04:05.000"),
        ("SystemModstamp", "2026-13-02T03:04:05.000Z"),
        ("SystemModstamp", "yesterday"),
        ("Birthdate", "2026-02-00"),
        ("Birthdate", "2026-01-02T00:00:00.000Z"),
        ("Birthdate", "02.01.2026"),
        ("OpensAt__c", "25:00:00.000Z"),
        ("OpensAt__c", "9 o'clock"),
    ],
)
def test_a_value_that_does_not_fit_names_field_and_row_but_not_itself(
    tmp_path: Path, name: str, value: str
) -> None:
    columns = (*COLUMNS, *DATES)
    good = dict.fromkeys([c.name for c in columns], "") | {"Id": "001A"}
    bad = good | {"Id": "001B", name: value}
    page = page_of(tmp_path, [tuple(good.values()), tuple(bad.values())], columns)
    with pytest.raises(DataError, match=rf"Account\.{name} of record 001B") as refused:
        by_page(page, columns)
    assert value not in str(refused.value)


def test_values_that_do_not_fit_are_nulls_that_are_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    columns = COLUMNS[:4]
    table = [("1", "x", "0.25", "a"), ("2", "1.50", "7", ""), ("3", "", "8.0", "c")] * 9
    bad = BadValues("Account")
    reader = TokenReader("Account", columns, bad)
    read = [
        r for b in reader.blocks(page_of(tmp_path, table, columns)) for r in records(b, columns)
    ]
    assert [tuple(record.values()) for record in read] == [
        ("1", None, None, "a"),
        ("2", Decimal("1.50"), 7, None),
        ("3", None, 8, "c"),
    ] * 9
    bad.warn()
    bad.warn()
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "Account.Amount: 9 values are not a valid number",
        "Account.Count__c: 9 values are not a valid integer",
    ]


def test_dates_and_times_that_do_not_fit_are_nulls_and_all_others_leave_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    columns = (*DATES, PageColumn("SystemModstamp", CellKind.DATETIME))
    table = [
        ("1700-01-01", "00:00:00.000Z", "1700-01-01T00:00:00.000Z"),
        ("4000-12-31", "23:59:59.999Z", "1969-12-31T23:59:59.999+0000"),
        ("soon", "noon", "then"),
        ("2026-01-01", "09:30:00", "2026-01-01T09:30:00+01:00"),
        ("", "", ""),
    ]
    bad = BadValues("Account")
    reader = TokenReader("Account", columns, bad)
    block = pl.concat(reader.blocks(page_of(tmp_path, table, columns)))
    assert block.rows() == [
        table[0],
        ("4000-12-31", "23:59:59.999Z", "1969-12-31T23:59:59.999+00:00"),
        (None, None, None),
        table[3],
        (None, None, None),
    ]
    assert list(records(block, columns)) == block.to_dicts()
    bad.warn()
    assert [record.getMessage().split(",")[0] for record in caplog.records] == [
        "Account.Birthdate: 1 value is not a valid date",
        "Account.OpensAt__c: 1 value is not a valid time",
        "Account.SystemModstamp: 1 value is not a valid date-time",
    ]


def test_columns_in_another_order_are_read_by_their_names(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"COUNT__C","Id","Name"\n"47.0","1","a"\n"","2",""\n')
    columns = (
        PageColumn("Id", CellKind.TEXT),
        PageColumn("Name", CellKind.TEXT),
        PageColumn("Count__c", CellKind.INTEGER),
    )
    for made in (by_page(page, columns), by_record(page, columns)):
        assert [list(record.items()) for record in made] == [
            [("Id", "1"), ("Name", "a"), ("Count__c", ("number", "47"))],
            [("Id", "2"), ("Name", None), ("Count__c", None)],
        ]


@pytest.mark.parametrize("body", [b"", b'"Id"\n', b'"Id"'])
def test_a_page_without_rows_gives_no_records(tmp_path: Path, body: bytes) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(body)
    columns = (PageColumn("Id", CellKind.TEXT),)
    assert by_page(page, columns) == by_record(page, columns) == []


def test_rows_ended_by_crlf_are_read_alike(tmp_path: Path) -> None:
    page = tmp_path / "page.csv"
    page.write_bytes(b'"Id","Name"\r\n"1","a\r\nb"\r\n"2",""\r\n')
    columns = (PageColumn("Id", CellKind.TEXT), PageColumn("Name", CellKind.TEXT))
    assert by_page(page, columns) == [
        {"Id": "1", "Name": "a\r\nb"},
        {"Id": "2", "Name": None},
    ]


@pytest.mark.parametrize("stamp", ["2026-01-02T03:04:05.000+0000", "2026-01-02T05:04:05.000+0200"])
def test_offsets_get_the_colon_of_json_schema_and_date_times_sort_by_time(
    tmp_path: Path, stamp: str
) -> None:
    columns = (PageColumn("SystemModstamp", CellKind.DATETIME),)
    page = page_of(tmp_path, [(stamp,), ("2026-01-02T03:04:04.000Z",)], columns)
    assert by_page(page, columns)[0] == {"SystemModstamp": stamp[:-2] + ":" + stamp[-2:]}
    assert maximum_of(page, columns) == "2026-01-02T03:04:05+00:00"


def test_the_latest_stamp_is_kept_over_all_blocks(tmp_path: Path) -> None:
    columns = (PageColumn("SystemModstamp", CellKind.DATETIME),)
    table = [(f"2026-01-{1 + (7 * n) % 31:02d}T00:00:00.000Z",) for n in range(31)] + [("",)]
    page = page_of(tmp_path, table, columns)
    assert maximum_of(page, columns) == "2026-01-31T00:00:00+00:00"
