"""SOQL: what comes back, and what is refused at which place with which words."""

# ruff: noqa: E501, S608 - a case is one line; the statements are SOQL

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.soql.parser import parse

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org


def _names(org: Org, where: str, *, all_rows: bool = False) -> list[Any]:
    query = org.query(
        f"SELECT Ext_Id__c FROM Account WHERE {where} ORDER BY Ext_Id__c", all_rows=all_rows
    )
    return [row[0] for row in query.rows()]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("Name = 'na'", ["A-005"]),
        ("Name = 'NULL'", ["A-006"]),
        ("Name = 'CAFÉ BLEU — SÖHNE & TÖCHTER'", ["A-008"]),
        (r"Name = 'O\'Neill & D\'Cruz'", ["A-018"]),
        (r"Name = 'Back\\slash and \ttab'", ["A-013"]),
        (r"Name = 'Line\u2028Separator Ltd'", ["A-010"]),
        (r"Name LIKE '%100\% \_under\_'", ["A-019"]),
        ("Name LIKE '%100_ _under_'", ["A-019"]),
        (r"Name LIKE 'back\\slash%'", ["A-013"]),
        ("Name LIKE 'café%'", ["A-008"]),
        ("Name LIKE '_pples'", []),
        ("Ledger_Number__c = 123456789012345678", ["A-001"]),
        ("Ledger_Number__c > 123456789012345677 AND Ledger_Number__c < 1E18", ["A-001", "A-002"]),
        ("Ledger_Number__c < 0", ["A-003"]),
        ("AnnualRevenue IN (77.00, 1)", ["A-012", "A-013"]),
        ("NumberOfEmployees >= 1200.5", ["A-007"]),
        ("BillingState = '' AND Ext_Id__c < 'a-003'", ["A-001", "A-002"]),
        ("BillingState < '' OR BillingState <= ''", []),
        ("(NOT BillingState > '') AND Ext_Id__c < 'a-003'", ["A-001", "A-002"]),
        ("BillingState > null OR BillingState >= null", []),
        (
            "BillingState IN (null, 'na') AND BillingCity LIKE 'L%'",
            ["A-001", "A-002", "A-010", "A-012", "A-020"],
        ),
        (
            "Is_Key_Account__c = true AND Is_Key_Account__c != null",
            ["A-001", "A-007", "A-009", "A-016"],
        ),
        ("Parent.Parent.Name != null", ["A-002", "A-020", "A-021"]),
        ("Parent.Name = null AND Type = 'Other' AND Industry = 'finance'", ["A-007", "A-014"]),
        ("Account.Name = 'TRUE'", ["A-015"]),
        ("SystemModstamp = 2025-08-22T12:00:00Z", ["A-013", "A-014", "A-015"]),
        (
            "SystemModstamp >= 2025-08-22T14:00:00+02:00 AND SystemModstamp < 2025-08-22T12:00:00.000001Z",
            [],
        ),
        (
            "SystemModstamp > 2025-08-22T11:59:59.999Z AND SystemModstamp <= 2025-08-22T12:00:00.000000Z",
            ["A-013", "A-014", "A-015"],
        ),
        (
            "NOT Name LIKE '%a%'",
            ["A-003", "A-006", "A-009", "A-012", "A-015", "A-016", "A-017", "A-018", "A-024"],
        ),
    ],
)
def test_a_filter_finds_its_rows(sample: Org, where: str, found: list[str]) -> None:
    assert _names(sample, where) == found


def test_a_comparison_with_an_empty_field_is_true_or_false_never_neither(sample: Org) -> None:
    """In SOQL an empty field is not equal to a value, and NOT of that is true."""
    every = _names(sample, "Id != null")
    high = _names(sample, "NumberOfEmployees > 50")
    assert 0 < len(high) < len(every)
    assert _names(sample, "(NOT (NumberOfEmployees > 50))") == [n for n in every if n not in high]
    other = _names(sample, "BillingCity != 'lübeck'")
    assert "A-019" in other
    assert _names(sample, "BillingCity NOT IN ('Lübeck')") == other
    assert _names(sample, "(NOT BillingCity = 'LÜBECK')") == other


