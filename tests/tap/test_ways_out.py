"""RECORD lines, BATCH files and stream maps give the same values, whatever the page holds."""

from __future__ import annotations

import gzip
import json
import logging
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from singer_sdk.helpers._batch import BatchConfig
from singer_sdk.mapper import PluginMapper

from sfbulk.errors import DataError
from sfbulk.frames import blocks
from tap_sfbulk.columns import CellKind, CompoundColumn, PageColumn, kind_of
from tap_sfbulk.emit.batch_files import BatchFiles
from tap_sfbulk.emit.flatten import flat_columns, flat_names
from tap_sfbulk.emit.lines import line_bytes
from tap_sfbulk.emit.routes import MappedRows, SameRows, routes_of
from tap_sfbulk.emit.tokens import TokenReader
from tests.frames.pages import page_of, texts, unhurried

if TYPE_CHECKING:
    from tap_sfbulk.emit.routes import Route

SIZES = {"type": "currency", "precision": 18, "scale": 2}
PROPERTIES: dict[str, dict[str, Any]] = {
    "Id": {"type": ["string"]},
    "Amount": {"type": ["number", "null"], "x-salesforce": SIZES},
    "Rate__c": {"type": ["number", "null"]},
    "Count__c": {"type": ["integer", "null"]},
    "Name": {"type": ["string", "null"]},
    "Birthdate": {"type": ["string", "null"], "format": "date"},
    "SystemModstamp": {"type": ["string", "null"], "format": "date-time"},
    "IsDeleted": {"type": ["boolean", "null"]},
}
COLUMNS = tuple(PageColumn(name, kind_of(each)) for name, each in PROPERTIES.items())
NAMES = tuple(PROPERTIES)
Columns = tuple[PageColumn, ...]

UNIX = datetime(1970, 1, 1, tzinfo=timezone.utc)

cents = st.integers(-(10**15), 10**15).map(lambda n: str(Decimal(n) / 100))
odd_numbers = st.one_of(
    st.sampled_from(
        ["-0", "1.0E7", "9.12260031E8", "123456789012345678", "-0.10", "1e-7", "0E-50"]
    ),
    st.decimals(allow_nan=False, allow_infinity=False, places=4).map(str),
    st.integers().map(str),
)
integers = st.one_of(st.integers(-(10**30), 10**30).map(str), st.sampled_from(["1.0E7", "47.0"]))
dates = st.dates().map(date.isoformat)
stamps = st.one_of(
    st.datetimes().map(
        lambda d: f"{d:%Y-%m-%dT%H:%M:%S}.{d.microsecond // 1000:03d}".zfill(23) + "Z"
    ),
    st.just("2026-01-02T05:04:05.000+0200"),
)


def row_of(number: st.SearchStrategy[str], instant: st.SearchStrategy[str]) -> Any:
    return st.tuples(
        st.integers(0, 10**6).map("001{:012d}AAA".format),
        st.just("") | number,
        st.just("") | number,
        st.just("") | integers,
        texts,
        st.just("") | dates,
        st.just("") | instant,
        st.sampled_from(["true", "false", ""]),
    )


rows = row_of(odd_numbers, stamps)
Table = list[tuple[str, ...]]


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    # Pages of a test span many blocks then, as big ones do.
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 256)


def routes(stream_map: dict[str, Any] | None = None, **config: Any) -> list[Route]:
    """The route of a stream `Account` without and with a stream map."""
    maps: Any = {} if stream_map is None else {"Account": stream_map}
    mapper = PluginMapper({"stream_maps": maps, **config}, logging.getLogger())
    mapper.register_raw_stream_schema("Account", {"properties": PROPERTIES}, ["Id"])
    made = mapper.stream_maps["Account"]
    return [SameRows(each) if stream_map is None else MappedRows(each) for each in made]


def with_digits(text: str) -> Any:
    """JSON with each number as the text it was written with, told apart from a string."""
    return json.loads(text, parse_float=lambda t: ("number", t), parse_int=lambda t: ("number", t))


def by_lines(page: Path, route: Route, columns: Columns = COLUMNS) -> list[Any]:
    found = b"".join(
        line_bytes(route.lines(block, columns))
        for block in TokenReader("Account", columns).blocks(page)
    )
    return [with_digits(line) for line in found.decode().split("\n")[:-1]]


def batch_files(
    page: Path, route: Route, folder: Path, columns: Columns, **encoding: str
) -> list[Path]:
    """The files of one page, of at most five rows each."""
    messages: list[Any] = []
    config = BatchConfig.from_dict(
        {"encoding": encoding, "storage": {"root": str(folder)}, "batch_size": 5}
    )
    files = BatchFiles(route, config, "tap-sfbulk", messages.append)
    for block in TokenReader("Account", columns).blocks(page):
        files.take(block, columns)
    files.flush()
    assert all(each.encoding.format == encoding["format"] for each in messages)
    return [Path(urlsplit(url).path) for each in messages for url in each.manifest]


