"""Results that come back with other values than were sent: the rest of their job is not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run

REFUSAL = "INVALID_EMAIL_ADDRESS:Email: invalid email address: x{}:Email --"

EMAILS = ["x1", "x2", "a@example.com", "x4", "x5"]


def listed(org: Org, name: str, *rows: str) -> None:
    """Let a result list of every job have these rows."""
    own = {"successfulResults": "sf__Created", "failedResults": "sf__Error"}[name]
    org.sandbox.control.add_fault(
        kind="answer",
        method="GET",
        path=f"*/{name}",
        status=200,
        headers={"Content-Type": "text/csv"},
        body="\n".join([f'"sf__Id","{own}",LastName,Email', *rows, ""]),
        times=None,
    )


def refused(at: int, last_name: str) -> str:
    return f'"","{REFUSAL.format(at)}",{last_name},x{at}'


def load(org: Org, **settings: Any) -> Run:
    """Five contacts: the third is good, the others have an e-mail address that is none."""
    return org.load(
        schema("Contact", "LastName", "Email"),
        *(
            record("Contact", LastName=f"N{at} ", Email=email)
            for at, email in enumerate(EMAILS, start=1)
        ),
        state(done=5),
        **{"operation": "insert", "max_rejects": 4, **settings},
    )


def words(run: Run) -> list[tuple[str, str, str, str]]:
    """Of each line: the record's two fields, Salesforce's message, the kind."""
    return [
        (
            line["record"].get("LastName"),
            line["record"].get("Email"),
            line["message"][-2:],
            line["kind"],
        )
        for line in run.rejects("Contact")
    ]


ALL = [(f"N{at} ", f"x{at}", f"x{at}", "rejected") for at in (1, 2, 4, 5)]


def test_a_value_without_its_trailing_blank_is_recognised(org: Org) -> None:
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "'), refused(2, "N2"), refused(5, '"N5 "')]
    listed(org, "failedResults", *rows)
    run = load(org)
    assert (run.code, run.states) == (0, [{"done": 5}]), run.log
    assert sorted(words(run)) == ALL
    assert (run.report("Contact")["loaded"], run.report("Contact")["rejected"]) == (1, 4)
    assert "Salesforce returned 1 rows with other values than were sent" in run.log
    assert [row["LastName"].strip() for row in org.query("SELECT LastName FROM Contact")] == ["N3"]


def test_a_run_beyond_max_rejects_keeps_its_state_and_a_rerun_from_it_doubles_nothing(
    org: Org,
) -> None:
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "'), refused(2, "N2"), refused(5, '"N5 "')]
    listed(org, "failedResults", *rows)
    run = load(org, max_rejects=0)
    assert (run.code, run.states) == (1, [{"done": 5}]), run.log
    assert sorted(words(run)) == ALL
    # What a source sends that goes on from this STATE.
    again = org.load(schema("Contact", "LastName", "Email"), state(done=5), operation="insert")
    assert again.code == 0, again.log
    assert len(org.query("SELECT Id FROM Contact")) == 1


def test_a_line_has_the_row_as_it_came_back_if_it_is_not_the_row_that_was_sent(org: Org) -> None:
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "'), refused(2, "Other"), refused(5, '"N5 "')]
    listed(org, "failedResults", *rows)
    run = load(org)
    assert sorted(words(run)) == ALL
    returned = {line["message"][-2:]: line.get("returned") for line in run.rejects("Contact")}
    assert returned == {
        "x1": None,
        "x2": {"LastName": "Other", "Email": "x2"},
        "x4": None,
        "x5": None,
    }


def test_results_that_may_be_of_several_rows_are_written_as_they_came_back(org: Org) -> None:
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "')]
    rows += [f'"","{REFUSAL.format(at)}",Other,y{at}' for at in (2, 5)]
    listed(org, "failedResults", *rows)
    run = load(org)
    assert (run.code, run.states) == (0, [{"done": 5}]), run.log
    assert sorted(words(run)) == [
        ALL[0],
        ALL[2],
        ("Other", "y2", "x2", "unmatched"),
        ("Other", "y5", "x5", "unmatched"),
    ]
    assert "2 of them may be any of several rows" in run.log
    # A rerun of an insert would double the good row, so the STATE is out.
    assert run.report("Contact")["kinds"] == {"rejected": 2, "unmatched": 2}


def test_a_key_that_comes_back_otherwise_is_found_by_the_other_columns(org: Org) -> None:
    listed(org, "failedResults", refused(1, '"N1 "'), refused(2, "Other"))
    ids = [org.create("Contact", LastName="A") for _ in range(2)]
    rows = [f'"{i}","false",N,{n}@example.com' for n, i in enumerate(ids)]
    listed(org, "successfulResults", *rows)
    run = org.load(
        schema("Contact", "Id", "LastName", "Email"),
        record("Contact", Id=ids[0], LastName="N", Email="0@example.com"),
        record("Contact", Id=ids[1], LastName="N", Email="1@example.com"),
        record("Contact", Id=f"{ids[1][:14]}x", LastName="N1 ", Email="x1"),
        record("Contact", Id=f"{ids[1][:14]}y", LastName="N2 ", Email="x2"),
        state(done=4),
        operation="update",
        max_rejects=2,
    )
    assert (run.code, run.states) == (0, [{"done": 4}]), run.log
    assert sorted(words(run)) == ALL[:2]


def test_what_is_known_of_a_job_is_written_before_its_counts_are_an_error(org: Org) -> None:
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "'), f'"","{REFUSAL.format(2)}",Other,y2']
    listed(org, "failedResults", *rows)
    run = load(org)
    assert (run.code, run.states) == (1, [])
    assert "1 of the results of job" in run.reason
    assert "belong to no row that was sent, and 1 of 5 rows have no result" in run.reason
    assert sorted(words(run)) == [ALL[0], ALL[2], ("Other", "y2", "x2", "unmatched")]


def test_a_run_after_results_that_do_not_add_up_doubles_nothing(org: Org) -> None:
    org.keep_jobs()
    rows = [refused(1, '"N1 "'), refused(4, '"N4 "'), f'"","{REFUSAL.format(2)}",Other,y2']
    listed(org, "failedResults", *rows)
    assert load(org).code == 1
    org.sandbox.control.clear_faults()
    listed(org, "failedResults", *rows)
    again = load(org)
    assert len(org.query("SELECT Id FROM Contact")) == 1, again.log
    lines = [line for line in words(again) if line[3] != "unmatched"]
    # The row of the job that has no result, and those that may have the one that matches nothing.
    assert {line[:2] for line in lines} == {(f"N{at} ", e) for at, e in enumerate(EMAILS, 1)}
    assert {line[:2]: line[3] for line in lines}["N1 ", "x1"] == "rejected"


def test_rows_of_unclear_results_are_not_sent_again_by_the_next_run(org: Org) -> None:
    good = [f'"003X0000000000{at}IAA","true",Other,o{at}' for at in (1, 2)]
    listed(org, "successfulResults", *good)
    listed(org, "failedResults", f'"","{REFUSAL.format(1)}",Other,o3')
    messages = [
        schema("Contact", "LastName"),
        *(record("Contact", LastName=f"N{at}") for at in range(3)),
        schema("Account", "Name"),
        record("Account", Name="A"),
        state(done=4),
    ]
    run = org.load(*messages, operation="insert", max_rejects=9)
    # The three results are too many for the job of the other stream.
    assert (run.code, run.states) == (1, [])
    assert len(org.query("SELECT Id FROM Contact")) == 3
    again = org.load(*messages, operation="insert", max_rejects=9)
    assert (again.code, again.report("Contact")["skipped"]) == (0, 3), again.log
    assert len(org.query("SELECT Id FROM Contact")) == 3


@pytest.mark.parametrize("more", ["Other", '"N1 "'])
def test_more_results_than_rows_are_an_error_after_what_is_known_is_written(
    org: Org, more: str
) -> None:
    rows = [refused(at, f'"N{at} "') for at in (1, 2, 4, 5)]
    listed(org, "failedResults", *rows, refused(1, more))
    run = load(org)
    assert (run.code, run.states) == (1, [])
    assert "has 6 rows, but 5 were sent" in run.reason
    assert {line for line in words(run) if line[3] == "rejected"} == set(ALL)


def test_records_that_the_org_does_not_have_are_rejects_although_the_job_cannot_be_read(
    org: Org,
) -> None:
    org.create("Account", Name="A", Ext_Id__c="A-1")
    org.sandbox.control.add_fault(
        kind="answer", method="GET", path="*/failedResults", status=404, times=None
    )
    run = org.load(
        schema("Account", "Ext_Id__c", "Phone"),
        *(record("Account", Ext_Id__c=f"A-{at}", Phone="1") for at in (1, 2)),
        state(done=2),
        operation="update",
        external_id="Ext_Id__c",
    )
    assert (run.code, run.states) == (1, [])
    rejects = run.rejects("Account")
    assert [(line["record"]["Ext_Id__c"], line["code"]) for line in rejects] == [
        ("A-2", "NO_SUCH_RECORD")
    ]
