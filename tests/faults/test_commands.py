"""The connectors' commands with each fault on each of their requests, and a next run after it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults import flows_tap, flows_target
from tests.faults.commands import Command
from tests.faults.judge_tap import TapHarness
from tests.faults.judge_target import TargetHarness
from tests.faults.variants import VARIANTS, Variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.flows_tap import TapFlow
    from tests.faults.flows_target import TargetFlow
    from tests.faults.tally import Tally

# Each test is many runs, which take long where other programs run too.
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def target_command() -> Iterator[Command]:
    with Command("target-sfbulk") as command:
        yield command


@pytest.fixture(scope="module")
def tap_command() -> Iterator[Command]:
    with Command("tap-sfbulk") as command:
        yield command


@pytest.fixture
def target(running_sandbox: Sandbox, target_command: Command, tmp_path: Path) -> TargetHarness:
    return TargetHarness(running_sandbox, target_command, tmp_path)


@pytest.fixture
def tap(running_sandbox: Sandbox, tap_command: Command, tmp_path: Path) -> TapHarness:
    return TapHarness(running_sandbox, tap_command, tmp_path)


QUICK = ("lost",)
"""The faults that run with every test run."""
MOST_ROWS, MOST_ATTEMPTS = 4, 100


def pairs(flows: Sequence[TapFlow | TargetFlow]) -> list[object]:
    return [
        pytest.param(
            flow, variant, marks=[] if flow.quick and variant.name in QUICK else [pytest.mark.slow]
        )
        for flow in flows
        for variant in VARIANTS
    ]


def try_each_request(
    harness: TapHarness | TargetHarness, flow: Any, variant: Variant, tally: Tally
) -> None:
    """Run until the command has no request of that number: there all must be well."""
    for request in itertools.count():
        with tally.wrong_if_it_fails(flow, variant):
            ended = harness.run(flow, {**variant.fault, "skip": request}, late=variant.late)
            if not harness.struck:
                break
            if variant.passes and (variant.on_sign_in or request > 0):
                assert ended.code == 0, f"request {request}: {ended.reason}"
        tally.count(flow, variant, harness.outcome)
    assert ended.code == 0, ended.log
    assert request > 0


@pytest.mark.parametrize(("flow", "variant"), pairs(flows_target.FLOWS), ids=str)
def test_a_fault_on_any_request_of_the_target_loses_and_doubles_nothing(
    target: TargetHarness, flow: TargetFlow, variant: Variant, tally: Tally
) -> None:
    try_each_request(target, flow, variant, tally)


@pytest.mark.parametrize(("flow", "variant"), pairs(flows_tap.FLOWS), ids=str)
def test_a_fault_on_any_request_of_the_tap_loses_and_doubles_nothing(
    tap: TapHarness, flow: TapFlow, variant: Variant, tally: Tally
) -> None:
    try_each_request(tap, flow, variant, tally)


@pytest.mark.slow
@pytest.mark.parametrize("flow", flows_target.FLOWS, ids=str)
@pytest.mark.parametrize("kind", ["job_failed", "job_aborted"])
def test_a_job_of_the_target_that_ends_after_any_row_loses_and_doubles_nothing(
    target: TargetHarness, flow: TargetFlow, kind: str, tally: Tally
) -> None:
    for rows, job in itertools.product(range(MOST_ROWS), range(2)):
        with tally.wrong_if_it_fails(flow, kind):
            target.run(flow, {"kind": kind, "after_rows": rows, "skip": job})
            assert target.struck
        tally.count(flow, kind, target.outcome)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flow", [flow for flow in flows_tap.FLOWS if flow.fails_with_its_job], ids=str
)
@pytest.mark.parametrize("kind", ["job_failed", "job_aborted"])
def test_a_job_of_the_tap_that_ends_after_any_row_loses_and_doubles_nothing(
    tap: TapHarness, flow: TapFlow, kind: str, tally: Tally
) -> None:
    for rows, job in itertools.product(range(MOST_ROWS), range(len(flow.rows))):
        with tally.wrong_if_it_fails(flow, kind):
            assert tap.run(flow, {"kind": kind, "after_rows": rows, "skip": job}).code == 1
            assert tap.struck
        tally.count(flow, kind, tap.outcome)


@pytest.mark.slow
@pytest.mark.parametrize("flow", flows_target.FLOWS, ids=str)
@pytest.mark.parametrize("code", ["UNABLE_TO_LOCK_ROW", "FIELD_CUSTOM_VALIDATION_EXCEPTION"])
def test_a_row_that_is_refused_is_a_reject_of_the_target_and_the_others_are_in_once(
    target: TargetHarness, flow: TargetFlow, code: str, tally: Tally
) -> None:
    for row in itertools.count(1):
        fault = {"kind": "row_error", "rows": [row], "times": MOST_ATTEMPTS, "code": code}
        with tally.wrong_if_it_fails(flow, code):
            target.run(flow, fault)
        if target.strikes_left == MOST_ATTEMPTS:
            break
        tally.count(flow, code, target.outcome)
    assert row > 1