def by_jsonl(
    page: Path, route: Route, folder: Path, compression: str, columns: Columns = COLUMNS
) -> list[Any]:
    found = []
    for file in batch_files(page, route, folder, columns, format="jsonl", compression=compression):
        text = file.read_bytes()
        lines = (gzip.decompress(text) if compression == "gzip" else text).decode().split("\n")[:-1]
        assert 1 <= len(lines) <= 5
        found += [with_digits(line) for line in lines]
    return found


def by_parquet(
    page: Path, route: Route, folder: Path, columns: Columns = COLUMNS
) -> list[tuple[dict[str, str], tuple[Any, ...]]]:
    """Each row with the types of its file, as DuckDB names them."""
    found = []
    for file in batch_files(page, route, folder, columns, format="parquet"):
        table = duckdb.from_parquet(str(file))
        types = dict(zip(table.columns, map(str, table.types), strict=True))
        # As a number, since Python's dates do not know all that Parquet's do.
        picked = [
            f'epoch_us("{name}")' if kind == "TIMESTAMP WITH TIME ZONE" else f'"{name}"'
            for name, kind in types.items()
        ]
        read = table.project(", ".join(picked)).fetchall()
        assert 1 <= len(read) <= 5
        found += [(types, row) for row in read]
    return found


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def value_in_parquet(kind: str, token: Any) -> Any:
    """What DuckDB must give for a value of a RECORD line, by the type of the column."""
    written = token[1] if isinstance(token, tuple) else token
    if written is None or kind in {"VARCHAR", "BOOLEAN"}:
        return written
    if kind == "DATE":
        return date.fromisoformat(written)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return (instant(written) - UNIX) // timedelta(microseconds=1)
    return Decimal(written)


@settings(unhurried, max_examples=40)
@given(table=st.lists(rows, max_size=12))
def test_batch_files_hold_the_values_of_the_record_lines(tmp_path: Path, table: Table) -> None:
    page, route = page_of(tmp_path, table, NAMES), routes()[0]
    lines = by_lines(page, route)
    assert len(lines) == len(table)
    for compression in ("gzip", "none"):
        assert by_jsonl(page, route, tmp_path, compression) == lines
    parquet = by_parquet(page, route, tmp_path)
    assert [row for _, row in parquet] == [
        tuple(value_in_parquet(types[name], line[name]) for name in NAMES)
        for (types, _), line in zip(parquet, lines, strict=True)
    ]


@settings(unhurried, max_examples=40)
@given(table=st.lists(row_of(cents, st.just("2026-01-02T03:04:05.678Z")), min_size=1, max_size=9))
def test_values_that_fit_their_describe_have_its_types_in_parquet(
    tmp_path: Path, table: Table
) -> None:
    narrow = [(*row[:3], "7", *row[4:]) for row in table]
    page = page_of(tmp_path, narrow, NAMES)
    for types, _ in by_parquet(page, routes()[0], tmp_path):
        assert types == {
            "Id": "VARCHAR",
            "Amount": "DECIMAL(18,2)",
            "Rate__c": "DECIMAL(38,18)",
            "Count__c": "BIGINT",
            "Name": "VARCHAR",
            "Birthdate": "DATE",
            "SystemModstamp": "TIMESTAMP WITH TIME ZONE",
            "IsDeleted": "BOOLEAN",
        }


def test_a_column_that_became_wider_stays_so_and_the_log_says_it_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    amounts = ["1.50"] * 5 + ["0.125"] + ["1.50"] * 9 + ["1e-30"] + ["1.50"] * 4
    empty = dict.fromkeys(NAMES, "")
    table = [tuple((empty | {"Id": str(n), "Amount": a}).values()) for n, a in enumerate(amounts)]
    read = by_parquet(page_of(tmp_path, table, NAMES), routes()[0], tmp_path)
    kinds = [types["Amount"] for types, _ in read]
    assert kinds == ["DECIMAL(18,2)"] * 5 + ["DECIMAL(38,18)"] * 10 + ["VARCHAR"] * 5
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 2
    assert all("Account.Amount" in line and "0.125" not in line for line in told)


PLACE = CompoundColumn(
    "Place",
    CellKind.OBJECT,
    parts=(
        ("city", PageColumn("City", CellKind.TEXT)),
        ("latitude", PageColumn("Latitude", CellKind.NUMBER)),
    ),
)
PLACE_PROPERTIES: dict[str, dict[str, Any]] = {
    "Id": {"type": ["string"]},
    "Place": {
        "type": ["object", "null"],
        "properties": {
            "city": {"type": ["string", "null"]},
            "latitude": {
                "type": ["number", "null"],
                "x-salesforce": {"precision": 18, "scale": 15},
            },
        },
    },
    "City": {"type": ["string", "null"]},
}
PLACE_COLUMNS = (PageColumn("Id", CellKind.TEXT), PLACE, PageColumn("City", CellKind.TEXT))


