"""The faults of one run of a command, and whether each struck."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.faults.http_calls import split

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk_sandbox import Sandbox


class Strikes:
    """Faults that wait for a run.

    Args:
        sandbox: What has them, but for the requests that are refused.
        faults: The faults; those without end, which the org has at any time, do not count.
    """

    def __init__(self, sandbox: Sandbox, faults: Iterable[Mapping[str, Any]] = ()) -> None:
        self._sandbox = sandbox
        theirs, self.refused = split(faults)
        self._number = sum(fault.get("times", 1) is not None for fault in theirs)
        for fault in theirs:
            sandbox.control.add_fault(**fault)

    def struck(self, sent: int) -> int:
        """How many of the faults were applied as often as they can be.

        Args:
            sent: The number of requests of the run.
        """
        left = sum(fault.times is not None for fault in self._sandbox.control.faults)
        return self._number - left + sum(number < sent for number in self.refused)

    def all_struck(self, sent: int) -> bool:
        """Whether each of them was."""
        return self.struck(sent) == self._number + len(self.refused)
