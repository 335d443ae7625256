"""`sfbulk query -o` and `sfbulk load` with each fault on each request, and run again after it."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.kill_flows import FLOWS
from tests.faults.org_rows import OrgRows
from tests.faults.strikes import Strikes
from tests.faults.tally import Outcome
from tests.faults.variants import PATIENCE_SECONDS, VARIANTS, Variant

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended
    from tests.faults.killed import KillFlow
    from tests.faults.tally import Tally

# Each test is many runs, which take long where other programs run too.
pytestmark = pytest.mark.timeout(600)

NAMES = ("sfbulk query", "sfbulk load")


class CommandHarness:
    """A command on an org that is put back to its beginning for each run."""

    def __init__(self, flow: KillFlow, sandbox: Sandbox) -> None:
        self.outcome = Outcome.NOT_STRUCK
        """What became of the last run."""
        self._flow = flow
        self._sandbox = sandbox
        self._org = OrgRows(sandbox)

    def run(self, fault: dict[str, Any], *, late: bool) -> Ended:
        """Run with a fault, judge, and run again without one if the command failed."""
        self._org.give_back()
        self._flow.begin()
        strikes = Strikes(self._sandbox, [fault])
        patience = PATIENCE_SECONDS if late else None
        first = ended = self._flow.run(refused=strikes.refused, patience=patience)
        if late:
            self._org.settle(first.given_up)
        is_struck = strikes.all_struck(first.sent)
        self._org.give_back()
        self._judge(first)
        if first.code:
            ended = self._flow.run()
        assert ended.code == 0, first.log + ended.log
        verdict = self._flow.judge()
        # If the answer to its creation is lost, a job stays open, and has no rows.
        jobs = [left for left in verdict.left if left.startswith("750")]
        if len(jobs) == 1:
            verdict.left.remove(jobs[0])
        assert not any(vars(verdict).values()), f"{verdict}\n{first.log}{ended.log}"
        right = Outcome.NEXT if first.code else Outcome.INSIDE
        self.outcome = right if is_struck else Outcome.NOT_STRUCK
        return first

    def _judge(self, ended: Ended) -> None:
        verdict = self._flow.acknowledged()
        assert not any(vars(verdict).values()), f"{verdict}\n{ended.log}"
        assert ended.code in (0, 1), ended.log
        assert "Traceback" not in ended.log
        assert "Unexpected" not in ended.log
        if ended.code:
            assert len(ended.log.splitlines()[-1]) > 20, ended.log
        self._org.assert_no_secret(ended.log)


@pytest.mark.slow
@pytest.mark.parametrize("variant", VARIANTS, ids=str)
@pytest.mark.parametrize("name", NAMES)
def test_a_fault_on_any_request_of_a_command_loses_and_doubles_nothing(
    org: tuple[Sandbox, Path], tmp_path: Path, name: str, variant: Variant, tally: Tally
) -> None:
    """The loop ends with the first request that the command does not make."""
    sandbox, _ = org
    command = CommandHarness(FLOWS[name](*org, tmp_path), sandbox)
    for request in itertools.count():
        with tally.wrong_if_it_fails(name, variant):
            ended = command.run({**variant.fault, "skip": request}, late=variant.late)
            if command.outcome is Outcome.NOT_STRUCK:
                break
            if variant.passes and (variant.on_sign_in or request > 0):
                assert ended.code == 0, f"request {request}: {ended.log}"
        tally.count(name, variant, command.outcome)
    assert request > 3
