"""What the tap can read, with each fault on each request, and killed at each line and request."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from tests.faults.commands import Command
from tests.faults.flows_reads import FLOWS, ReadFlow
from tests.faults.judge_reads import ReadHarness
from tests.faults.kills import Kill
from tests.faults.variants import VARIANTS, Variant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.tally import Tally

# Each test is many runs, which take long where other programs run too.
pytestmark = pytest.mark.timeout(600)

QUICK = ("session ends",)
MOST_ROWS = 4


@pytest.fixture(scope="module")
def command() -> Iterator[Command]:
    with Command("tap-sfbulk") as command:
        yield command


@pytest.fixture
def tap(running_sandbox: Sandbox, command: Command, tmp_path: Path) -> ReadHarness:
    return ReadHarness(running_sandbox, command, tmp_path)


def pairs() -> list[object]:
    return [
        pytest.param(
            flow, variant, marks=[] if flow.quick and variant.name in QUICK else [pytest.mark.slow]
        )
        for flow in FLOWS
        for variant in VARIANTS
        if variant.name not in flow.unfit
    ]


@pytest.mark.parametrize(("flow", "variant"), pairs(), ids=str)
def test_a_fault_on_any_request_of_a_read_loses_nothing(
    tap: ReadHarness, flow: ReadFlow, variant: Variant, tally: Tally
) -> None:
    """The loop ends with the first request that the command does not make."""
    for request in itertools.count():
        with tally.wrong_if_it_fails(flow, variant):
            ended = tap.run(flow, {**variant.fault, "skip": request}, late=variant.late)
            if not tap.struck:
                break
            if variant.passes and (variant.on_sign_in or request > 0):
                assert ended.code == 0, f"request {request}: {ended.reason}"
        tally.count(flow, variant, tap.outcome)
    assert ended.code == 0, ended.log
    assert request > 3


@pytest.mark.slow
@pytest.mark.parametrize("flow", [flow for flow in FLOWS if flow.has_jobs], ids=str)
@pytest.mark.parametrize("kind", ["job_failed", "job_aborted"])
def test_a_job_of_a_read_that_ends_after_any_row_loses_nothing(
    tap: ReadHarness, flow: ReadFlow, kind: str, tally: Tally
) -> None:
    for rows, job in itertools.product(range(MOST_ROWS), range(len(flow.wanted))):
        with tally.wrong_if_it_fails(flow, kind):
            tap.run(flow, {"kind": kind, "after_rows": rows, "skip": job})
            assert tap.struck
        tally.count(flow, kind, tap.outcome)


def kills(tap: ReadHarness, flow: ReadFlow) -> Iterator[Kill]:
    """After each line of output, within some of them, and around each request."""
    tap.begin(flow)
    whole = tap.read(flow, flow.state)
    for line in range(len(whole.messages)):
        yield Kill(line=line, half=line % 2 == 1)
        if b'"STATE"' in whole.messages[line]:
            yield Kill(line=line)
    for request in range(whole.sent):
        yield Kill(request=request, answered=request % 2 == 1)


@pytest.mark.slow
@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_a_read_that_is_killed_anywhere_is_read_on_and_repeats_at_most_a_page(
    tap: ReadHarness, flow: ReadFlow
) -> None:
    struck = 0
    for kill in [*kills(tap, flow)]:
        was_killed = tap.run_killed(flow, kill)
        struck += was_killed
        # How often a job is asked for its state is not the same in each run.
        assert was_killed or kill.request is not None
    assert struck > 10


@pytest.mark.parametrize(
    "flow", [pytest.param(f, marks=[] if f.quick else [pytest.mark.slow]) for f in FLOWS], ids=str
)
def test_a_read_that_is_killed_after_each_state_comes_to_its_end(
    tap: ReadHarness, flow: ReadFlow
) -> None:
    assert tap.run_until_done(flow) >= 1