@settings(unhurried, max_examples=30)
@given(
    table=st.lists(
        # Inside an object an integer is read as one, so `-0` is 0 there.
        st.tuples(
            st.integers(0, 99).map(str),
            texts,
            st.just("") | odd_numbers.filter(lambda n: n != "-0"),
        ),
        max_size=9,
    ),
    depth=st.integers(1, 2),
)
def test_flattened_rows_have_the_same_values_by_columns_and_by_records(
    tmp_path: Path, table: Table, depth: int
) -> None:
    page = page_of(tmp_path, table, ["Id", "City", "Latitude"])
    config: Any = {"flattening_enabled": True, "flattening_max_depth": depth}
    mapper = PluginMapper(config, logging.getLogger())
    mapper.register_raw_stream_schema("Account", {"properties": PLACE_PROPERTIES}, ["Id"])
    (flattening,) = mapper.stream_maps["Account"]
    names = flat_names(flattening)
    assert names == {"Place": {"city": "Place__city", "latitude": "Place__latitude"}}
    expected = [
        {
            "Id": key,
            "Place__city": city or None,
            "Place__latitude": ("number", latitude) if latitude else None,
            "City": city or None,
        }
        for key, city, latitude in table
    ]
    flat, whole = flat_columns(PLACE_COLUMNS, names), PLACE_COLUMNS
    (by_columns,) = routes_of([flattening])
    for route, columns in ((by_columns, flat), (MappedRows(flattening), whole)):
        made = by_lines(page, route, columns)
        assert made == expected
        assert {tuple(each) for each in made} <= {
            tuple(flattening.transformed_schema["properties"])
        }
        assert by_jsonl(page, route, tmp_path, "none", columns) == expected
        parquet = by_parquet(page, route, tmp_path, columns)
        assert [row for _, row in parquet] == [
            tuple(value_in_parquet(types[name], line[name]) for name in types)
            for (types, _), line in zip(parquet, expected, strict=True)
        ]


def test_only_a_map_that_only_flattens_is_done_by_columns() -> None:
    def route_of(properties: dict[str, Any], **config: Any) -> Route:
        flat: Any = {"flattening_enabled": True, "flattening_max_depth": 1}
        mapper = PluginMapper(flat | config, logging.getLogger())
        mapper.register_raw_stream_schema("Account", {"properties": properties}, ["Id"])
        return routes_of(mapper.stream_maps["Account"])[0]

    assert isinstance(route_of(PLACE_PROPERTIES), SameRows)
    assert isinstance(route_of(PROPERTIES), SameRows)
    unknown = PLACE_PROPERTIES | {"Place": {"type": ["object", "null"]}}
    assert isinstance(route_of(unknown), MappedRows)
    maps: Any = {"Account": {"size": "1"}}
    assert isinstance(route_of(PLACE_PROPERTIES, stream_maps=maps), MappedRows)


def kept(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: record[name] for name in names}


@settings(unhurried, max_examples=15)
@given(table=st.lists(rows, max_size=12))
def test_rows_that_a_stream_map_sees_keep_their_values(tmp_path: Path, table: Table) -> None:
    page = page_of(tmp_path, table, NAMES)
    lines = by_lines(page, routes()[0])
    maps: dict[str, tuple[dict[str, Any], list[Any]]] = {
        "nothing": ({}, lines),
        "each field as itself": ({name: name for name in NAMES}, lines),
        "all but one": (
            {"Name": None},
            [kept(x, *(n for n in NAMES if n != "Name")) for x in lines],
        ),
        "only some": (
            {"Id": "Id", "Amount": "Amount", "__else__": None},
            [kept(line, "Id", "Amount") for line in lines],
        ),
        "a filter": ({"__filter__": "IsDeleted"}, [x for x in lines if x["IsDeleted"]]),
        "no row": ({"__filter__": "False"}, []),
    }
    for stream_map, expected in maps.values():
        route = routes(stream_map)[0]
        assert by_lines(page, route) == expected
        assert by_jsonl(page, route, tmp_path, "gzip") == expected
        parquet = by_parquet(page, route, tmp_path)
        assert [row for _, row in parquet] == [
            tuple(value_in_parquet(types[name], line[name]) for name in types)
            for (types, _), line in zip(parquet, expected, strict=True)
        ]


def test_an_expression_that_fails_names_the_row_but_no_value(tmp_path: Path) -> None:
    empty = dict.fromkeys(NAMES, "")
    table = [tuple((empty | {"Id": f"001{n}", "Name": "secret" * n}).values()) for n in (1, 0)]
    page = page_of(tmp_path, table, NAMES)
    with pytest.raises(
        DataError, match=r"stream map of `Account` fails in `Name: Name\.upper.* record 0010\."
    ) as failed:
        by_lines(page, routes({"Name": "Name.upper()"})[0])
    with pytest.raises(DataError) as quoting:
        by_lines(page, routes({"size": "int(Name)"})[0])
    assert "secret" not in str(failed.value) + str(quoting.value)
