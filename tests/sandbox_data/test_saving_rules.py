"""Rules that need a record or an object of their own: owners, converted leads, unique texts."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.hand_clock import HandClock

_KEYS = {"One__c": False, "Two__c": True}


@pytest.fixture
def keyed(clock: HandClock) -> Iterator[Org]:
    """An org whose custom object has a unique text without case and one with case."""
    schema = Schema.standard()
    template = schema.sobject("Invoice__c")
    assert template is not None
    described = template.describe(68.0) | {"name": "Key__c", "keyPrefix": "a88", "label": "Key"}
    text = next(field for field in described["fields"] if field["name"] == "Ext_Id__c")
    kept = ("Id", "IsDeleted", "OwnerId", "SystemModstamp")
    described["fields"] = [
        *(field for field in described["fields"] if field["name"] in kept),
        *(
            {**text, "name": name, "label": name, "unique": True, "caseSensitive": cased}
            for name, cased in _KEYS.items()
        ),
    ]
    schema.add_describe(described)
    with closing(Org(clock=clock, schema=schema)) as org:
        yield org


def _error(result: Any) -> tuple[str, str, tuple[str, ...]]:
    (error,) = result.errors
    return error.code, error.message, error.fields


def test_a_unique_text_with_case_takes_what_differs_in_case(keyed: Org) -> None:
    saver = keyed.loader("insert", "Key__c", ["One__c", "Two__c"])
    first, second, third, fourth = saver.save(
        [["a", "x"], ["A", "X"], ["b", "X"], ["c", "x"]],
    )
    start = "duplicate value found: "
    assert first.success
    id15 = (first.id or "")[:15]
    assert _error(second) == (
        "DUPLICATE_VALUE",
        f"{start}One__c duplicates value on record with id: {id15}",
        (),
    )
    assert third.success
    assert _error(fourth)[1] == f"{start}Two__c duplicates value on record with id: {id15}"


def test_every_unique_field_that_repeats_is_named_in_one_message(keyed: Org) -> None:
    saver = keyed.loader("insert", "Key__c", ["One__c", "Two__c"])
    ids = [(result.id or "")[:15] for result in saver.save([["a", "x"], ["b", "y"]])]
    (result,) = saver.save([["B", "x"]])
    assert _error(result) == (
        "DUPLICATE_VALUE",
        (
            f"duplicate value found: One__c duplicates value on record with id: {ids[1]}, "
            f"Two__c duplicates value on record with id: {ids[0]}"
        ),
        (),
    )


def test_an_upsert_by_a_key_with_case_makes_another_record(keyed: Org) -> None:
    saver = keyed.loader("upsert", "Key__c", ["Two__c"], "Two__c")
    assert [result.created for result in saver.save([["x"], ["X"]])] == [True, True]
    assert [result.created for result in saver.save([["x"], ["X"], ["y"]])] == [False, False, True]


def test_a_record_cannot_be_given_to_a_user_who_left(org: Org) -> None:
    profile = str(next(org.query("SELECT Id FROM Profile").rows())[0])
    user = {
        "LastName": "Left",
        "Username": "left@example.com",
        "Email": "left@example.com",
        "Alias": "left",
        "ProfileId": profile,
        "TimeZoneSidKey": "GMT",
        "LocaleSidKey": "en_US",
        "EmailEncodingKey": "UTF-8",
        "LanguageLocaleKey": "en_US",
        "IsActive": False,
    }
    left = org.save_record("insert", "User", user)
    assert left.success, left.errors
    assert org.record("User", left.id or "", ["UserType"]) == {"UserType": "Standard"}
    owners = {"a": left.id, "b": org.user_id}
    records = [{"Name": name, "OwnerId": owner} for name, owner in owners.items()]
    refused, saved = org.save_records("insert", "Account", records)
    assert saved.success
    assert _error(refused) == (
        "INACTIVE_OWNER_OR_USER",
        f"operation performed with inactive user [{left.id}] as owner of account",
        ("OwnerId",),
    )


def test_a_converted_lead_changes_no_more(org: Org, tmp_path: Path) -> None:
    """The words are recorded (rest/grouparoo_exchanges_v42.json)."""
    (tmp_path / "Lead.csv").write_text(
        "LastName,Company,IsConverted\nDone,A,true\nOpen,B,false\n", encoding="utf-8"
    )
    org.load(tmp_path)
    rows = list(org.query("SELECT Id, LastName FROM Lead ORDER BY LastName").rows())
    saver = org.loader("update", "Lead", ["Id", "Company"])
    refused, saved = saver.save([[str(record_id), "New"] for record_id, _ in rows])
    assert saved.success
    assert _error(refused) == (
        "CANNOT_UPDATE_CONVERTED_LEAD",
        "cannot reference converted lead",
        (),
    )


@pytest.mark.parametrize("wrong", ["0013z00002QeTIWAA4", "0013z00002qetiwAA3", "0013z00002QeTI"])
def test_an_id_whose_suffix_does_not_fit_is_malformed_wherever_it_stands(
    org: Org, wrong: str
) -> None:
    (result,) = org.loader("update", "Account", ["Id", "Name"]).save([[wrong, "x"]])
    assert _error(result) == ("MALFORMED_ID", f"malformed id {wrong}", ("Id",))
    (result,) = org.loader("insert", "Contact", ["LastName", "AccountId"]).save([["x", wrong]])
    assert _error(result) == (
        "MALFORMED_ID",
        f"Account ID: id value of incorrect type: {wrong}",
        ("AccountId",),
    )


def test_e_mail_is_stored_in_lower_case_however_it_comes(org: Org, tmp_path: Path) -> None:
    """As CumulusCI's live tests read it back."""
    (tmp_path / "Lead.csv").write_text(
        "LastName,Company,Email\nL,C,Old@Example.COM\n", encoding="utf-8"
    )
    org.load(tmp_path)
    loader = org.loader("insert", "Contact", ["LastName", "Email", "Title"])
    (made,) = loader.save([["C", "MiXed@Example.COM", "Chief@Sea"]])
    assert made.success
    org.save_record("insert", "Case", {"SuppliedEmail": "WEB@example.com"})
    soql = "SELECT Email, Title FROM Contact WHERE Email = 'mixed@EXAMPLE.com'"
    assert list(org.query(soql).rows()) == [("mixed@example.com", "Chief@Sea")]
    for query, stored in {
        "SELECT SuppliedEmail FROM Case": "web@example.com",
        "SELECT Email FROM Lead": "old@example.com",
    }.items():
        assert list(org.query(query).rows()) == [(stored,)]


def test_an_upsert_by_e_mail_finds_its_record_in_any_letter_case(org: Org) -> None:
    loader = org.loader("upsert", "Contact", ["Email", "LastName"], "Email")
    (made,) = loader.save([["Ann@Example.com", "A"]])
    (again,) = loader.save([["ANN@example.com", "B"]])
    assert (made.created, again.created, again.id) == (True, False, made.id)
