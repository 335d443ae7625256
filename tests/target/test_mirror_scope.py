"""What a mirror covers: its condition, its keys, and other streams that mirror the same object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state
from tests.target.test_mirror import MIRROR, activate, filled, names

if TYPE_CHECKING:
    from tests.target.support import Org


def table(stream: str, industry: str, *keys: str) -> list[dict[str, Any]]:
    """A full table with records of one industry."""
    rows = (record(stream, Ext_Id__c=key, Name=key, Industry=industry) for key in keys)
    return [
        schema(stream, "Ext_Id__c", "Name", "Industry", "_sdc_deleted_at"),
        *({**row, "version": 1} for row in rows),
        activate(1, stream),
    ]


def streams(**where: str | None) -> dict[str, Any]:
    return {
        name: {"sobject": "Account", "where": condition and f"Industry = '{condition}'"}
        for name, condition in where.items()
    }


def test_two_mirrors_of_one_object_delete_only_what_each_covers(org: Org) -> None:
    for key, industry in (("B1", "Banking"), ("B2", "Banking"), ("E1", "Energy"), ("X", "Media")):
        org.create("Account", Name=key, Ext_Id__c=key, Industry=industry)
    settings = streams(banks="Banking", plants="Energy")
    run = org.load(
        *table("banks", "Banking", "B1"),
        *table("plants", "Energy", "E2"),
        state(done=True),
        streams=settings,
        **MIRROR,
    )
    assert (run.code, run.states) == (0, [{"done": True}]), run.log
    assert names(org) == ["B1", "E2", "X"]


@pytest.mark.parametrize("where", [None, "Banking"])
@pytest.mark.parametrize("only_first", [False, True])
def test_two_mirrors_of_the_same_records_are_a_problem_before_the_first_job(
    org: Org, where: str | None, only_first: bool
) -> None:
    filled(org, "A")
    # The settings may be of several runs: each would delete what the other one has loaded.
    second = [] if only_first else [schema("plants", "Ext_Id__c", "Name")]
    settings = streams(banks="Banking", plants=where)
    run = org.load(
        *table("banks", "Banking", "B1"), *second, state(done=True), streams=settings, **MIRROR
    )
    assert (run.code, run.states, names(org)) == (1, [], ["A"])
    assert "stream `plants` mirrors the same records of `Account`" in run.reason
    assert org.jobs_created() == 0


def test_two_streams_of_one_glob_do_not_mirror_the_same_records(org: Org) -> None:
    filled(org, "A")
    run = org.load(
        schema("acc_eu", "Ext_Id__c", "Name"),
        schema("acc_us", "Ext_Id__c", "Name"),
        state(done=True),
        streams={"acc_*": {"sobject": "Account"}},
        **MIRROR,
    )
    assert (run.code, run.states) == (1, [])
    assert "stream `acc_eu` mirrors the same records of `Account`" in run.reason


@pytest.mark.parametrize(
    "where",
    [
        "Name = 'A') OR (Name != null",
        "Name = 'A'))",
        "Id IN (SELECT AccountId FROM Contact) LIMIT 1",
        "Name = 'A' ORDER BY Name LIMIT 1",
        "Name = 'A",
        " ",
    ],
)
def test_a_condition_that_is_more_than_one_is_refused_before_the_first_job(
    org: Org, where: str
) -> None:
    filled(org, "A", "B")
    settings = {"Account": {"where": where}}
    run = org.load(*table("Account", "Media", "C"), streams=settings, **MIRROR)
    assert (run.code, names(org)) == (1, ["A", "B"]), run.log
    assert "streams, Account: where: The" in run.reason
    assert org.jobs_created() == 0