def test_every_text_is_greater_than_the_empty_one(sample: Org) -> None:
    """As django-salesforce's live tests have it; it deletes by `Id > ''`."""
    every = _names(sample, "Id != null")
    with_city = _names(sample, "BillingCity != null")
    assert 0 < len(with_city) < len(every)
    for operator in (">", ">="):
        assert _names(sample, f"Name {operator} ''") == every
        assert _names(sample, f"Id {operator} ''") == every
        assert _names(sample, f"BillingCity {operator} ''") == with_city


def test_a_thousand_conditions_are_no_trouble(sample: Org) -> None:
    where = " OR ".join(f"NumberOfEmployees = {number}" for number in range(2000))
    assert len(_names(sample, where)) == len(_names(sample, "NumberOfEmployees < 2000")) > 10


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT Id FROM Account WHERE {'NOT (' * 40}Name = null{')' * 40}",
        f"SELECT Id FROM Account WHERE {'(' * 9_000}Name = null{')' * 9_000}",
        f"SELECT {'(SELECT ' * 300}Id{' FROM Contacts)' * 300} FROM Account",
        f"SELECT Id FROM Account LIMIT {'9' * 5_000}",
        "SELECT Id FROM Account WHERE AnnualRevenue > 1e999999999",
        "SELECT Id FROM Account WHERE Name = 'a" + r"\'" * 40_000,
    ],
)
def test_what_sqlite_and_python_cannot_run_is_refused(sample: Org, query: str) -> None:
    with pytest.raises(Fault, match=r"QUERY_TOO_COMPLICATED|MALFORMED_QUERY"):
        list(sample.query(query).rows())


@pytest.mark.parametrize("number", ["99999999999999999999", "-1e300", "9223372036854775808"])
def test_a_number_beyond_the_integers_of_sqlite_is_compared(sample: Org, number: str) -> None:
    found = _names(sample, f"NumberOfEmployees < {number}")
    assert bool(found) is not number.startswith("-")


def test_two_escapes_may_be_one_character_and_half_of_one_is_none(sample: Org) -> None:
    where: Any = parse(r"SELECT Id FROM Account WHERE Name = '\uD83D\uDE00'").where
    assert where.value.text == "😀"
    assert _names(sample, r"Name = '\uD83D'") == []


def test_deleted_rows_come_with_all_rows_only(sample: Org) -> None:
    assert _names(sample, "Name LIKE '%'")[-1] == "A-024"
    assert len(_names(sample, "Name LIKE '%'")) == 22
    everything = _names(sample, "Name LIKE '%'", all_rows=True)
    assert len(everything) == 24
    assert _names(sample, "IsDeleted = true", all_rows=True) == ["A-022", "A-023"]
    assert _names(sample, "IsDeleted = true") == []


def test_ids_of_both_lengths_find_the_row_and_another_case_does_not(sample: Org) -> None:
    row = next(sample.query("SELECT Id, AccountId FROM Contact WHERE Ext_Id__c = 'C-001'").rows())
    record_id = str(row[0])
    for given in (record_id, record_id[:15]):
        found = sample.query(f"SELECT Ext_Id__c FROM Contact WHERE Id IN ('{given}')").rows()
        assert list(found) == [("C-001",)]
    assert sample.query(f"SELECT COUNT() FROM Contact WHERE AccountId = '{row[1]}'").count() == 2


def test_the_select_list_names_its_columns_as_the_describes_do(sample: Org) -> None:
    query = sample.query(
        "select i.ID, aCCount__R.name, invoice__C.account__r.PARENT.Owner.username, createdDATE "
        "from invoice__c i"
    )
    assert [column.path for column in query.columns] == [
        "Id",
        "Account__r.Name",
        "Account__r.Parent.Owner.Username",
        "CreatedDate",
    ]


