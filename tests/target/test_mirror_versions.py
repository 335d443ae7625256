"""The versions of a mirror's stream: only a whole one says what the source no longer has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state
from tests.target.test_mirror import MIRROR, activate, filled, names, version

if TYPE_CHECKING:
    from tests.target.support import Org

HEAD = schema("Account", "Ext_Id__c", "Name", "_sdc_deleted_at")
IN_ORG = ("A", "B", "C", "Z")


def row(name: str, number: int | None) -> dict[str, Any]:
    message = record("Account", Ext_Id__c=name, Name=name)
    return message if number is None else {**message, "version": number}


COMPLETE = {
    "a record has no version": [row("A", 5), row("B", None), row("C", 5), activate(5)],
    "the first record has no version": [row("A", None), row("B", 5), row("C", 5), activate(5)],
    "no record has a version": [row("A", None), row("B", None), row("C", None), activate(5)],
    "it is activated twice": [row("A", 5), activate(5), row("B", 5), row("C", 5), activate(5)],
    "it is activated before its end": [row("A", 5), activate(5), row("B", 5), row("C", None)],
    "it is activated before and after": [
        activate(5),
        *(row(name, 5) for name in "ABC"),
        activate(5),
    ],
    "another one is activated before": [
        *(row("A", 4), activate(4)),
        *(row(name, 5) for name in "ABC"),
        activate(5),
    ],
}
INCOMPLETE = {
    "a record of another version comes between": [
        row("A", 5),
        row("B", 6),
        row("C", 5),
        activate(5),
    ],
    "another version begins after it": [row("A", 5), row("B", 5), activate(5), row("C", 6)],
    "the records are of another version": [row("A", 5), activate(6)],
    "it is activated before its records": [activate(5), row("A", 5)],
}


@pytest.mark.parametrize("case", COMPLETE)
def test_what_a_version_that_is_complete_does_not_have_is_deleted(org: Org, case: str) -> None:
    filled(org, *IN_ORG)
    run = org.load(HEAD, *COMPLETE[case], state(done=True), **MIRROR)
    assert (run.code, run.states) == (0, [{"done": True}]), run.log
    assert names(org) == ["A", "B", "C"]


@pytest.mark.parametrize("case", INCOMPLETE)
def test_nothing_is_deleted_for_a_version_of_which_not_all_records_are_known(
    org: Org, case: str
) -> None:
    filled(org, *IN_ORG)
    run = org.load(HEAD, *INCOMPLETE[case], state(done=True), **MIRROR)
    assert (run.code, run.states) == (0, [{"done": True}]), run.log
    assert names(org) == [*IN_ORG]
    assert "ACTIVATE_VERSION is ignored" in run.log


def test_the_rest_of_a_version_deletes_nothing_after_a_run_with_another_version(org: Org) -> None:
    filled(org, *IN_ORG)
    half = org.load(HEAD, row("A", 5), row("B", 5), state(half=True), **MIRROR)
    assert half.states == [{"half": True}]
    other = org.load(HEAD, row("A", 6), state(other=True), **MIRROR)
    assert other.states == [{"other": True}]
    run = org.load(HEAD, row("C", 5), activate(5), state(done=True), **MIRROR)
    assert (run.code, names(org)) == (0, [*IN_ORG]), run.log
    assert "ACTIVATE_VERSION is ignored" in run.log
    whole = org.load(*version(7, "A", "B", "C"), **MIRROR)
    assert (whole.code, names(org)) == (0, ["A", "B", "C"]), whole.log
    assert not list(org.folder.rglob("*.keys.sqlite"))


def test_the_rest_of_a_version_deletes_nothing_if_its_first_keys_are_of_another_field(
    org: Org,
) -> None:
    for name in IN_ORG:
        org.create("Account", Name=name, Ext_Id__c=name, AccountNumber=name)
    fields = {"Account": {"fields": {"key": "Ext_Id__c"}}}
    first = [
        schema("Account", "key", "Name"),
        {**record("Account", key="A", Name="A"), "version": 5},
    ]
    half = org.load(*first, state(half=True), **MIRROR, streams=fields)
    assert half.states == [{"half": True}], half.log
    run = org.load(HEAD, row("B", 5), activate(5), state(done=True), **MIRROR)
    assert (run.code, names(org)) == (0, [*IN_ORG]), run.log


def test_a_record_whose_key_cannot_be_read_counts_in_the_run_after_too(org: Org) -> None:
    filled(org, *IN_ORG)
    broken = {**record("Account", Ext_Id__c="A\ud800", Name="A"), "version": 5}
    settings = {**MIRROR, "max_rejects": "1"}
    half = org.load(HEAD, broken, state(half=True), **settings)
    assert (half.code, half.states) == (0, [{"half": True}]), half.log
    run = org.load(HEAD, row("B", 5), activate(5), state(done=True), **settings)
    assert (run.code, run.states) == (1, []), run.log
    assert "1 rejected records have keys that cannot be compared" in run.reason
    assert names(org) == [*IN_ORG]


@pytest.mark.parametrize("cap", [pytest.param(4, marks=pytest.mark.slow), "99.9%"])
def test_an_empty_version_deletes_nothing_unless_the_cap_is_all_records(
    org: Org, cap: int | str
) -> None:
    filled(org, "A")
    broke = org.load(*version(1), **{**MIRROR, "delete_cap": cap})
    assert (broke.code, broke.states) == (1, []), broke.log
    assert "the source has sent no records, so 1 of the 1 records of Account" in broke.reason
    assert names(org) == ["A"]
    meant = org.load(*version(1), **MIRROR)
    assert (meant.code, meant.states) == (0, [{"version": 1}]), meant.log
    assert names(org) == []


def test_records_without_a_key_do_not_make_a_version_that_has_none(org: Org) -> None:
    filled(org, "A")
    keyless = {**record("Account", Ext_Id__c=None, Name="N"), "version": 1}
    settings = {**MIRROR, "delete_cap": 9, "max_rejects": "1"}
    run = org.load(HEAD, keyless, activate(1), state(done=True), **settings)
    assert (run.code, run.states, names(org)) == (1, [], ["A"]), run.log


def test_a_broken_file_of_keys_is_named_before_the_first_job(org: Org) -> None:
    filled(org, "A")
    path = org.folder / "output" / "Account.keys.sqlite"
    path.parent.mkdir()
    path.write_bytes(b"no database" * 500)
    run = org.load(*version(1, "B"), **MIRROR)
    assert (run.code, names(org)) == (1, ["A"]), run.log
    assert f"The file {path} with the keys of a mirror cannot be used" in run.reason
    assert org.jobs_created() == 0


@pytest.mark.parametrize("removed", [None, "__NULL__"])
def test_a_stream_that_a_stream_map_leaves_out_is_not_an_empty_table(
    org: Org, removed: str | None
) -> None:
    filled(org, *IN_ORG)
    run = org.load(*version(1, "A"), **MIRROR, stream_maps={"Account": removed})
    assert (run.code, run.states, names(org)) == (0, [{"version": 1}], [*IN_ORG]), run.log


def test_keys_are_compared_as_salesforce_compares_them(org: Org) -> None:
    in_org = {"one": "A", "two": "b", "three": "\u00c9t\u00e9", "gone": "g"}
    for name, key in in_org.items():
        org.create("Account", Name=name, Ext_Id__c=key)
    keys = {"one": "a ", "two": " B", "three": "e\u0301te\u0301"}
    rows = (record("Account", Ext_Id__c=key, Name=name) for name, key in keys.items())
    run = org.load(HEAD, *({**one, "version": 1} for one in rows), activate(1), **MIRROR)
    assert run.code == 0, run.log
    # The sandbox does not compose accents: there, the third one is another record.
    assert names(org) == ["one", "three", "three", "two"]
