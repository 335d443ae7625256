"""Rows and headers are bounded, errors name what was read, and a cut page is requested again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sfbulk.bulk1.streams import json_records, xml_records
from sfbulk.csvio import MAX_HEADER_BYTES, MAX_ROW_BYTES, CsvDecoder, decode_rows, header_names
from sfbulk.errors import CsvError, DataError
from tests.client.scripted import Answer, ScriptedServer
from tests.client.test_jobs import ID, complete, page, query

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk.transport import Transport

CHUNK = 256 * 1024


def chunks(start: bytes, then: bytes, size: int) -> Iterator[bytes]:
    yield start
    for _ in range(size // CHUNK + 1):
        yield (then * (CHUNK // len(then) + 1))[:CHUNK]


@pytest.mark.parametrize("then", [b"x", b"\n", b"'a'\n", b'""', b'"",""\n"'])
def test_a_row_whose_quote_does_not_end_is_read_to_the_bound(then: bytes) -> None:
    began = time.process_time()
    with pytest.raises(CsvError) as caught:
        list(decode_rows(chunks(b'"Id"\n"1"\n"', then, MAX_ROW_BYTES)))
    # What follows a quote may be wrong before the bound is reached.
    assert "row" in str(caught.value).lower()
    # Each chunk is looked at once: with another look at each one it takes minutes.
    assert time.process_time() - began < 20


def test_a_row_at_the_bound_is_read() -> None:
    cell = b"x" * (MAX_ROW_BYTES - 3)
    body = b'"Id"\n"' + cell + b'"\n"2"\n'
    rows = list(decode_rows(body[at : at + CHUNK] for at in range(0, len(body), CHUNK)))
    assert [len(row["Id"]) for row in rows] == [MAX_ROW_BYTES - 3, 1]


def test_a_row_beyond_the_bound_names_the_row_before() -> None:
    with pytest.raises(CsvError, match="After row 1 there is a row of more than 64,000,000 bytes"):
        list(decode_rows(chunks(b'"Id"\n"1"\n"', b"x", MAX_ROW_BYTES)))


def test_a_header_row_has_a_bound_of_its_own() -> None:
    with pytest.raises(CsvError, match="After row 0 there is a row of more than 4,000,000 bytes"):
        list(decode_rows(chunks(b"", b"x,", MAX_HEADER_BYTES)))
    decoder = CsvDecoder()
    # A long row that arrives with the header row is not taken for a part of it.
    assert decoder.feed(b'"Id"\n"' + b"x" * (MAX_HEADER_BYTES + 1)) == []
    assert [len(row[0]) for row in decoder.feed(b'"\n')] == [MAX_HEADER_BYTES + 1]


def test_a_record_in_json_is_bounded_and_read_in_time() -> None:
    began = time.process_time()
    with pytest.raises(DataError, match="record of more than 64,000,000 characters"):
        list(json_records(chunks(b'[{"Id": "1"}, {"Id": "', b"x", MAX_ROW_BYTES)))
    long = "x" * 20_000_000
    body = b'[{"Id": "%s"}, {"Id": "2"}]' % long.encode()
    found = list(json_records(body[at : at + 4096] for at in range(0, len(body), 4096)))
    assert [record["Id"] for record in found] == [long, "2"]
    assert time.process_time() - began < 20


def test_a_record_in_xml_is_bounded() -> None:
    with pytest.raises(DataError, match="record of more than 64,000,000 bytes"):
        list(xml_records(chunks(b"<r><a><Id>1</Id></a><a><Id>", b"x", MAX_ROW_BYTES)))


@pytest.mark.parametrize("line", [b"a\rb,c", b"a,b\n" * 2, b"\r\r", b"x" * 200_000 + b'"'])
def test_a_line_that_is_no_header_has_no_names(line: bytes) -> None:
    assert isinstance(header_names(line), list)


CUT = Answer(200, b'"Id"\n"a"\n"b', {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "2"})


def test_a_page_that_is_cut_inside_a_value_is_requested_again(
    server: ScriptedServer, transport: Transport
) -> None:
    assert CUT.cut is None, "its length is right"
    running = query(transport, server, complete(2), CUT, page(2))
    assert len(list(running.rows())) == 2
    assert [line.endswith("/results") for line in server.lines[-2:]] == [True, True]


def test_a_page_that_is_cut_each_time_is_an_error_that_names_the_job(
    server: ScriptedServer, transport: Transport
) -> None:
    running = query(transport, server, complete(2), *[CUT] * 6)
    said = f"The first result page of job {ID}: After row 1 the data is not CSV"
    with pytest.raises(CsvError, match=said) as caught:
        list(running.rows())
    assert caught.value.job_id == ID
    # What comes alike a second time is what Salesforce has.
    assert len([line for line in server.lines if line.endswith("/results")]) == 2


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b'"a","b"', "Row 2 has 2 cells, but the header has 1"),
        (b'"a"x', "After row 0 the data is not CSV"),
        (b"a\rb", "After row 0 the data is not CSV"),
        (b'"\xff"', "After row 0 the data is not UTF-8"),
        (b"", "Row 2 has 0 cells"),
    ],
)
def test_a_page_with_a_broken_row_is_an_error_that_names_job_and_page(
    server: ScriptedServer, transport: Transport, row: bytes, said: str
) -> None:
    broken = Answer(200, b'"Id"\n"1"\n' + row + b"\n", {"Sforce-Locator": "null"})
    running = query(transport, server, complete(2), broken)
    with pytest.raises(CsvError) as caught:
        list(running.rows())
    assert str(caught.value).startswith(f"The first result page of job {ID}: {said}")
    assert caught.value.job_id == ID


def test_nul_in_a_page_is_a_character(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    answer = Answer(200, b'"Id"\n"a\x00b"\n', {"Sforce-Locator": "null"})
    running = query(transport, server, complete(1), answer)
    assert list(running.rows()) == [{"Id": "a\x00b"}]
    assert not list(tmp_path.iterdir())
