"""Rows on the page: the first rows of an object, its fields, and the SOQL box."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING

import pytest

from tests.sandbox_http.front_door import faults_of
from tests.sandbox_http.page_reader import block, heads, page, table

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org

EVIL = "<script>alert('x')</script>"


def asked(sandbox: Sandbox, soql: str, **options: str) -> str:
    return page(sandbox, "/page/query", query={"q": soql} | options)


def test_an_object_shows_its_first_50_rows_and_the_fields_that_have_values(
    sandbox: Sandbox,
) -> None:
    accounts = [{"Name": f"A{number}", "Phone": "1"} for number in range(60)]
    sandbox.control.seed({"Account": accounts})
    html = page(sandbox, "/page/objects/account")
    names = heads(html, "rows")
    assert {"Id", "Name", "Phone"} <= set(names)
    assert not {"Fax", "BillingAddress"} & set(names)
    rows = table(html, "rows")
    assert [row[names.index("Name")] for row in rows] == [f"A{number}" for number in range(50)]
    assert "The first 50 of 60 records" in html


def test_an_object_shows_its_fields(sandbox: Sandbox) -> None:
    fields = {row[0]: row[1:] for row in table(page(sandbox, "/page/objects/Contact"), "fields")}
    assert fields["LastName"] == ["Last Name", "string(80)", "required"]
    assert fields["AccountId"] == ["Account ID", "reference(18) → Account", ""]
    assert fields["Id"][2] == "read only"


def test_an_object_that_cannot_be_queried_says_why(sandbox: Sandbox) -> None:
    html = page(sandbox, "/page/objects/ActivityHistory")
    assert "entity type ActivityHistory does not support query" in html
    assert table(html, "fields")
    assert "There is no object Acount" in page(sandbox, "/page/objects/Acount", status=404)


@pytest.mark.parametrize("query", [{}, {"bulk": "on"}, {"all": "on"}])
def test_values_are_shown_as_text(sandbox: Sandbox, query: dict[str, str]) -> None:
    sandbox.control.seed({"Account": [{"Name": EVIL, "Description": '" onclick="x'}]})
    statement = f"SELECT Name, Description FROM Account WHERE Name = '{EVIL}'"  # noqa: S608 - SOQL of a test
    for html in (
        page(sandbox, "/page/objects/Account"),
        asked(sandbox, "SELECT Name, Description, Fax FROM Account", **query),
        asked(sandbox, statement.replace("'x'", r"\'x\'"), **query),
        asked(sandbox, f"SELECT {EVIL} FROM Account", **query),  # noqa: S608 - SOQL of a test
    ):
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
        assert not re.search(r'<[^>]*" onclick=', html)


def test_the_soql_box_answers_like_rest(sandbox: Sandbox) -> None:
    sandbox.control.seed(
        {
            "Account": [{"Name": "A", "Ext_Id__c": "A-1", "AnnualRevenue": "0.10"}],
            "Contact": [
                {"LastName": "B", "Account.Ext_Id__c": "A-1"},
                {"LastName": "C"},
            ],
        }
    )
    soql = "SELECT LastName, Account.Name, Account.AnnualRevenue FROM Contact ORDER BY LastName"
    html = asked(sandbox, soql)
    assert block(html, "soql") == soql
    assert heads(html, "rows") == ["LastName", "Account.Name", "Account.AnnualRevenue"]
    assert table(html, "rows") == [["B", "A", "0.1"], ["C", "null", "null"]]
    assert "<b>2 rows</b>" in html
    assert "<b>1 record</b> of Account" in asked(sandbox, "SELECT COUNT() FROM Account")
    grouped = asked(sandbox, "SELECT Name, COUNT(Id) n FROM Account GROUP BY Name")
    assert (heads(grouped, "rows"), table(grouped, "rows")) == (["Name", "n"], [["A", "1"]])
    children = asked(sandbox, "SELECT (SELECT LastName FROM Contacts), Name FROM Account")
    assert heads(children, "rows") == ["Contacts", "Name"]
    assert table(children, "rows") == [["B", "A"]]


def test_the_soql_box_shows_errors_as_salesforce_words_them(org: Org) -> None:
    soql = "SELECT Nam FROM Account"
    ((code, message),) = faults_of(org.get("/query", params={"q": soql}))
    html = asked(org.sandbox, soql)
    assert code in html
    assert message in _texts(html)
    bulk = asked(org.sandbox, "SELECT COUNT(Id) FROM Account", bulk="on")
    assert "Aggregate functions not supported in Bulk V2 Query" in bulk


def _texts(html: str) -> list[str]:
    return [unescape(text) for text in re.findall(r"<pre>(.*?)</pre>", html, re.DOTALL)]


def test_the_soql_box_finds_deleted_records_if_it_is_asked_to(org: Org) -> None:
    record = org.json("POST", "/sobjects/Account", json={"Name": "Gone"})["id"]
    org.call("DELETE", f"/sobjects/Account/{record}")
    soql = "SELECT Name, IsDeleted FROM Account"
    assert table(asked(org.sandbox, soql), "rows") == []
    assert table(asked(org.sandbox, soql, all="on"), "rows") == [["Gone", "true"]]


def test_of_many_rows_the_first_50_are_shown(sandbox: Sandbox) -> None:
    sandbox.control.seed({"Account": [{"Name": "A" * 255}] * 51})
    html = asked(sandbox, "SELECT Name FROM Account")
    assert len(table(html, "rows")) == 50
    assert "The first 50 of <b>51 rows</b>" in html
