"""Bulk API 1.0 loads: records in three formats, results in the order of the rows."""

from __future__ import annotations

import csv
import io
import json
import tempfile
from pathlib import Path
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.behaviour import Behaviour
from sfbulk_sandbox.bulk1.content import read_table
from sfbulk_sandbox.bulk1.settings import ContentType
from tests.sandbox_bulk1.async_api import NAMESPACE, AsyncApi, children

XSI = "http://www.w3.org/2001/XMLSchema-instance"


def s_objects(*records: str) -> bytes:
    inside = "".join(f"<sObject>{record}</sObject>" for record in records)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<sObjects xmlns="{NAMESPACE}" '
        f'xmlns:xsi="{XSI}">{inside}</sObjects>'
    ).encode()


def test_csv_results_are_quoted_and_exactly_text_csv(api: AsyncApi) -> None:
    batch = api.run(api.job("insert", "Account"), "Name,Fax\nx,1\n,2\n")
    answer = api.get(batch + "/result")
    assert answer.headers["Content-Type"] == "text/csv"
    header, created, refused = answer.text.splitlines()
    assert header == '"Id","Success","Created","Error"'
    assert created.startswith('"001')
    assert created.endswith('","true","true",""')
    assert refused == (
        '"","false","false","REQUIRED_FIELD_MISSING:Required fields are missing: [Name]:Name --"'
    )


def test_results_come_in_the_order_of_the_rows(api: AsyncApi) -> None:
    ids = api.accounts(450)
    asked = [*reversed(ids[100:350]), "001000000000000AAA", *ids[:100]]
    body = "Id,Fax\n" + "".join(f"{record_id},1\n" for record_id in asked)
    results = api.load("update", "Account", body)
    refused = asked.index("001000000000000AAA")
    assert [row[0] for row in results] == [*asked[:refused], "", *asked[refused + 1 :]]
    assert {tuple(row[1:3]) for row in results} == {("true", "false"), ("false", "false")}


def test_a_deleted_record_is_refused_as_recorded(api: AsyncApi) -> None:
    (record_id,) = api.accounts(1)
    assert api.load("delete", "Account", f"Id\n{record_id}\n") == [[record_id, "true", "false", ""]]
    for operation, body in [
        ("update", f"id,Name\n{record_id},x"),
        ("delete", f"id\n{record_id}"),
    ]:
        results = api.load(operation, "Account", body)
        assert results == [["", "false", "false", "ENTITY_IS_DELETED:entity is deleted:--"]]


def test_an_upsert_by_id_inserts_rows_with_a_blank_id(api: AsyncApi) -> None:
    (record_id,) = api.accounts(1)
    body = f'"Name","Id"\r\n"new",""\r\n"old","{record_id}"\r\n'
    results = api.load("upsert", "Account", body, externalIdFieldName="Id")
    assert [row[1:3] for row in results] == [["true", "true"], ["true", "false"]]
    names = api.query("Account", "SELECT Name FROM Account ORDER BY Name")
    assert names == [["Name"], ["new"], ["old"]]


def test_hard_deleted_records_are_gone(sandbox: Sandbox, api: AsyncApi) -> None:
    (record_id,) = api.accounts(1)
    assert api.load("hardDelete", "Account", f"Id\n{record_id}\n")[0][1] == "true"
    assert sandbox.org.query("SELECT Id FROM Account", all_rows=True).total() == 0


def test_line_ends_inside_cells_become_those_of_the_header(api: AsyncApi) -> None:
    body = b'Name,Description\nx,"a\r\nb\nc"\n'
    for ending, expected in [(None, "a\nb\nc"), ("LF", "a\nb\nc"), ("CRLF", "a\r\nb\r\nc")]:
        settings = {"operation": "insert", "object": "Account", "contentType": "CSV"}
        headers = {"Sforce_Line_Ending": ending} if ending else {}
        answer = api.create(settings, **headers)
        api.run("/job/" + answer.text.partition("<id>")[2][:18], body)
        found = api.query("Account", "SELECT Description FROM Account")
        assert found[-1] == [expected]


