"""Every parser of bytes from outside, with what must hold for any input; for fuzzers.

Each takes bytes, and tells whether they were accepted. It fails if an exception leaves the parser
that the parser does not declare, or if a value that was read is not the one that was written.
"""

from __future__ import annotations

import gzip
import json
import zlib
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib.exceptions import InvalidInputLine

from sfbulk.bulk1 import documents
from sfbulk.bulk1.query_rows import read_rows
from sfbulk.bulk1.row_results import read_row_results
from sfbulk.bulk1.states import ContentType
from sfbulk.bulk2.states import parse_job
from sfbulk.csvio import CsvDecoder, CsvEncoder, header_names, sheet_rows
from sfbulk.csvio.sheets import SheetError, sheet_delimiter
from sfbulk.describe.model import parse_describe, parse_summary
from sfbulk.errors import CsvError, DataError, SalesforceError
from sfbulk.http.dates import document_date, http_date
from sfbulk.http.gunzip import DamagedGzipError, gunzip
from sfbulk.http.json_text import UnusableJsonError, json_value
from sfbulk.http.mapping import api_error
from sfbulk.http.safe_xml import UnusableXmlError, parse_xml
from sfbulk.http.wire import Reply, Request
from sfbulk.jobs.row_error import parse_row_error
from sfbulk.quota.limits import parse_limit_info, parse_limits
from sfbulk.read.json_cells import RecordCells, parse_json
from sfbulk.soql import in_brackets, parse_select, root_object, text_literal
from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.soql.parser import parse
from target_sfbulk.json_lines import JsonLineError, escaped_json_line, read_json
from target_sfbulk.raw_json import raw_members
from target_sfbulk.reader import ExactReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

REQUEST = Request("GET", "/services/async/68.0/job/x", "Read x")
JSON, XML, CSV = ContentType.JSON, ContentType.XML, ContentType.CSV
DELIMITERS = ",;\t"


