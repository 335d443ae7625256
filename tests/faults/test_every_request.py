"""Each flow with each fault on each of its requests: every row is in once, or an error says why."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from sfbulk.errors import RowCountMismatch
from sfbulk_sandbox.faults.kinds import KINDS
from tests.faults import flows, flows_bulk1, flows_sign_in
from tests.faults.variants import REFUSED, VARIANTS, Variant

if TYPE_CHECKING:
    from tests.faults.flows import Flow
    from tests.faults.harness import Harness
    from tests.faults.tally import Tally

# Each test is many runs, which take long where other programs run too.
pytestmark = pytest.mark.timeout(600)

FLOWS = [*flows.FLOWS, *flows_bulk1.FLOWS, *flows_sign_in.FLOWS]
LOADS = [flow for flow in FLOWS if flow.changes or flow.removes]
JOB_FAULTS = ["job_failed", "job_aborted"]
ROW_FAULTS = ["row_error"]
MOST_ROWS = 8
MOST_ATTEMPTS = 100
"""More than a row is ever sent."""


def pairs() -> list[object]:
    return [
        pytest.param(
            flow, variant, marks=[] if flow.quick and variant.quick else [pytest.mark.slow]
        )
        for flow in FLOWS
        for variant in VARIANTS
    ]


def test_every_kind_of_fault_that_the_sandbox_knows_is_among_the_loops() -> None:
    kinds = {variant.fault["kind"] for variant in VARIANTS} - {REFUSED}
    assert kinds | {*JOB_FAULTS, *ROW_FAULTS} == set(KINDS)


@pytest.mark.parametrize(("flow", "variant"), pairs(), ids=str)
def test_a_fault_on_any_request_loses_and_doubles_nothing(
    harness: Harness, flow: Flow, variant: Variant, tally: Tally
) -> None:
    """The loop ends with the first request that the flow does not make: there it must be well."""
    for request in itertools.count():
        fault = {**variant.fault, "skip": request}
        with tally.wrong_if_it_fails(flow, variant):
            error = harness.run(flow, fault, late=variant.late, partly=not variant.passes)
            if not harness.struck:
                break
            if variant.passes and (variant.on_sign_in or request > 0):
                may_end = flow.counted_late and variant.is_at_a_line
                is_right = error is None or (may_end and isinstance(error, RowCountMismatch))
                assert is_right, f"request {request}: {error}"
        tally.count(flow, variant, harness.outcome)
    assert error is None
    assert request > 0


@pytest.mark.slow
@pytest.mark.parametrize("flow", [flow for flow in LOADS if "insert" in flow.name], ids=str)
@pytest.mark.parametrize("kind", ["lost", "closed"])
def test_two_faults_on_any_two_requests_lose_and_double_nothing(
    harness: Harness, flow: Flow, kind: str, tally: Tally
) -> None:
    """The second strikes also what the client does to settle the first."""
    for first in itertools.count():
        for second in itertools.count(first):
            faults = [{"kind": kind, "skip": each} for each in (first, second)]
            with tally.wrong_if_it_fails(flow, f"{kind} twice"):
                error = harness.run(flow, *faults)
                assert error is None, f"requests {first} and {second}: {error}"
            if not harness.struck:
                break
            tally.count(flow, f"{kind} twice", harness.outcome)
        # Neither has struck: the flow has no request of that number.
        if harness.not_struck > 1:
            break
    assert first > 0


@pytest.mark.slow
@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow.jobs_run], ids=str)
@pytest.mark.parametrize("kind", JOB_FAULTS)
def test_a_job_that_ends_after_any_row_loses_and_doubles_nothing(
    harness: Harness, flow: Flow, kind: str, tally: Tally
) -> None:
    for rows in range(MOST_ROWS):
        with tally.wrong_if_it_fails(flow, kind):
            harness.run(flow, {"kind": kind, "after_rows": rows}, partly=True)
            assert harness.struck
        tally.count(flow, kind, harness.outcome)


@pytest.mark.slow
@pytest.mark.parametrize("flow", LOADS, ids=str)
@pytest.mark.parametrize("code", ["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION"])
def test_a_row_that_is_refused_is_told_and_the_others_are_in_once(
    harness: Harness, flow: Flow, code: str, tally: Tally
) -> None:
    for row in itertools.count(1):
        fault = {"kind": "row_error", "rows": [row], "times": MOST_ATTEMPTS, "code": code}
        with tally.wrong_if_it_fails(flow, code):
            assert harness.run(flow, fault, partly=True) is None
        if harness.strikes_left == MOST_ATTEMPTS:
            break
        tally.count(flow, code, harness.outcome)
    assert row > 1