def test_line_ends_inside_cells_of_csv_may_be_kept(sandbox: Sandbox, api: AsyncApi) -> None:
    sandbox.control.set_behaviour(line_breaks="kept")
    api.load("insert", "Account", b'Name,Description\nx,"a\r\nb\nc\rd"\n')
    assert api.query("Account", "SELECT Description FROM Account")[-1] == ["a\r\nb\nc\rd"]


def test_a_batch_whose_header_is_wrong_fails_as_a_whole(sandbox: Sandbox, api: AsyncApi) -> None:
    job = api.job("insert", "Account")
    message = api.failure(job, "Name,Foo__c\nx,y\n")
    assert message == "InvalidBatch : Field name not found : Foo__c"
    assert api.failure(job, b"Name\n\xff\n").startswith("ClientInputError : ")
    assert sandbox.org.counts()["Account"] == 0


def test_a_body_in_chunks_is_taken(sandbox: Sandbox, api: AsyncApi) -> None:
    api.run(api.job("insert", "Account"), iter([b"Na", b"me\nx\n", b"y\n"]))
    assert sandbox.org.counts()["Account"] == 2


def test_json_records_may_differ_in_their_fields(api: AsyncApi) -> None:
    records = [
        {"Name": "a", "NumberOfEmployees": 12, "attributes": {"type": "Account"}},
        {"Fax": None, "Name": "b", "AnnualRevenue": 12345678901},
        {"Fax": "1"},
    ]
    batch = api.run(api.job("insert", "Account", "JSON"), json.dumps(records), "JSON")
    answer = api.get(batch + "/result")
    assert answer.headers["Content-Type"] == "application/json"
    first, second, third = answer.json()
    assert first == {"success": True, "created": True, "id": first["id"], "errors": []}
    assert second["success"]
    assert (third["success"], third["created"], third["id"]) == (False, False, None)
    (refusal,) = third["errors"]
    assert (refusal["statusCode"], refusal["fields"]) == ("REQUIRED_FIELD_MISSING", ["Name"])
    soql = "SELECT Name, NumberOfEmployees, AnnualRevenue FROM Account ORDER BY Name"
    assert api.query("Account", soql)[1:] == [["a", "12", ""], ["b", "", "1.2345678901E10"]]


def test_json_null_clears_a_field_and_an_absent_one_stays(api: AsyncApi) -> None:
    rows_in = 'Name,Fax,Phone\n"a",1,2\n'
    record_id = api.load("insert", "Account", rows_in)[0][0]
    body = json.dumps([{"Id": record_id, "Fax": None}])
    api.run(api.job("update", "Account", "JSON"), body, "JSON")
    assert api.query("Account", "SELECT Fax, Phone FROM Account")[1:] == [["", "2"]]


def test_json_that_is_no_list_of_records_fails_the_batch(api: AsyncApi) -> None:
    job = api.job("insert", "Account", "JSON")
    for body in ("{}", "[1]", "["):
        assert api.failure(job, body, "JSON").startswith("InvalidBatch : ")


def test_xml_records_and_their_results(api: AsyncApi) -> None:
    body = s_objects(
        "<Name>a &amp; b</Name><Fax>1</Fax>", "<Fax>2</Fax>", '<Name>c</Name><Fax xsi:nil="true"/>'
    )
    batch = api.run(api.job("insert", "Account", "XML"), body, "XML")
    answer = api.get(batch + "/result")
    assert answer.headers["Content-Type"] == "application/xml"
    results = ET.fromstring(answer.content)  # noqa: S314 - our own sandbox's answer
    space = {"b": NAMESPACE}
    assert [one.findtext("b:success", "", space) for one in results] == ["true", "false", "true"]
    assert [one.findtext("b:created", "", space) for one in results] == ["true", "false", "true"]
    assert results[1].find("b:id", space) is None
    assert results[1].findtext("b:errors/b:fields", "", space) == "Name"
    assert results[1].findtext("b:errors/b:statusCode", "", space) == "REQUIRED_FIELD_MISSING"
    soql = "SELECT Name, Fax FROM Account ORDER BY Name"
    assert api.query("Account", soql)[1:] == [["a & b", "1"], ["c", ""]]


