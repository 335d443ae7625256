"""Result lists without rows, in each form that Salesforce may give them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org


@pytest.mark.parametrize("form", ["header", "no_content", "empty"])
def test_a_load_without_refused_rows_is_a_success_whatever_an_empty_list_looks_like(
    org: Org, form: str
) -> None:
    org.sandbox.control.set_behaviour(empty_results=form)
    run = org.load(
        schema("Account", "Ext_Id__c", "Name"),
        *(record("Account", Ext_Id__c=f"A-{at}", Name="x") for at in range(3)),
        state(done=3),
        external_id="Ext_Id__c",
    )
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    assert len(org.query("SELECT Id FROM Account")) == 3


@pytest.mark.parametrize("form", ["header", "no_content", "empty"])
def test_a_load_of_which_every_row_is_refused_names_them_all(org: Org, form: str) -> None:
    org.sandbox.control.set_behaviour(empty_results=form)
    run = org.load(
        schema("Account", "Ext_Id__c", "Phone"),
        *(record("Account", Ext_Id__c=f"A-{at}", Phone="1") for at in range(3)),
        state(done=3),
        external_id="Ext_Id__c",
        max_rejects="3",
    )
    assert (run.code, run.states) == (0, [{"done": 3}]), run.log
    assert {reject["code"] for reject in run.rejects("Account")} == {"REQUIRED_FIELD_MISSING"}
