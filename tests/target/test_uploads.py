"""Uploads whose answer is lost, against an org of each kind: every record is in, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.target.support import record, schema, state

if TYPE_CHECKING:
    from tests.target.support import Org, Run


def load(org: Org) -> Run:
    return org.load(
        schema("Account", "Name"),
        *(record("Account", Name=f"Up {number}") for number in range(5)),
        state(done=5),
        operation="insert",
    )


def states(org: Org) -> list[str]:
    return [job["state"] for job in org.jobs()]


@pytest.mark.parametrize("second_upload", ["taken", "refused"])
@pytest.mark.parametrize("counts", ["shown", "hidden"])
@pytest.mark.parametrize("fault", ["lost", "closed"])
def test_an_upload_whose_answer_is_lost_loads_every_record_once(
    org: Org, fault: str, counts: str, second_upload: str
) -> None:
    org.sandbox.control.set_behaviour(counts_after_upload=counts, second_upload=second_upload)
    org.sandbox.control.add_fault(kind=fault, method="PUT", path="*/batches")
    run = load(org)
    assert org.sandbox.control.faults == []
    assert (run.code, run.states) == (0, [{"done": 5}]), run.log
    assert [row["Name"] for row in org.query("SELECT Name FROM Account ORDER BY Name")] == [
        f"Up {number}" for number in range(5)
    ]
    assert "Open" not in states(org)


@pytest.mark.slow
def test_uploads_that_are_always_lost_end_the_run_with_nothing_loaded(org: Org) -> None:
    org.sandbox.control.set_behaviour(counts_after_upload="hidden")
    org.sandbox.control.add_fault(kind="lost", method="PUT", path="*/batches", times=None)
    run = load(org)
    assert (run.code, run.states) == (1, [])
    assert "none of these rows is loaded" in run.reason
    assert org.query("SELECT Id FROM Account") == []
    assert set(states(org)) == {"Aborted"}


def test_three_uploads_that_a_gateway_answers_in_a_row_are_made_good(org: Org) -> None:
    org.sandbox.control.add_fault(
        kind="answer", method="PUT", path="*/batches", status=502, body="<html>", times=3
    )
    run = load(org)
    assert org.sandbox.control.faults == []
    assert (run.code, run.states) == (0, [{"done": 5}]), run.log
    assert len(org.query("SELECT Id FROM Account")) == 5
    assert set(states(org)) == {"Aborted"}
