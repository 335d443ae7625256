"""Commands that end at random moments, by a signal or a full disk, and the runs after them.

No row may be lost or doubled, and nothing may be left. The moments are chosen by the seed of all
tests of faults: parts of the time that a run takes, requests, and uses of files.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from signal import SIGINT, SIGKILL, SIGTERM, Signals
from typing import TYPE_CHECKING

import pytest

from tests.faults.kill_flows import FLOWS
from tests.faults.kills import Kill
from tests.faults.small_disk import fill, most_used, small_disk
from tests.faults.tally import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended
    from tests.faults.killed import KillFlow, Verdict
    from tests.faults.tally import Tally

MOMENTS = {SIGKILL: 100, SIGTERM: 50, SIGINT: 50}
MOST_MOMENTS = {"target insert": 300}
"""Of SIGKILL: an insert has no key by which a row could be known again."""
QUICK_MOMENTS = 2
QUICK = ["tap resume", "target insert", "target mirror", "sfbulk query", "sfbulk load"]
DISKS = 20
MOST_KILLS = 3
"""Of the runs after one moment."""


@pytest.fixture
def flow_of(org: tuple[Sandbox, Path], tmp_path: Path) -> Callable[[str], KillFlow]:
    return lambda name: FLOWS[name](*org, tmp_path)


class Campaign:
    """A flow that is killed at random moments."""

    def __init__(self, name: str, flow: KillFlow, signum: Signals, chance: Random) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._name = name
        self._flow = flow
        self._signum = signum
        self._random = chance
        self._whole = self._measure()

    def _measure(self) -> Ended:
        """The second of two whole runs: the first one also waits for the process that forks it."""
        for _ in range(2):
            self._flow.begin()
            ended = self._flow.run()
            assert ended.code == 0, ended.log
            verdict = self._flow.judge()
            assert not any(vars(verdict).values()), verdict
        return ended

    def strike(self) -> None:
        """Run until the end, with kills at a random moment of the first runs."""
        self._flow.begin()
        self.counts["moments"] += 1
        kills: list[Kill] = []
        while True:
            is_killed = not kills or (len(kills) < MOST_KILLS and self._random.random() < 0.3)
            kills += [self._moment()] if is_killed else []
            ended = self._flow.run(kills[-1] if is_killed else None)
            self._judge(kills, self._flow.acknowledged(), ended)
            if not is_killed or self._flow.is_done(ended):
                break
            self._count(ended, first=len(kills) == 1)
        if not self._flow.is_done(ended):
            self.counts["not ended"] += 1
            self.wrong.append(f"{self._name}, {kills}: exit {ended.code}\n{ended.log}")
            return
        self._judge(kills, self._flow.judge(), ended)

    def _moment(self) -> Kill:
        random, kill = self._random, Kill(within=str(self._flow.work), signum=self._signum)
        kind = random.choice(["time", "time", "request", "file"])
        twice = self._signum != SIGKILL and random.random() < 0.2
        if kind == "time":
            return replace(kill, seconds=random.uniform(0, self._whole.seconds))
        if kind == "request":
            number = random.randrange(self._whole.sent)
            return replace(kill, request=number, answered=random.random() < 0.5)
        return replace(kill, file=random.randrange(self._whole.uses), twice=twice)

    def _count(self, ended: Ended, *, first: bool) -> None:
        self.counts["struck" if first else "struck again"] += 1
        # Before a command can answer a signal, it ends by it, and has done nothing.
        is_begun = bool(ended.log or ended.messages)
        is_right = ended.code == (1 if self._signum != SIGKILL and is_begun else -self._signum)
        if not is_right or "Traceback" in ended.log:
            self.counts["ended badly"] += 1
            self.wrong.append(f"{self._name}: exit {ended.code}\n{ended.log}")

    def _judge(self, kills: list[Kill], verdict: Verdict, ended: Ended) -> None:
        for kind, found in vars(verdict).items():
            self.counts[kind] += len(found)
            if found:
                self.wrong.append(f"{self._name}, {kills}: {kind}: {found}\n{ended.log}")


class FullDisk:
    """A flow whose disk is full at random moments."""

    def __init__(self, flow: KillFlow, chance: Random) -> None:
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._flow = flow
        self._random = chance
        flow.begin_clean()
        with most_used(flow.work) as most:
            ended = flow.run()
        assert ended.code == 0, ended.log
        self._most = most[0]

    def strike(self) -> None:
        """Run with few free pages, and again with enough."""
        self._flow.begin_clean()
        self.counts["moments"] += 1
        pages = self._random.randint(0, self._most)
        filling = fill(self._flow.work, pages)
        ended = self._flow.run()
        filling.unlink()
        self._add(pages, self._flow.acknowledged(), ended)
        if ended.code:
            self.counts["struck"] += 1
            if ended.code != 1 or "Traceback" in ended.log or not self._is_named(ended.reason):
                self.counts["ended badly"] += 1
                self.wrong.append(f"{pages} pages: exit {ended.code}\n{ended.log}")
            ended = self._flow.run()
        if ended.code:
            self.wrong.append(f"{pages} pages, then enough: exit {ended.code}\n{ended.log}")
            return
        self._add(pages, self._flow.judge(), ended)

    def _is_named(self, reason: str) -> bool:
        """Whether a reason names a file and its folder, and says what to do."""
        says_what_to_do = "Make room" in reason or "Name a folder that can." in reason
        return str(self._flow.work) in reason and says_what_to_do and "nexpected" not in reason

    def _add(self, pages: int, verdict: Verdict, ended: Ended) -> None:
        for kind, found in vars(verdict).items():
            self.counts[kind] += len(found)
            if found:
                self.wrong.append(f"{pages} pages: {kind}: {found}\n{ended.log}")


def run(one: Campaign | FullDisk, times: int, tally: Tally, flow: str, fault: str) -> None:
    """Strike a flow so often, and count what became of it."""
    for _ in range(times):
        struck, wrong = one.counts["struck"], len(one.wrong)
        one.strike()
        outcome = Outcome.NEXT if one.counts["struck"] > struck else Outcome.NOT_STRUCK
        tally.count(flow, fault, Outcome.WRONG if len(one.wrong) > wrong else outcome)
    print(flow, fault, dict(one.counts))  # noqa: T201 - the figures of a campaign
    assert one.wrong == [], "\n".join(one.wrong[:5])


@pytest.mark.parametrize("name", QUICK)
def test_a_command_that_is_killed_at_a_few_moments_loses_and_doubles_nothing(
    flow_of: Callable[[str], KillFlow], name: str, chance: Random, tally: Tally
) -> None:
    campaign = Campaign(name, flow_of(name), SIGKILL, chance)
    run(campaign, QUICK_MOMENTS, tally, name, "kill -9")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("signum", MOMENTS)
@pytest.mark.parametrize("name", FLOWS)
def test_a_command_that_ends_at_any_moment_loses_and_doubles_nothing(
    flow_of: Callable[[str], KillFlow],
    name: str,
    signum: Signals,
    chance: Random,
    tally: Tally,
) -> None:
    moments = MOMENTS[signum]
    if signum == SIGKILL:
        moments = MOST_MOMENTS.get(name, moments)
    campaign = Campaign(name, flow_of(name), signum, chance)
    run(campaign, moments, tally, name, "kill -9" if signum == SIGKILL else signum.name)
    assert campaign.counts["struck"] > moments // 2


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", FLOWS)
def test_a_command_whose_disk_is_full_says_so_and_the_next_run_loses_and_doubles_nothing(
    flow_of: Callable[[str], KillFlow],
    name: str,
    chance: Random,
    tally: Tally,
) -> None:
    flow = flow_of(name)
    with small_disk(flow.work):
        disk = FullDisk(flow, chance)
        run(disk, DISKS, tally, name, "full disk")
        assert disk.counts["struck"] >= DISKS // 4