@pytest.mark.parametrize(("version", "names"), [(50.0, ["Name", "Id"]), (49.0, ["Id", "Name"])])
def test_bulk_before_version_50_orders_its_columns_by_name(
    sample: Org, version: float, names: list[str]
) -> None:
    query = sample.query("SELECT Name, Id FROM Account", surface="bulk", version=version)
    assert [column.path for column in query.columns] == names
    assert next(query.rows())[names.index("Name")] == "Halden Instruments GmbH"


@pytest.mark.parametrize(
    ("order", "first", "last"),
    [
        ("NumberOfEmployees", None, 42000),
        ("NumberOfEmployees DESC", None, 1),
        ("NumberOfEmployees DESC NULLS LAST", 42000, None),
        ("NumberOfEmployees NULLS LAST", 1, None),
    ],
)
def test_nulls_come_first_unless_said_otherwise(
    sample: Org, order: str, first: int | None, last: int | None
) -> None:
    rows = [
        row[0]
        for row in sample.query(f"SELECT NumberOfEmployees FROM Account ORDER BY {order}").rows()
    ]
    assert (rows[0], rows[-1]) == (first, last)


def test_numbers_sort_as_numbers_text_without_case_and_picklists_as_set_up(sample: Org) -> None:
    def column(field: str, sobject: str, where: str) -> list[Any]:
        soql = f"SELECT {field} FROM {sobject} WHERE {where} ORDER BY {field}"
        return [row[0] for row in sample.query(soql).rows()]

    assert column(
        "Ledger_Number__c", "Account", "Ledger_Number__c < 100 OR Ledger_Number__c > 1E17"
    ) == [
        *("-9.99999999999999999E17", "0.0", "1.0", "15.0", "20.0"),
        *("1.00000000000000001E17", "1.23456789012345678E17", "9.87654321098765432E17"),
    ]
    assert column("LastName", "Contact", "LastName < 'd'") == [
        *("Adeyemi", "Almeida", "Benali", "Cruz"),
    ]
    assert sorted(set(column("Status", "Case", "Id != null"))) == [
        "Closed",
        "Escalated",
        "New",
        "Working",
    ]
    assert list(dict.fromkeys(column("Status", "Case", "Id != null"))) == [
        *("New", "Working", "Escalated", "Closed"),
    ]


def test_limit_and_offset_cut_the_ordered_rows(sample: Org) -> None:
    def rows(end: str) -> list[Any]:
        soql = f"SELECT Ext_Id__c FROM Contact ORDER BY Ext_Id__c {end}"
        return [row[0] for row in sample.query(soql).rows()]

    assert rows("LIMIT 2 OFFSET 3") == ["C-004", "C-005"]
    assert rows("OFFSET 26") == ["C-028", "C-030"]
    assert rows("LIMIT 0") == []
    assert sample.query("SELECT COUNT() FROM Contact LIMIT 5").count() == 5


def test_a_record_nests_its_parents_and_shows_an_absent_one_as_null(sample: Org) -> None:
    soql = (
        "SELECT Account.Parent.Name, Account.Owner.Alias, LastName, ReportsTo.LastName "
        "FROM Contact WHERE Ext_Id__c IN ('C-001', 'C-012') ORDER BY Ext_Id__c"
    )
    first, second = sample.query(soql).records(61.0)
    assert list(first) == ["attributes", "Account", "LastName", "ReportsTo"]
    assert first["attributes"]["type"] == "Contact"
    assert first["attributes"]["url"].startswith("/services/data/v61.0/sobjects/Contact/003")
    assert first["Account"]["Parent"]["Name"] == "Nordlicht Holding AG"
    assert first["Account"]["attributes"]["type"] == "Account"
    assert first["Account"]["Owner"]["Alias"] == "mokafor"
    assert second["LastName"] == "Åkesson"
    assert second["Account"] is None
    assert second["ReportsTo"] is None


