"""Nulls of new records, in an org of each kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org

EMPTY_ON_INSERT = pytest.mark.parametrize("empty_on_insert", ["default", "null"])


@EMPTY_ON_INSERT
@pytest.mark.parametrize(
    ("operation", "nulls", "priority"),
    [
        ("insert", "ignore", "Medium"),
        ("insert", "clear", "Medium"),
        ("upsert", "ignore", "Medium"),
        ("upsert", "clear", None),
    ],
)
def test_a_null_of_a_new_record_is_its_default_unless_it_clears(
    org: Org, operation: str, nulls: str, priority: str | None, empty_on_insert: str
) -> None:
    org.sandbox.control.set_behaviour(empty_on_insert=empty_on_insert)
    keys: dict[str, Any] = {"external_id": "Ext_Id__c"} if operation == "upsert" else {}
    run = org.load(
        schema("Case", "Ext_Id__c", "Subject", "Priority", "IsEscalated"),
        record("Case", Ext_Id__c="1", Subject="x", Priority=None, IsEscalated=None),
        record("Case", Ext_Id__c="2", Subject="x", Priority="High", IsEscalated=True),
        operation=operation,
        nulls=nulls,
        **keys,
    )
    assert run.code == 0, run.log
    assert org.query("SELECT Priority, IsEscalated FROM Case ORDER BY Ext_Id__c") == [
        {"Priority": priority, "IsEscalated": False},
        {"Priority": "High", "IsEscalated": True},
    ]


@pytest.mark.parametrize("empty_rows", ["skipped", "read"])
@pytest.mark.parametrize("nulls", ["clear", "ignore"])
def test_a_record_of_one_null_is_not_sent_as_a_blank_line(
    org: Org, empty_rows: str, nulls: str
) -> None:
    org.sandbox.control.set_behaviour(empty_rows=empty_rows)
    run = org.load(
        schema("Account", "Name"),
        record("Account", Name=None),
        record("Account", Name=""),
        record("Account", Name="x"),
        state(done=3),
        operation="insert",
        nulls=nulls,
        max_rejects="2",
    )
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    rejects = [(reject["kind"], reject["code"]) for reject in run.rejects("Account")]
    assert rejects == [("rejected", "REQUIRED_FIELD_MISSING")] * 2
