"""What becomes of the records that point at a deleted one, as the describes say."""

# ruff: noqa: S608 - the statements are SOQL

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox.org.org import Org
from sfbulk_sandbox.schema.schema import Schema

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import RowResult
    from tests.hand_clock import HandClock


def _make(org: Org, sobject: str, **record: Any) -> str:
    saved = org.save_record("insert", sobject, record)
    assert saved.success, saved.errors
    return saved.id or ""


def _delete(org: Org, sobject: str, *ids: str, operation: Any = "delete") -> list[RowResult]:
    return org.loader(operation, sobject, ["Id"]).save([[one] for one in ids])


def _deleted(org: Org, sobject: str) -> dict[str, str]:
    rows = org.query(f"SELECT Id, IsDeleted FROM {sobject}", all_rows=True).rows()
    return {str(record_id): str(mark) for record_id, mark in rows}


def test_children_go_into_the_recycle_bin_with_their_parent_and_theirs_too(
    org: Org, clock: HandClock
) -> None:
    account, other = _make(org, "Account", Name="Gone"), _make(org, "Account", Name="Stays")
    contact = _make(org, "Contact", LastName="Gone", AccountId=account)
    stays = _make(org, "Contact", LastName="Stays", AccountId=other)
    task = _make(org, "Task", Subject="Of the contact", WhoId=contact)
    deal = {"Name": "x", "StageName": "Prospecting", "CloseDate": "2026-01-01"}
    opportunity = _make(org, "Opportunity", AccountId=account, **deal)
    clock.pass_seconds(60)
    (result,) = _delete(org, "Account", account)
    assert result.success
    assert _deleted(org, "Account") == {account: "true", other: "false"}
    assert _deleted(org, "Contact") == {contact: "true", stays: "false"}
    assert _deleted(org, "Task") == {task: "true"}
    assert _deleted(org, "Opportunity") == {opportunity: "true"}
    rows = org.query("SELECT Id, SystemModstamp, AccountId FROM Contact", all_rows=True).rows()
    assert {row[0]: row[1:] for row in rows} == {
        contact: ("2026-11-02T08:31:15.000Z", account),
        stays: ("2026-11-02T08:30:15.000Z", other),
    }


def test_a_hard_deletion_leaves_nothing_of_the_children(org: Org) -> None:
    account = _make(org, "Account", Name="Gone")
    _make(org, "Contact", LastName="Gone", AccountId=account)
    (result,) = _delete(org, "Account", account, operation="hardDelete")
    assert result.success
    assert (_deleted(org, "Account"), _deleted(org, "Contact")) == ({}, {})


def test_a_lookup_that_neither_cascades_nor_restricts_is_emptied(
    org: Org, clock: HandClock
) -> None:
    parent = _make(org, "Account", Name="Parent")
    child = _make(org, "Account", Name="Child", ParentId=parent)
    boss = _make(org, "Contact", LastName="Boss")
    aide = _make(org, "Contact", LastName="Aide", ReportsToId=boss)
    clock.pass_seconds(5)
    assert _delete(org, "Account", parent)[0].success
    assert _delete(org, "Contact", boss)[0].success
    account = org.record("Account", child, ["ParentId", "SystemModstamp", "LastModifiedDate"])
    assert account == {
        "ParentId": None,
        "SystemModstamp": "2026-11-02T08:30:20.000+0000",
        "LastModifiedDate": "2026-11-02T08:30:15.000+0000",
    }
    assert org.record("Contact", aide, ["ReportsToId"]) == {"ReportsToId": None}


def test_a_record_that_forbids_it_refuses_its_row_and_no_other(org: Org) -> None:
    """Through a contact that would go along, too."""
    bound, free = _make(org, "Account", Name="Bound"), _make(org, "Account", Name="Free")
    deep = _make(org, "Account", Name="Deep")
    contact = _make(org, "Contact", LastName="Caller", AccountId=deep)
    cases = [_make(org, "Case", Subject="a", AccountId=bound) for _ in range(2)]
    _make(org, "Case", Subject="b", ContactId=contact)
    results = _delete(org, "Account", bound, free, deep)
    assert [result.success for result in results] == [False, True, False]
    numbers = [org.record("Case", one, ["CaseNumber"])["CaseNumber"] for one in cases]
    start = "Your attempt to delete {} could not be completed because it is associated with the "
    (error,) = results[0].errors
    assert (error.code, error.fields) == ("DELETE_FAILED", ())
    assert error.message == start.format("Bound") + f"following cases: {', '.join(numbers)}"
    assert results[0].id == bound
    assert results[2].errors[0].message.startswith(start.format("Deep") + "following cases: ")
    assert _deleted(org, "Account") == {bound: "false", free: "true", deep: "false"}
    assert _deleted(org, "Contact") == {contact: "false"}
    case_ids = list(_deleted(org, "Case"))
    assert [result.success for result in _delete(org, "Case", *case_ids)] == [True] * 3
    assert [result.success for result in _delete(org, "Account", bound, deep)] == [True] * 2


@pytest.mark.parametrize(("status", "goes"), [("Draft", True), ("Activated", False)])
def test_a_contract_goes_along_until_it_is_activated(org: Org, status: str, goes: bool) -> None:
    account = _make(org, "Account", Name="Party")
    contract = _make(org, "Contract", AccountId=account)
    assert org.save_record("update", "Contract", {"Id": contract, "Status": status}).success
    assert _delete(org, "Account", account)[0].success is goes
    assert _deleted(org, "Contract") == {contract: str(goes).lower()}


def test_a_lookup_its_parent_does_not_know_of_says_itself_what_becomes_of_it(
    clock: HandClock,
) -> None:
    """Describes of one org's custom object beside our own Account."""
    schema = Schema.standard()
    template = schema.sobject("Invoice__c")
    assert template is not None
    described = template.describe(68.0) | {"name": "Visit__c", "keyPrefix": "a77"}
    for field in described["fields"]:
        if field["name"] == "Account__c":
            field.update(cascadeDelete=True, nillable=True)
    schema.add_describe(described)
    with closing(Org(clock=clock, schema=schema)) as org:
        account = _make(org, "Account", Name="Host")
        needed = {"Account__c": account, "Issued_On__c": "2026-01-01"}
        visit = _make(org, "Visit__c", **needed)
        assert _delete(org, "Account", account)[0].success
        assert _deleted(org, "Visit__c") == {visit: "true"}