def test_a_polymorphic_parent_is_read_through_name(sample: Org) -> None:
    soql = "SELECT What.Name, What.Type FROM Task WHERE What.Type = 'Account' ORDER BY What.Name"
    rows = list(sample.query(soql).rows())
    assert rows == [
        ("Halden Instruments GmbH", "Account"),
        ("O'Neill & D'Cruz", "Account"),
        ("Tideline Fish Co.", "Account"),
    ]
    with pytest.raises(Fault) as refused:
        sample.query("SELECT What.AnnualRevenue FROM Task")
    assert "No such column 'AnnualRevenue' on entity 'Name'" in refused.value.message


def test_an_address_is_an_object_made_of_its_parts(sample: Org) -> None:
    soql = "SELECT BillingAddress, ShippingAddress FROM Account WHERE Ext_Id__c = 'A-001'"
    record = next(sample.query(soql).records(68.0))
    assert {key: str(value) for key, value in record["BillingAddress"].items()} == {
        "city": "Lübeck",
        "country": "Germany",
        "geocodeAccuracy": "None",
        "latitude": "53.865467",
        "longitude": "10.686559",
        "postalCode": "00123",
        "state": "None",
        "street": "Am Speicher 4\nHaus B",
    }
    assert record["ShippingAddress"] is None


