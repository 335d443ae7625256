"""Results of Bulk API 1.0 in CSV, JSON and XML, with every chunk boundary."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import ContentType, RowResult
from sfbulk.bulk1.query_rows import read_rows
from sfbulk.bulk1.row_results import read_row_results
from sfbulk.errors import CsvError, DataError
from sfbulk.jobs.row_error import RowError
from sfbulk.safe import keep_secret

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDED = Path(__file__).resolve().parents[4] / "shared" / "recordings" / "bulk1"
recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recordings are not beside us")
SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XSI = "http://www.w3.org/2001/XMLSchema-instance"

cuts = st.lists(st.integers(0, 400), max_size=6)


def pieces(body: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({min(place, len(body)) for place in places} | {0, len(body)})
    return [body[a:b] for a, b in pairwise(ends)] or [b""]


CSV_RESULTS = (
    '"Id","Success","Created","Error"\n'
    '"001A","true","true",""\n'
    '"","false","false","REQUIRED_FIELD_MISSING:Pflichtfeld fehlt: [Näme]:Näme --"\n'
    '"001B","TRUE","False",""\n'
).encode()
JSON_RESULTS = json.dumps(
    [
        {"success": True, "created": True, "id": "001A", "errors": []},
        {
            "success": False,
            "created": False,
            "id": None,
            "errors": [
                {
                    "message": "Pflichtfeld fehlt: [Näme]",
                    "fields": ["Näme"],
                    "statusCode": "REQUIRED_FIELD_MISSING",
                    "extendedErrorDetails": None,
                }
            ],
        },
        {"success": True, "created": False, "id": "001B"},
    ],
    ensure_ascii=False,
).encode()
XML_RESULTS = (
    f'<?xml version="1.0" encoding="UTF-8"?>\n<results xmlns="{SPACE}">'
    "<result><id>001A</id><success>true</success><created>true</created></result>\n"
    "<result><errors><fields>Näme</fields><message>Pflichtfeld fehlt: [Näme]</message>"
    "<statusCode>REQUIRED_FIELD_MISSING</statusCode></errors><success>false</success>"
    "<created>false</created></result>"
    "<result><id>001B</id><success>true</success><created>false</created></result></results>"
).encode()
EXPECTED = [
    RowResult("001A", success=True, created=True),
    RowResult(
        None,
        success=False,
        created=False,
        errors=(RowError("REQUIRED_FIELD_MISSING", "Pflichtfeld fehlt: [Näme]", ("Näme",)),),
    ),
    RowResult("001B", success=True, created=False),
]
RESULTS = {
    ContentType.CSV: CSV_RESULTS,
    ContentType.JSON: JSON_RESULTS,
    ContentType.XML: XML_RESULTS,
}


@pytest.mark.parametrize("content", ContentType)
@given(places=cuts)
def test_row_results_are_the_same_in_each_form_and_for_all_chunks(
    content: ContentType, places: list[int]
) -> None:
    chunks = pieces(RESULTS[content], places)
    found = list(read_row_results(content, chunks))
    assert found == EXPECTED
    assert [row.error for row in found] == [None, EXPECTED[1].errors[0], None]


@recorded
def test_a_recorded_refusal_is_read_though_it_has_an_id() -> None:
    body = (RECORDED / "javierjulio_batch_result_list_failed_response.csv").read_bytes()
    found = list(read_row_results(ContentType.CSV, [body]))
    assert [(row.id, row.success) for row in found] == [
        ("a00E0000002V30LIAS", False),
        ("a00E0000002V30MIAS", False),
    ]
    assert [row.error and row.error.message for row in found] == [
        "Error message",
        "Error message with <b>HTML</b>",
    ]


CSV_ROWS = '"Id","Näme","Account.Name"\n"003","a ""b""\r\nc ü😀","Acme"\n"004","",""\n'.encode()
JSON_ROWS = (
    '[ {"attributes":{"type":"Contact","url":"/x"},"Id":"003","Näme":"a \\"b\\"\\r\\nc ü😀",'
    '"Account":{"attributes":{"type":"Account"},"Name":"Acme"}}\n,'
    '{"attributes":{"type":"Contact"},"Id":"004","Näme":null,"Account":{"Name":null}} ]\n'
).encode()
XML_ROWS = (
    f'<?xml version="1.0" encoding="UTF-8"?><queryResult xmlns="{SPACE}" xmlns:xsi="{XSI}">'
    '<records xsi:type="sObject"><type>Contact</type><Id>003</Id><Id>003</Id>'
    '<Näme>a "b"&#13;\nc ü😀</Näme><Account xsi:type="sObject"><type>Account</type>'
    "<Name>Acme</Name></Account></records>"
    '<records xsi:type="sObject"><type>Contact</type><Id>004</Id><Id>004</Id>'
    '<Näme xsi:nil="true"/><Account><type>Account</type><Name xsi:nil="1"/></Account></records>'
    "</queryResult>"
).encode()
ROWS = {ContentType.CSV: CSV_ROWS, ContentType.JSON: JSON_ROWS, ContentType.XML: XML_ROWS}


@pytest.mark.parametrize("content", ContentType)
@given(places=cuts)
def test_rows_are_the_same_in_each_form_and_for_all_chunks(
    content: ContentType, places: list[int]
) -> None:
    assert list(read_rows(content, pieces(ROWS[content], places))) == [
        {"Id": "003", "Näme": 'a "b"\r\nc ü😀', "Account.Name": "Acme"},
        {"Id": "004", "Näme": None, "Account.Name": None},
    ]


def test_names_with_a_prefix_are_read_by_their_local_name() -> None:
    body = (
        f'<queryResult xmlns="{SPACE}" xmlns:sf="urn:sobject.partner.soap.sforce.com">'
        "<records><sf:type>Account</sf:type><sf:Id>001</sf:Id><sf:Id>001</sf:Id>"
        "<sf:Name>a</sf:Name><sf:Type>Customer</sf:Type></records></queryResult>"
    ).encode()
    assert list(read_rows(ContentType.XML, [body])) == [
        {"Id": "001", "Name": "a", "Type": "Customer"}
    ]


def test_an_id_that_was_not_selected_is_not_a_column() -> None:
    body = (
        f'<queryResult xmlns="{SPACE}" xmlns:xsi="{XSI}"><records><type>Account</type>'
        '<Id xsi:nil="true"/><Name>a</Name></records></queryResult>'
    ).encode()
    assert list(read_rows(ContentType.XML, [body])) == [{"Name": "a"}]


def test_json_values_keep_their_types_and_digits() -> None:
    body = b'[{"N":123456789012345678,"A":0.10,"B":true,"C":1.23456789012345678E10,"D":9466}]'
    (row,) = read_rows(ContentType.JSON, [body])
    assert row == {
        "N": 123456789012345678,
        "A": Decimal("0.10"),
        "B": True,
        "C": Decimal("12345678901.2345678"),
        "D": 9466,
    }
    assert str(row["A"]) == "0.10"


@recorded
def test_recorded_rows_are_read() -> None:
    body = (RECORDED / "javierjulio_query_result_response.csv").read_bytes()
    first, *others = read_rows(ContentType.CSV, [body])
    assert first == {"Id__c": "23456.0", "Title__c": "A second test!", "IsPreview__c": "true"}
    assert len(others) == 3


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (ContentType.CSV, b"Records not found for this query"),
        (ContentType.CSV, b"Records not found for this query\n"),
        (ContentType.CSV, b""),
        (ContentType.CSV, b'"Id","Name"\n'),
        (ContentType.JSON, b"[]"),
        (ContentType.JSON, b" [ ]\n"),
        (ContentType.XML, f'<queryResult xmlns="{SPACE}"/>'.encode()),
        (ContentType.XML, f'<queryResult xmlns="{SPACE}"></queryResult>'.encode()),
    ],
)
def test_no_rows_are_no_rows(content: ContentType, body: bytes) -> None:
    assert list(read_rows(content, [body])) == []
    assert list(read_rows(content, [body[i : i + 1] for i in range(len(body))])) == []


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (ContentType.CSV, b'"Id","Name"\n"x"\n'),
        (ContentType.CSV, b'"Id"\n"\xff"\n'),
        (ContentType.JSON, b""),
        (ContentType.JSON, b"{}"),
        (ContentType.JSON, b"[{}"),
        (ContentType.JSON, b'[{"a":'),
        (ContentType.JSON, b"[{}]x"),
        (ContentType.JSON, b"[1]"),
        (ContentType.JSON, b'[{"a":"\xff"}]'),
        (ContentType.XML, b""),
        (ContentType.XML, b"<queryResult><records>"),
        (ContentType.XML, b"<queryResult></records>"),
        (ContentType.XML, b"<!DOCTYPE a [<!ENTITY b 'c'>]><a><d>&b;</d></a>"),
        (ContentType.XML, b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'),
    ],
)
@pytest.mark.parametrize("read", [read_rows, read_row_results])
def test_a_file_that_is_not_valid_is_an_error(
    content: ContentType, body: bytes, read: Callable[..., Any]
) -> None:
    with pytest.raises(DataError) as caught:
        list(read(content, [body]))
    assert (content is ContentType.CSV) == isinstance(caught.value, CsvError)


@pytest.mark.parametrize(
    ("content", "body"),
    [
        (ContentType.CSV, b'"Id","Success","Created","Error"\n"1","perhaps","true",""\n'),
        (ContentType.CSV, b'"Id","Created","Error"\n"1","true",""\n'),
        (ContentType.JSON, b'[{"id":"1","success":null,"created":true}]'),
        (ContentType.XML, b"<results><result><id>1</id></result></results>"),
    ],
)
def test_a_result_that_says_neither_true_nor_false_is_an_error(
    content: ContentType, body: bytes
) -> None:
    with pytest.raises(DataError, match=r"true or false|at `\$\.success`"):
        list(read_row_results(content, [body]))


def test_half_a_character_in_json_becomes_a_question_mark_and_nan_is_an_error() -> None:
    body = rb'[{"Id": "1", "Name": "a\ud800b", "More": "\ud83d\ude00"}]'
    (row,) = read_rows(ContentType.JSON, [body])
    assert row == {"Id": "1", "Name": "a?b", "More": "😀"}
    for word in (b"NaN", b"-Infinity"):
        with pytest.raises(DataError, match=word.decode()):
            list(read_rows(ContentType.JSON, [b'[{"Amount": ' + word + b"}]"]))


@pytest.mark.parametrize("content", ContentType)
def test_the_reason_of_a_rejected_row_has_no_secret_in_any_form(content: ContentType) -> None:
    keep_secret("s3cret-of-the-org")
    bodies = {
        ContentType.CSV: b'Id,Success,Created,Error\n"",false,false,"X:bad s3cret-of-the-org:F --"',
        ContentType.JSON: b'[{"success": false, "created": false, "id": null, "errors": '
        b'[{"statusCode": "X", "message": "bad s3cret-of-the-org", "fields": ["F"]}]}]',
        ContentType.XML: b"<results><result><errors><fields>F</fields><message>bad "
        b"s3cret-of-the-org</message><statusCode>X</statusCode></errors><success>false</success>"
        b"<created>false</created></result></results>",
    }
    (result,) = read_row_results(content, [bodies[content]])
    assert result.error == RowError("X", "bad [secret]", ("F",))
