"""Two faults in one run, on the retry itself, or in the next run: chosen by chance from a seed.

The last table of `make test-faults` names the seed; with `FAULTS_SEED` it is tried again.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults import flows, flows_bulk1, flows_reads, flows_target
from tests.faults.commands import forked
from tests.faults.judge_reads import ReadHarness
from tests.faults.judge_target import TargetHarness
from tests.faults.variants import LATE_SECONDS, VARIANTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    from sfbulk_sandbox import Sandbox
    from tests.faults.flows import Flow
    from tests.faults.flows_reads import ReadFlow
    from tests.faults.flows_target import TargetFlow
    from tests.faults.harness import Harness
    from tests.faults.tally import Tally

# Each test is many runs, which take long where other programs run too.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

TRIES = 24
"""Of each flow."""

TOGETHER, AGAIN = "two in one run", "one in each of two runs"
ENDS_A_RUN = [variant for variant in VARIANTS if not variant.passes]


Pair = list[dict[str, Any]]


@contextmanager
def said(pair: Pair) -> Iterator[None]:
    """Name the faults if the judge fails."""
    try:
        yield
    except AssertionError as error:
        raise AssertionError(f"{pair}: {error}") from error


def is_late(pair: Pair) -> bool:
    """Whether the client must have little patience for a fault to strike."""
    return any(fault.get("seconds") == LATE_SECONDS for fault in pair)


def fewest(sent: Callable[[], int]) -> int:
    """How many requests a run sends at least: how often it asks for a job's state varies."""
    return min(sent() for _ in range(3))


def together(chance: Random, requests: int, unfit: tuple[str, ...] = ()) -> Pair:
    """Two faults of one run; one time of three, the second one strikes the retry of the first."""
    variants = [variant for variant in VARIANTS if variant.name not in unfit]
    one, other = chance.choices(variants, k=2)
    first = chance.randrange(requests)
    second = first if chance.randrange(3) == 0 else chance.randrange(first, requests)
    return [{**one.fault, "skip": first}, {**other.fault, "skip": second}]


def one_each(chance: Random, requests: int, unfit: tuple[str, ...] = ()) -> Pair:
    """A fault that ends most runs, and one of the next run."""
    one = chance.choice([variant for variant in ENDS_A_RUN if variant.name not in unfit])
    other = chance.choice([it for it in VARIANTS if it.name not in unfit])
    numbers = [chance.randrange(requests) for _ in range(2)]
    return [{**it.fault, "skip": at} for it, at in zip((one, other), numbers, strict=True)]


@pytest.mark.parametrize("flow", [*flows.FLOWS, *flows_bulk1.FLOWS], ids=str)
def test_two_faults_of_one_run_of_the_client_lose_and_double_nothing(
    harness: Harness, flow: Flow, chance: Random, tally: Tally
) -> None:
    requests = fewest(lambda: (harness.run(flow), harness.sent)[1])
    for _ in range(TRIES):
        pair = together(chance, requests)
        with tally.wrong_if_it_fails(flow, TOGETHER), said(pair):
            harness.run(flow, *pair, late=is_late(pair), partly=True)
        tally.count(flow, TOGETHER, harness.outcome)


@pytest.mark.parametrize("flow", flows_target.FLOWS, ids=str)
def test_two_faults_of_a_load_by_the_target_lose_and_double_nothing(
    running_sandbox: Sandbox, tmp_path: Path, flow: TargetFlow, chance: Random, tally: Tally
) -> None:
    target = TargetHarness(running_sandbox, forked("target-sfbulk"), tmp_path)
    requests = fewest(lambda: target.run(flow).sent)
    for number in range(TRIES):
        fault = TOGETHER if number % 2 else AGAIN
        pair = (together if number % 2 else one_each)(chance, requests)
        with tally.wrong_if_it_fails(flow, fault), said(pair):
            if fault == TOGETHER:
                target.run(flow, *pair, late=is_late(pair))
            else:
                target.run(flow, pair[0], again=(pair[1],), late=is_late(pair))
        tally.count(flow, fault, target.outcome)


@pytest.mark.parametrize("flow", flows_reads.FLOWS, ids=str)
def test_two_faults_of_a_read_lose_nothing(
    running_sandbox: Sandbox, tmp_path: Path, flow: ReadFlow, chance: Random, tally: Tally
) -> None:
    tap = ReadHarness(running_sandbox, forked("tap-sfbulk"), tmp_path)
    requests = fewest(lambda: tap.run(flow).sent)
    for number in range(TRIES):
        fault = TOGETHER if number % 2 else AGAIN
        pair = (together if number % 2 else one_each)(chance, requests, flow.unfit)
        with tally.wrong_if_it_fails(flow, fault), said(pair):
            if fault == TOGETHER:
                tap.run_series(flow, tuple(pair), late=is_late(pair))
            else:
                tap.run_series(flow, *((each,) for each in pair), late=is_late(pair))
        tally.count(flow, fault, tap.outcome)