def text_of(data: bytes) -> str:
    """Any text, also with lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def pieces(data: bytes) -> Iterator[bytes]:
    """The bytes in pieces, whose lengths the bytes themselves choose."""
    at = 0
    while at < len(data):
        size = data[at] % 7 + 1
        yield data[at : at + size]
        at += size


def csv_decoder(data: bytes) -> bool:
    """Rows do not depend on the pieces in which they arrive."""
    whole, parts = _decoded(data), _decoded(*pieces(data))
    assert whole is None or parts is None or whole == parts
    header_names(data)
    return whole is not None


def _decoded(*chunks: bytes) -> tuple[Any, list[list[str]]] | None:
    decoder = CsvDecoder()
    try:
        rows = [row for chunk in chunks for row in decoder.feed(chunk)]
        rows += decoder.flush()
    except CsvError:
        return None
    return decoder.header, rows


def csv_round_trip(data: bytes) -> bool:
    """What the encoder writes, the decoder reads, with line breaks as LF."""
    cells = text_of(data).split("\x1f")
    columns = [f"c{number}" for number in range(len(cells))]
    try:
        encoder = CsvEncoder(columns)
        body = encoder.header() + encoder.row(cells)
    except DataError:
        return False
    wanted = [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
    assert _decoded(body) == (tuple(columns), [wanted])
    assert _decoded(*pieces(body)) == (tuple(columns), [wanted])
    return True


def sheets(data: bytes) -> bool:
    """The CSV of spreadsheets."""
    text = data.decode("utf-8", "replace")
    lines = text.splitlines(keepends=True)
    delimiter = sheet_delimiter(lines[0] if lines else "", ["a"]) or DELIMITERS[len(data) % 3]
    try:
        rows = list(sheet_rows(lines, delimiter))
    except SheetError:
        return False
    return bool(rows)


def json_document(data: bytes) -> bool:
    """JSON of the API, and the documents that are made of it."""
    try:
        value = json_value(data)
    except UnusableJsonError:
        return False
    for reader in (parse_describe, parse_summary, parse_job):
        _accepts(partial(reader, value), ValueError, SalesforceError)
    if isinstance(value, dict):
        parse_limits(value)
    return True


def json_cells(data: bytes) -> bool:
    """Records of a REST query as cells of Bulk API."""
    try:
        record = parse_json(data)
    except UnusableJsonError:
        return False
    names = [name for name in record if name and "." not in name] if type(record) is dict else ["a"]
    try:
        row = RecordCells(names or ["a"], lambda _path: None).row(record)
    except DataError:
        return False
    found = _decoded(_header(names) + row)
    assert found is not None
    assert len(found[1]) == 1
    return True


def _header(names: list[str]) -> bytes:
    return ",".join(f'"h{number}"' for number, _ in enumerate(names)).encode() + b"\n"


def bulk1_documents(data: bytes) -> bool:
    """Jobs, batches and lists of Bulk API 1.0."""
    reply = Reply(200, {}, data)
    readers: tuple[Callable[[Request, Reply], Any], ...] = (
        documents.read_job,
        documents.read_batch,
        documents.read_batches,
        documents.read_result_ids,
    )
    found = [_accepts(partial(read, REQUEST, reply), SalesforceError) for read in readers]
    return any(found)


def bulk1_results(data: bytes) -> bool:
    """Result files of Bulk API 1.0, in each form; whole and in pieces they have the same rows."""
    accepted = False
    for kind in (JSON, XML, CSV):
        for read in (read_rows, read_row_results):
            found = [_list(read, kind, [data]), _list(read, kind, pieces(data))]
            assert None in found or found[0] == found[1]
            accepted |= found[0] is not None
    return accepted


def _list(read: Any, kind: ContentType, chunks: Any) -> list[Any] | None:
    try:
        return list(read(kind, chunks))
    except DataError:
        return None


def xml(data: bytes) -> bool:
    """XML documents."""
    return _accepts(lambda: parse_xml(data), UnusableXmlError)


def error_bodies(data: bytes) -> bool:
    """Bodies of errors: whatever they have, they are one of our errors."""
    error = api_error("Read x", 400, {"Retry-After": text_of(data[:40])}, data)
    parse_row_error(data.decode("utf-8", "replace"))
    return error.code is not None


def headers(data: bytes) -> bool:
    """Values of headers, and dates of documents."""
    text = data.decode("latin-1")
    _accepts(lambda: document_date(text), ValueError)
    found = [parse_limit_info(text), http_date(text)]
    return any(each is not None for each in found)


def gzip_bodies(data: bytes) -> bool:
    """A body in pieces is what the standard library makes of it, or damaged."""
    try:
        unpacked = b"".join(gunzip(pieces(data), 50))
    except DamagedGzipError:
        return False
    # The library may refuse what zlib itself does not, such as zeros between streams.
    with suppress(OSError, EOFError, zlib.error):
        assert unpacked == gzip.decompress(data)
    assert b"".join(gunzip(pieces(gzip.compress(data)), 50)) == data
    return True


def singer_lines(data: bytes) -> bool:
    """A line of the target's input: its values are those that Python's own reader finds."""
    for line in data.split(b"\n"):
        reader = ExactReader()
        try:
            message = reader.deserialize_json(line)
        except InvalidInputLine as error:
            assert str(error).startswith("Line 1 of the input is not a Singer message: ")  # noqa: PT017 - most inputs raise nothing, so pytest.raises does not fit
            continue
        if message["type"] == "RECORD":
            assert _same(message["record"], _plain(line)["record"])
        return True
    return False


def _plain(line: bytes) -> Any:
    text = line.decode("utf-8-sig")
    return json.loads(text, parse_float=Decimal)


def _same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, dict):
        return found.keys() == wanted.keys() and all(_same(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(_same, found, wanted))
    if isinstance(wanted, Decimal):
        return Decimal(str(found)) == wanted
    return bool(found == wanted) and type(found) is type(wanted)


def json_lines(data: bytes) -> bool:
    """JSON that the target writes again, such as a rejected record; and its members' bytes."""
    _accepts(lambda: raw_members(data), ValueError)
    try:
        value = read_json(data)
    except JsonLineError:
        return False
    assert _same(read_json(escaped_json_line(value)), value)
    return True


def soql(data: bytes) -> bool:
    """A query of a user: what the client writes in brackets, it reads as one clause."""
    query = data.decode("utf-8", "replace")
    _accepts(lambda: root_object(query), DataError)
    _accepts(lambda: in_brackets(query), DataError)
    try:
        statement = parse_select(query)
        written = statement.written(["Id"], ["Name != null"], limit=1)
    except DataError:
        return False
    again = parse_select(written)
    assert again.sobject == statement.sobject
    assert "Name != null" in (again.clause("WHERE") or "")
    assert [each.text for each in again.items] == ["Id"]
    return True


def soql_literals(data: bytes) -> bool:
    """Any text is one literal: to the client, and to the sandbox, which reads the same text."""
    text = data.decode("utf-8", "replace")
    query = f"SELECT Id FROM Account WHERE Name = {text_literal(text)}"  # noqa: S608 - whether a text can leave its quotes is what is tried
    assert [item.text for item in parse_select(query).items] == ["Id"]
    if len(query) > 50_000:
        return False
    where: Any = parse(query).where
    assert where.value.text == text
    return True


def sandbox_soql(data: bytes) -> bool:
    """A query that the sandbox reads."""
    return _accepts(lambda: parse(data.decode("utf-8", "replace")), Fault)


def _accepts(run: Callable[[], object], *declared: type[Exception]) -> bool:
    try:
        run()
    except declared:
        return False
    return True


PARSERS: dict[str, Callable[[bytes], bool]] = {
    parser.__name__: parser
    for parser in (
        csv_decoder,
        csv_round_trip,
        sheets,
        json_document,
        json_cells,
        bulk1_documents,
        bulk1_results,
        xml,
        error_bodies,
        headers,
        gzip_bodies,
        singer_lines,
        json_lines,
        soql,
        soql_literals,
        sandbox_soql,
    )
}
