"""The keys of `stream_options`: names and globs in any case, merged in order, by the command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.tap.conftest import TapCommand


def names(tap: TapCommand, **options: dict[str, Any]) -> list[str]:
    run = tap(streams_to_discover=["Account"], stream_options=options)
    assert run.code == 0, run.log
    return [record["Name"] for record in run.records("Account")]


def test_all_globs_apply_in_their_order_then_the_name_in_any_case(tap: TapCommand) -> None:
    only_na: dict[str, Any] = {"where": "Name = 'NA'"}
    only_zurich: dict[str, Any] = {"where": "Name LIKE 'Z%'"}
    assert names(tap, **{"ACC*": only_na}) == ["NA"]
    assert names(tap, **{"*COUNT": only_na, "a*": only_zurich}) == ["Zürich 東京"]
    by_name_first = {"aCCount": only_na, "*": only_zurich}
    assert names(tap, **by_name_first) == ["NA"]
    assert len(names(tap, **{"*": only_na, "account": {"where": None}})) == 3


def test_a_condition_that_is_more_than_one_is_a_problem_before_any_request(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    options = {
        "Account": {"where": "Name='a') OR (Name!=null"},
        "C*": {"where": "Name='a' LIMIT 1"},
    }
    run = tap(stream_options=options)
    assert run.code == 1
    assert "stream_options, Account: where: The brackets of the condition do not match" in run.log
    assert "stream_options, C*: where: The condition has the clause LIMIT at character" in run.log
    assert sandbox.requests == []


def test_a_glob_that_fits_no_stream_is_a_warning_and_a_name_is_refused(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    run = tap(stream_options={"Acount": {"lookback": 1}, "*__Share": {"lookback": 1}})
    assert run.code == 1
    assert "stream_options, Acount: no such stream is read (did you mean `Account`?)" in run.reason
    assert not any("/jobs/query" in request.path for request in sandbox.requests)
    run = tap(stream_options={"*__Share": {"lookback": 1}})
    assert run.code == 0
    assert "WARNING  | tap-sfbulk                     | stream_options, *__Share:" in run.log


def test_a_name_of_no_stream_does_not_hide_what_else_is_wrong(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    options: dict[str, Any] = {
        "Acount": {"lookback": 1},
        "Account": {"parent_fields": ["Owner.Nmae"], "replication_key": "Name"},
        "mine": {"parent_fields": ["Owner.Name"]},
    }
    queries = [
        {"name": "mine", "soql": "SELECT Id, Nmae FROM Contact"},
        {"name": "Contact", "soql": "SELECT Id FROM Contact"},
    ]
    run = tap(stream_options=options, queries=queries)
    assert run.code == 1
    for told in (
        "stream_options, Acount: no such stream is read",
        "parent_fields, Owner.Nmae",
        "Account.Name is not a date/time field",
        "stream_options, mine: parent_fields is an option of objects",
        "queries, mine: ",
        "queries, Contact: an object that is read has this name",
    ):
        assert told in run.reason
    assert not any("/jobs/query" in request.path for request in sandbox.requests)


def test_a_wrong_where_is_told_once_and_without_advice_about_the_window(tap: TapCommand) -> None:
    run = tap(stream_options={"Account": {"where": "Name"}})
    assert run.code == 1
    assert "MALFORMED_QUERY" in run.log
    assert "FULL_TABLE" not in run.log
    assert "Account: Account: " not in run.log