_WHERE = "SELECT Id FROM Account WHERE "
_APPEND = (
    ". If you are attempting to use a custom {0}, be sure to append the '__{1}' after the {2}. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
_FIELD = _APPEND.format("field", "c", "custom field name")


@pytest.mark.parametrize(
    ("soql", "code", "column", "text"),
    [
        ("", "MALFORMED_QUERY", 1, "unexpected token: '<EOF>'"),
        ("SELECT Id, FROM Account", "MALFORMED_QUERY", 12, "unexpected token: 'FROM'"),
        (
            "SELECT Id Name FROM Account",
            "MALFORMED_QUERY",
            11,
            "only aggregate expressions use field aliasing",
        ),
        (_WHERE.strip(), "MALFORMED_QUERY", 29, "unexpected token: '<EOF>'"),
        (_WHERE + "a = 1 AND b = 2 OR c = 3", "MALFORMED_QUERY", 46, "unexpected token: 'OR'"),
        (_WHERE + "a = 1 OR NOT b = 2", "MALFORMED_QUERY", 39, "unexpected token: 'NOT'"),
        (_WHERE + "Id IN ()", "MALFORMED_QUERY", 37, "unexpected token: ')'"),
        (_WHERE + "Name = foo", "MALFORMED_QUERY", 37, "unexpected token: 'foo'"),
        (_WHERE + "CreatedDate = SOON", "MALFORMED_QUERY", 44, "unexpected token: 'SOON'"),
        (
            _WHERE + "CreatedDate > 2026-02-30T00:00:00Z",
            "MALFORMED_QUERY",
            44,
            "unexpected token: '2026-02-30T00:00:00Z'",
        ),
        (
            _WHERE + r"Name = 'a\d'",
            "MALFORMED_QUERY",
            37,
            r"Invalid string literal 'a\d'. Illegal character sequence '\d' in string literal.",
        ),
        (
            _WHERE + r"Name = 'a\%'",
            "MALFORMED_QUERY",
            37,
            r"Invalid string literal 'a\%'. Illegal character sequence '\%' in string literal.",
        ),
        ("SELECT Id FROM Account FOR LIMIT 1", "MALFORMED_QUERY", 28, "unexpected token: 'LIMIT'"),
        (
            "SELECT Foo FROM Account",
            "INVALID_FIELD",
            8,
            "No such column 'Foo' on entity 'Account'" + _FIELD,
        ),
        (
            "SELECT Owner.Foo FROM Account",
            "INVALID_FIELD",
            8,
            "No such column 'Foo' on entity 'User'" + _FIELD,
        ),
        (
            "SELECT Id FROM Account ORDER BY Foo",
            "INVALID_FIELD",
            33,
            "No such column 'Foo' on entity 'Account'" + _FIELD,
        ),
        (
            "SELECT Boss.Name FROM Account",
            "INVALID_FIELD",
            8,
            "Didn't understand relationship 'Boss' in field path"
            + _APPEND.format("relationship", "r", "custom relationship name"),
        ),
        ("SELECT Id, Name, ID FROM Account", "INVALID_FIELD", 18, "duplicate field selected: Id"),
        (
            "SELECT " + "Parent." * 6 + "Name FROM Account",
            "INVALID_FIELD",
            8,
            "SOQL statements cannot query beyond 5 parent relationships",
        ),
        (
            "select count() from XYZZY",
            "INVALID_TYPE",
            21,
            "sObject type 'XYZZY' is not supported" + _APPEND.format("object", "c", "entity name"),
        ),
        (
            _WHERE + "Description = 'x'",
            "INVALID_FIELD",
            30,
            "field 'Description' can not be filtered in a query call",
        ),
        (
            _WHERE + "BillingAddress != null",
            "INVALID_FIELD",
            30,
            "field 'BillingAddress' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account ORDER BY Segments__c",
            "INVALID_FIELD",
            33,
            "field 'Segments__c' can not be sorted in a query call",
        ),
        (
            _WHERE + "CreatedDate > '2026-01-01T00:00:00Z'",
            "INVALID_FIELD",
            30,
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            _WHERE + "CreatedDate > 2026-01-01",
            "INVALID_FIELD",
            30,
            "value of filter criterion for field 'CreatedDate' must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            _WHERE + "Name = 5",
            "INVALID_FIELD",
            30,
            "value of filter criterion for field 'Name' must be of type string and should be enclosed in quotes",
        ),
        (_WHERE + "Id = 'abc'", "INVALID_QUERY_FILTER_OPERATOR", 30, "invalid ID field: abc"),
        (
            _WHERE + "Id LIKE '001%'",
            "INVALID_QUERY_FILTER_OPERATOR",
            30,
            "invalid operator on id field",
        ),
        (
            "SELECT Id FROM Account OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            24,
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT Name FROM Account HAVING Name = 'a'",
            "MALFORMED_QUERY",
            26,
            "unexpected token: 'HAVING'",
        ),
        (
            "SELECT Id FROM Account ALL ROWS",
            "MALFORMED_QUERY",
            24,
            "ALL ROWS not allowed in this context",
        ),
        *(
            (
                f"SELECT Id FROM Account {clause}",
                "MALFORMED_QUERY",
                24,
                f"{name}: sfbulk-sandbox does not support this SOQL",
            )
            for clause, name in [
                ("for view", "FOR VIEW"),
                ("FOR REFERENCE", "FOR REFERENCE"),
                ("FOR UPDATE", "FOR UPDATE"),
                ("UPDATE TRACKING", "UPDATE TRACKING"),
                ("WITH SECURITY_ENFORCED", "WITH SECURITY_ENFORCED"),
                ("USING SCOPE Mine", "USING SCOPE"),
            ]
        ),
        *(
            (
                f"SELECT {call} FROM Opportunity",
                "MALFORMED_QUERY",
                8,
                f"{name}(): sfbulk-sandbox does not support this SOQL",
            )
            for call, name in [
                ("toLabel(StageName)", "toLabel"),
                ("FORMAT(Amount)", "FORMAT"),
                ("convertCurrency(Amount)", "convertCurrency"),
                ("DISTANCE(Loc__c, GEOLOCATION(37.7, -122.4), 'mi')", "DISTANCE"),
            ]
        ),
        (
            _WHERE + f"Name = '{'x' * 4001}'",
            "INVALID_FIELD",
            30,
            "string literals cannot exceed 4000 characters",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_at_its_place(
    org: Org, soql: str, code: str, column: int, text: str
) -> None:
    with pytest.raises(Fault) as refused:
        org.query(soql)
    *_, place, message = refused.value.message.split("\n")
    assert (refused.value.code, refused.value.status) == (code, 400)
    assert place == f"ERROR at Row:1:Column:{column}"
    assert message == text


def test_five_parents_may_be_crossed_and_100000_characters_written(sample: Org) -> None:
    soql = "SELECT " + "Parent." * 5 + "Name FROM Account WHERE Name = ''"
    assert list(sample.query(soql).rows()) == []
    assert sample.query(soql.ljust(100_000)).count() is None
    with pytest.raises(Fault, match="cannot exceed 100000 characters") as refused:
        sample.query(soql.ljust(100_001))
    assert refused.value.code == "QUERY_TOO_COMPLICATED"


def test_the_message_of_a_recorded_refusal_is_repeated_letter_by_letter(org: Org) -> None:
    with pytest.raises(Fault) as refused:
        org.query("select count() from XYZZY")
    assert refused.value.message == (
        "\nselect count() from XYZZY\n                    ^\nERROR at Row:1:Column:21\n"
        "sObject type 'XYZZY' is not supported. If you are attempting to use a custom object, be "
        "sure to append the '__c' after the entity name. Please reference your WSDL or the "
        "describe call for the appropriate names."
    )


def test_a_long_statement_is_shown_around_the_place_only(org: Org) -> None:
    soql = "SELECT Id, Industry,\n  AnnualRevenue, NumberOfEmployees, AccountNumber, Nope, TickerSymbol, ShippingCity, Fax FROM Account"
    with pytest.raises(Fault) as refused:
        org.query(soql)
    _, shown, pointer, place, _ = refused.value.message.split("\n")
    assert shown == "NumberOfEmployees, AccountNumber, Nope, TickerSymbol, ShippingCity"
    assert shown[pointer.index("^") :].startswith("Nope")
    assert place == f"ERROR at Row:2:Column:{soql.splitlines()[1].index('Nope') + 1}"


@pytest.mark.parametrize(
    ("soql", "text"),
    [
        (_WHERE + 'Name = "x"', "line 1:36 no viable alternative at character '\"'"),
        (_WHERE + "Name = 'x", "line 1:36 mismatched character '<EOF>' expecting '''"),
        ("SELECT Id FROM Account;", "line 1:22 no viable alternative at character ';'"),
    ],
)
def test_characters_that_begin_nothing_are_refused(org: Org, soql: str, text: str) -> None:
    with pytest.raises(Fault) as refused:
        org.query(soql)
    assert (refused.value.code, refused.value.message) == ("MALFORMED_QUERY", text)


@pytest.mark.parametrize(
    ("soql", "code", "text"),
    [
        (
            "SELECT BillingAddress FROM Account",
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Account__r.BillingAddress FROM Invoice__c",
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Pickup__c FROM Invoice__c",
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        ("SELECT COUNT() FROM Account", "FUNCTIONALITY_NOT_ENABLED", None),
        ("SELECT MAX(Amount) FROM Opportunity", "FUNCTIONALITY_NOT_ENABLED", None),
        ("SELECT Name FROM Account GROUP BY Name", "FUNCTIONALITY_NOT_ENABLED", None),
        ("SELECT Id FROM Account LIMIT 5 OFFSET 5", "FUNCTIONALITY_NOT_ENABLED", None),
        (
            "SELECT TYPEOF What WHEN Account THEN Name END FROM Task",
            "FUNCTIONALITY_NOT_ENABLED",
            None,
        ),
    ],
)
def test_bulk_refuses_what_the_guide_forbids(
    org: Org, soql: str, code: str, text: str | None
) -> None:
    with pytest.raises(Fault) as refused:
        org.query(soql, surface="bulk")
    assert refused.value.code == code
    assert text is None or refused.value.message == text


def test_bulk_allows_parents_order_and_limit(sample: Org) -> None:
    query = sample.query("SELECT Account.Name FROM Contact ORDER BY Id LIMIT 3", surface="bulk")
    assert len(list(query.rows())) == 3
