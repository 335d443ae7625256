"""A long-running transaction: rows that are older than the moment they are seen."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.test_bulk2_ingest import names_in
from tests.sandbox_http.test_rest_changes import DAY, create

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hand_clock import HandClock
    from tests.sandbox_http.front_door import Org


@pytest.fixture
def org(timed_org: Org) -> Org:
    return timed_org


def post(org: Org, path: str, body: Any = None) -> requests.Response:
    return requests.post(org.sandbox.control_url + path, json=body, timeout=30)


def stamps(org: Org) -> dict[str, str]:
    soql = "SELECT Name, SystemModstamp FROM Account"
    records = org.json("GET", "/query", params={"q": soql})["records"]
    return {one["Name"]: one["SystemModstamp"] for one in records}


def covered(org: Org, resource: str) -> str:
    return str(org.json("GET", f"/sobjects/Account/{resource}?{DAY}")["latestDateCovered"])


@pytest.mark.parametrize("over_http", [True, False])
def test_rows_of_an_open_transaction_show_at_its_commit_with_the_stamps_of_their_writing(
    org: Org, clock: HandClock, over_http: bool
) -> None:
    control = org.sandbox.control
    rows = {"Account": [{"Name": "late", "Ext_Id__c": "L"}]}
    if over_http:
        assert post(org, "/transaction/begin").status_code == 204
        assert post(org, "/seed?in_transaction=true", rows).json() == {"Account": 1}
    else:
        control.begin_transaction()
        assert control.seed(rows, in_transaction=True) == {"Account": 1}
    clock.time += timedelta(hours=1)
    create(org, "prompt")
    assert names_in(org) == ["prompt"]
    assert org.run_query("SELECT Id FROM Account")["numberRecordsProcessed"] == 1
    assert len(org.json("GET", f"/sobjects/Account/updated?{DAY}")["ids"]) == 1
    assert {covered(org, one) for one in ("updated", "deleted")} == {"2026-11-02T09:30:00.000+0000"}
    if over_http:
        assert post(org, "/transaction/commit").json() == {"Account": 1}
    else:
        assert control.commit_transaction() == {"Account": 1}
    # As those of every seeded row: of the second before.
    assert stamps(org) == {
        "late": "2026-11-02T09:30:14.000+0000",
        "prompt": "2026-11-02T10:30:15.000+0000",
    }
    assert {covered(org, one) for one in ("updated", "deleted")} == {"2026-11-02T10:30:00.000+0000"}


def test_each_row_keeps_its_own_moment_and_may_name_a_parent_of_the_same_transaction(
    org: Org, clock: HandClock
) -> None:
    control = org.sandbox.control
    control.begin_transaction()
    control.seed_csv("Account", "Name,Ext_Id__c\nfirst,A-1\n", in_transaction=True)
    clock.time += timedelta(minutes=5)
    child = "Name,Parent.Ext_Id__c\nsecond,A-1\n"
    assert control.seed_csv("Account", child, in_transaction=True) == {"Account": 1}
    clock.time += timedelta(minutes=5)
    control.seed({"Account": [{"Name": "outside"}]})
    assert list(stamps(org)) == ["outside"]
    assert control.commit_transaction() == {"Account": 2}
    assert stamps(org) == {
        "first": "2026-11-02T09:30:14.000+0000",
        "second": "2026-11-02T09:35:14.000+0000",
        "outside": "2026-11-02T09:40:14.000+0000",
    }


def test_rows_that_do_not_fit_are_refused_at_once_and_leave_the_transaction_as_it_was(
    org: Org,
) -> None:
    control = org.sandbox.control
    control.begin_transaction()
    control.seed({"Account": [{"Name": "good"}]}, in_transaction=True)
    with pytest.raises(ValueError, match=r"Account\.csv, line 1, column Nmae"):
        control.seed({"Account": [{"Nmae": "bad"}]}, in_transaction=True)
    assert control.commit_transaction() == {"Account": 1}
    assert names_in(org) == ["good"]


def test_a_commit_that_the_org_cannot_hold_is_refused_and_a_reset_drops_the_transaction(
    org: Org,
) -> None:
    control = org.sandbox.control
    control.begin_transaction()
    control.seed({"Account": [{"Name": "a", "Ext_Id__c": "K"}]}, in_transaction=True)
    control.seed({"Account": [{"Name": "b", "Ext_Id__c": "K"}]})
    answer = post(org, "/transaction/commit")
    assert answer.status_code == 400
    assert "Ext_Id__c" in answer.json()[0]["message"]
    assert "/tmp" not in answer.text  # noqa: S108 - the folder is nobody's business
    assert names_in(org) == ["b"]
    control.reset()
    control.begin_transaction()
    assert control.commit_transaction() == {}


def test_the_order_of_the_verbs_is_checked(org: Org) -> None:
    control = org.sandbox.control
    with pytest.raises(ValueError, match="no transaction is open"):
        control.commit_transaction()
    with pytest.raises(ValueError, match="no transaction is open"):
        control.seed({"Account": [{"Name": "a"}]}, in_transaction=True)
    control.begin_transaction()
    with pytest.raises(ValueError, match="open already"):
        control.begin_transaction()
    for wrong in ("?in_transaction=yes", "?transaction=true"):
        answer = post(org, f"/seed{wrong}", {"Account": [{"Name": "a"}]})
        assert answer.status_code == 400
        assert "in_transaction" in answer.json()[0]["message"]


def test_an_end_of_the_sandbox_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with Sandbox(sample=False) as sandbox:
        sandbox.control.begin_transaction()
        sandbox.control.seed({"Account": [{"Name": "a"}]}, in_transaction=True)
    assert list(tmp_path.iterdir()) == []