def test_parents_by_their_key_in_each_format(api: AsyncApi) -> None:
    api.load("insert", "Contact", "LastName,Email\nBoss,boss@example.com\n")
    parent = "<ReportsTo><sObject><Email>boss@example.com</Email></sObject></ReportsTo>"
    named = {"LastName": "j", "ReportsTo": {"Email": "boss@example.com"}}
    api.run(api.job("insert", "Contact", "JSON"), json.dumps([named]), "JSON")
    xml = s_objects(f"<LastName>x</LastName>{parent}")
    api.run(api.job("insert", "Contact", "XML"), xml, "XML")
    api.load("insert", "Contact", "LastName,ReportsTo.Email\nc,boss@example.com\n")
    soql = "SELECT LastName FROM Contact WHERE ReportsTo.LastName = 'Boss' ORDER BY LastName"
    assert api.query("Contact", soql)[1:] == [["c"], ["j"], ["x"]]


def test_a_parent_that_is_not_named_as_it_must_be_fails_the_batch(api: AsyncApi) -> None:
    xml = s_objects("<LastName>x</LastName><ReportsTo><Email>a@example.com</Email></ReportsTo>")
    assert "ReportsTo must have an sObject" in api.failure(
        api.job("insert", "Contact", "XML"), xml, "XML"
    )
    job = api.job("insert", "Contact", "JSON")
    assert "LastName has a list" in api.failure(job, '[{"LastName": ["x"]}]', "JSON")
    unknown = '[{"LastName": "x", "ReportsTo": {"attributes": "?", "Fax": "1"}}]'
    assert api.failure(job, unknown, "JSON").endswith("Field name not found : ReportsTo.Fax")


def test_the_same_calls_give_the_same_ids() -> None:
    seen = []
    for _ in range(2):
        with Sandbox(sample=False, seed=7) as sandbox:
            api = AsyncApi(sandbox)
            ids = api.accounts(3)
            batch = api.run(api.job("query", "Account"), "SELECT Id FROM Account")
            seen.append((ids, batch, children(api.get(batch + "/result"))))
            api.session.close()
    assert seen[0] == seen[1]


# XML has no way to write most control characters.
CELLS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), include_characters="\n\r\t"),
    min_size=1,
    max_size=20,
).filter(lambda text: text != "#N/A")


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5))
def test_a_record_says_the_same_in_each_format(records: list[tuple[str, str]]) -> None:
    sheet = io.StringIO(newline="")
    csv.writer(sheet, quoting=csv.QUOTE_ALL).writerows([("Name", "Fax"), *records])
    elements = "".join(
        f"<sObject><Name>{xml_text(name)}</Name><Fax>{xml_text(fax)}</Fax></sObject>"
        for name, fax in records
    )
    bodies: dict[ContentType, str] = {
        ContentType.CSV: sheet.getvalue(),
        ContentType.JSON: json.dumps([{"Name": name, "Fax": fax} for name, fax in records]),
        ContentType.XML: f'<sObjects xmlns="{NAMESPACE}">{elements}</sObjects>',
    }
    expected = [list(record) for record in records]
    behaviour = Behaviour()
    behaviour.set({"line_breaks": "kept"})
    with tempfile.TemporaryDirectory() as folder:
        for content, body in bodies.items():
            path = Path(folder) / content.value
            path.write_bytes(body.encode())
            table = read_table(path, content, behaviour)
            assert (table.header, table.rows) == (["Name", "Fax"], expected)


def xml_text(text: str) -> str:
    return escape(text, {"\r": "&#13;"})
