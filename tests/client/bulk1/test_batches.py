"""Rows into batches: three forms, no batch beyond a limit, nothing lost, the order kept."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk import ContentType, DataError, Operation, OversizeRow
from sfbulk.bulk1.encode import ENCODERS
from sfbulk.load.backlog import Backlog
from sfbulk.load.record_load import BATCH_LIMITS
from sfbulk.load.sources import numbered_rows
from sfbulk.load.spool import RowSpool, SpoolSettings
from tests.client.rules import rules
from tests.client.scripted import FakeClock
from tests.client.test_spool import drained

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.load.sources import Records

SPACE = "{http://www.force.com/2009/06/asyncapi/dataload}"
NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"


def sent(
    records: Records,
    content: ContentType,
    operation: Operation = Operation.UPDATE,
    columns: list[str] | None = None,
    external_id: str | None = None,
    **limits: int,
) -> list[tuple[list[int], bytes]]:
    """Each batch: the numbers of its rows, and its bytes."""
    with TemporaryDirectory() as folder:
        batch = replace(BATCH_LIMITS, **limits)
        settings = SpoolSettings(Path(folder), ENCODERS[content], batch, "Account", FakeClock())
        spool = RowSpool(settings, Backlog())
        for number, row in numbered_rows(records, columns, rules(operation, external_id)):
            spool.add(number, row)
        return [(list(file.numbers), file.path.read_bytes()) for file in drained(spool)]


def only(records: Records, content: ContentType, **more: Any) -> bytes:
    ((_, body),) = sent(records, content, **more)
    return body


UPDATES: list[dict[str, Any]] = [
    {
        "Id": "001000000000001",
        "Name": 'x,"y"\r\n<é😀>&',
        "Fax": None,
        "Site": "",
        "NumberOfEmployees": 12,
        "AnnualRevenue": Decimal("1234567890123456.10"),
        "Active__c": True,
        "Owner.Email": "a@b.c",
        "Contact:Who.Ext__c": "k",
        "Lead:What.Code__c": 7,
    }
]


def test_csv_has_a_header_and_the_words_for_null() -> None:
    header, row = csv.reader(io.StringIO(only(UPDATES, ContentType.CSV).decode(), newline=""))
    assert header == list(UPDATES[0])
    assert row == [
        "001000000000001",
        'x,"y"\n<é😀>&',
        "#N/A",
        "#N/A",
        "12",
        "1234567890123456.10",
        "true",
        "a@b.c",
        "k",
        "7",
    ]


def test_json_has_types_nulls_and_parents() -> None:
    body = only(UPDATES, ContentType.JSON)
    assert json.loads(body, parse_float=Decimal) == [
        {
            "Id": "001000000000001",
            "Name": 'x,"y"\n<é😀>&',
            "Fax": None,
            "Site": None,
            "NumberOfEmployees": 12,
            "AnnualRevenue": Decimal("1234567890123456.10"),
            "Active__c": True,
            "Owner": {"Email": "a@b.c"},
            "Who": {"attributes": {"type": "Contact"}, "Ext__c": "k"},
            "What": {"attributes": {"type": "Lead"}, "Code__c": 7},
        }
    ]


def test_xml_has_nils_and_parents() -> None:
    root = ET.fromstring(only(UPDATES, ContentType.XML))  # noqa: S314 - made here
    assert root.tag == SPACE + "sObjects"
    (record,) = root
    fields = {child.tag.removeprefix(SPACE): child for child in record}
    assert fields["Name"].text == 'x,"y"\n<é😀>&'
    assert fields["AnnualRevenue"].text == "1234567890123456.10"
    assert [name for name, field in fields.items() if field.get(NIL) == "true"] == ["Fax", "Site"]
    (owner,) = fields["Owner"]
    assert [(c.tag.removeprefix(SPACE), c.text) for c in owner] == [("Email", "a@b.c")]
    (what,) = fields["What"]
    assert [(c.tag.removeprefix(SPACE), c.text) for c in what] == [
        ("type", "Lead"),
        ("Code__c", "7"),
    ]


def test_an_insert_leaves_out_what_has_no_value() -> None:
    records = [{"Name": "a", "Fax": None}]
    assert only(records, ContentType.CSV, operation=Operation.INSERT).endswith(b'"a",""\n')
    assert json.loads(only(records, ContentType.JSON, operation=Operation.INSERT)) == [
        {"Name": "a"}
    ]
    assert b"Fax" not in only(records, ContentType.XML, operation=Operation.INSERT)


@pytest.mark.parametrize(
    "source",
    [
        [("a", "1", None), ("b", "2", "x")],
        iter([["a", "1", None], ["b", "2", "x"]]),
        ({"Name": n, "Fax": f, "Site": s} for n, f, s in [("a", "1", None), ("b", "2", "x")]),
        b'Name,Fax,Site\na,1,\n"b","2",x\n',
        b'Name,Fax,Site\r\na,1,\r\n"b","2",x',
    ],
)
def test_records_of_every_kind_are_accepted(source: Records) -> None:
    body = only(
        source, ContentType.CSV, operation=Operation.INSERT, columns=["Name", "Fax", "Site"]
    )
    assert body == b'"Name","Fax","Site"\n"a","1",""\n"b","2","x"\n'


def test_a_csv_file_clears_a_field_with_na_and_an_empty_cell_changes_nothing(
    tmp_path: Path,
) -> None:
    file = tmp_path / "accounts.csv"
    file.write_bytes(b"Id,Fax,Site,Rating\n001000000000001,#N/A,,12\n")
    assert only(file, ContentType.CSV).endswith(b'"001000000000001","#N/A","","12"\n')
    assert json.loads(only(file, ContentType.JSON)) == [
        {"Id": "001000000000001", "Fax": None, "Rating": "12"}
    ]


@pytest.mark.parametrize(
    ("records", "columns", "text"),
    [
        ([{"Name": "a"}, {"Name": object()}], None, "Record 2: Name: a value of type object"),
        ([{"Name": "#N/A"}], None, "Record 1: Name: the text #N/A cannot be stored"),
        ([["a", "b"]], None, "Record 1 is a sequence"),
        ([["a"], ["a", "b"]], ["Name"], "Record 2 has 2 values, but there are 1 columns"),
        ([{"Name": "\ud800"}], None, "half a surrogate"),
        ([{"Name": "x" * 131_073}], None, "Column 1 of the row has 131,073 characters"),
    ],
)
@pytest.mark.parametrize("content", ContentType)
def test_what_cannot_be_sent_is_named(
    records: Records, columns: list[str] | None, text: str, content: ContentType
) -> None:
    with pytest.raises(DataError, match=text):
        sent(records, content, Operation.INSERT, columns)


def test_a_character_that_xml_does_not_allow_is_refused() -> None:
    for character in ("\x00", "\x0b", "\ufffe"):
        with pytest.raises(DataError, match="Name: the text has a character that XML"):
            sent([{"Name": character}], ContentType.XML, Operation.INSERT)


@pytest.mark.parametrize("content", [ContentType.JSON, ContentType.XML])
def test_a_name_that_could_break_out_of_its_place_is_refused(content: ContentType) -> None:
    for name in ("a b", "x><y", "A.B.C", "", "1a", 'a"'):
        with pytest.raises(DataError, match="is not a valid field name"):
            sent([{name: "x"}], content, Operation.INSERT)


def test_repeated_columns_are_refused() -> None:
    with pytest.raises(DataError, match="name"):
        sent([{"Name": "a", "name": "b"}], ContentType.CSV, Operation.INSERT)


def test_a_key_must_be_there() -> None:
    for records in ([{"Name": "a"}], [{"Id": None}], b"Name\na\n", b'Id\n""\n'):
        with pytest.raises(DataError, match="Id"):
            sent(records, ContentType.CSV)


def test_a_delete_sends_ids_alone() -> None:
    records = [{"Name": "a", "Id": "001000000000001"}]
    body = only(records, ContentType.CSV, operation=Operation.DELETE)
    assert body == b'"Id"\n"001000000000001"\n'


def test_a_row_larger_than_a_batch_is_refused() -> None:
    with pytest.raises(OversizeRow, match="accepts in one upload"):
        sent([{"Name": "x" * 80}], ContentType.CSV, Operation.INSERT, bytes=80)


@pytest.mark.parametrize("content", ContentType)
def test_a_batch_may_be_filled_to_the_last_byte(content: ContentType) -> None:
    records = [{"Name": "ü" * 10}] * 3
    whole = len(only(records, content, operation=Operation.INSERT))
    exact = sent(records, content, Operation.INSERT, bytes=whole)
    assert [len(numbers) for numbers, _ in exact] == [3]
    split = sent(records, content, Operation.INSERT, bytes=whole - 1)
    assert [len(numbers) for numbers, _ in split] == [2, 1]


def test_the_limits_are_salesforces() -> None:
    records = ({"Name": f"{n:05}"} for n in range(10_001))
    assert [len(numbers) for numbers, _ in sent(records, ContentType.CSV, Operation.INSERT)] == [
        10_000,
        1,
    ]
    records = ({"Name": "ü" * 100_000} for _ in range(51))
    bodies = [body for _, body in sent(records, ContentType.CSV, Operation.INSERT)]
    assert [len(body) <= 10_000_000 for body in bodies] == [True, True]


texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
texts = texts.filter(lambda text: text != "#N/A")  # It says "clear the field", and is refused.
rows = st.lists(
    st.dictionaries(st.sampled_from(["Name", "Fax", "Site"]), texts, min_size=1), max_size=30
)


def read_back(content: ContentType, body: bytes) -> list[dict[str, str]]:
    if content is ContentType.CSV:
        found = csv.DictReader(io.StringIO(body.decode(), newline=""), strict=True)
        # A row of one empty cell would be a blank line to Salesforce: it is sent as null, in words.
        return [
            {name: value for name, value in row.items() if value not in ("", "#N/A")}
            for row in found
        ]
    if content is ContentType.JSON:
        parsed: list[dict[str, str]] = json.loads(body)
        return parsed
    root = ET.fromstring(body)  # noqa: S314 - made here
    return [{c.tag.removeprefix(SPACE): c.text or "" for c in record} for record in root]


@pytest.mark.parametrize("content", ContentType)
@settings(deadline=None)
@given(records=rows, max_rows=st.integers(1, 8), max_bytes=st.integers(400, 900))
def test_no_batch_is_beyond_a_limit_and_nothing_is_lost(
    content: ContentType, records: list[dict[str, str]], max_rows: int, max_bytes: int
) -> None:
    if content is ContentType.XML:
        kept = "\t\n\r"
        records = [
            {
                name: "".join(
                    c for c in text if c in kept or (c >= " " and c not in "\ufffe\uffff")
                )
                for name, text in record.items()
            }
            for record in records
        ]
    batches = sent(records, content, Operation.INSERT, rows=max_rows, bytes=max_bytes)
    found: dict[int, Mapping[str, str]] = {}
    for numbers, body in batches:
        assert len(body) <= max_bytes
        assert 0 < len(numbers) <= max_rows
        assert numbers == sorted(numbers)
        found |= dict(zip(numbers, read_back(content, body), strict=True))
    expected = [
        {name: re.sub("\r\n?", "\n", text) for name, text in record.items() if text}
        for record in records
    ]
    assert [found[number] for number in sorted(found)] == expected
    assert sum(len(numbers) for numbers, _ in batches) == len(records)


def test_a_row_of_one_empty_cell_is_not_sent_as_a_blank_line() -> None:
    body = only([{"Name": None}], ContentType.CSV, operation=Operation.INSERT)
    assert body == b'"Name"\n"#N/A"\n'
