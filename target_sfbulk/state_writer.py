"""Collects the outcomes of all streams, and writes STATE when all records before it have theirs."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING

from sfbulk.error_text import one_line, unexpected
from target_sfbulk.checkpoint import Checkpoints, write_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from target_sfbulk.progress import RunProgress
    from target_sfbulk.stream import StreamLoad

LOGGER = logging.getLogger("target-sfbulk")


class StateWriter:
    """The STATE messages of a run.

    Args:
        streams: The loads of the run, by stream; others may be added to it.
        progress: What is shown on the terminal, where STATE may go too.
        dry_run: Whether no STATE leaves: nothing is loaded, so the next run must read the same
            records.
    """

    def __init__(
        self, streams: Mapping[str, StreamLoad], progress: RunProgress, *, dry_run: bool
    ) -> None:
        self._streams = streams
        self._progress = progress
        self._dry_run = dry_run
        self._checkpoints = Checkpoints()
        self._is_unwritten = False

    def add(self, value: bytes, *, line: int, after: int) -> None:
        """Take the value of a STATE that follows the first `after` records of the input."""
        self._checkpoints.add(value, line=line, after=after)
        for load in self._streams.values():
            load.mark(after)
        self.write()

    def collect(self) -> None:
        """Take the outcomes that are new, and write the STATE that no longer waits for any."""
        if self._is_unwritten:
            return
        # Until all are on the disk; if one cannot be written, no STATE may leave any more.
        self._is_unwritten = True
        failed = [error for load in self._streams.values() if (error := _failure(load))]
        for later in failed[1:]:
            LOGGER.error("%s", one_line(later))
        if failed:
            raise failed[0]
        self._is_unwritten = False
        self.write()

    def write(self) -> None:
        """Write the last STATE that waits for no outcome, if there is one."""
        if self._is_unwritten or self._dry_run:
            return
        settled = (load.settled_to for load in self._streams.values())
        checkpoint = self._checkpoints.due(min(settled, default=math.inf))
        if checkpoint is None:
            return
        for load in self._streams.values():
            load.write_rejects()
        with self._progress.paused():
            write_state(checkpoint.value)
        self._checkpoints.left = checkpoint
        for load in self._streams.values():
            load.cover(checkpoint.after)

    def position(self, taken: int, *, dropped: int) -> str:
        """A text for the log: which STATE was written last, and what became of later records.

        Args:
            taken: How many records were read.
            dropped: How many of them are no longer to be sent.
        """
        if self._dry_run:
            return "Nothing was sent: this is a dry run."
        counts = [load.without_outcome for load in self._streams.values()]
        pending, unsent = (sum(each) for each in zip(*counts, strict=True)) if counts else (0, 0)
        return self._checkpoints.position(taken, pending=pending, unsent=dropped + unsent)


def _failure(load: StreamLoad) -> Exception | None:
    """Why the outcomes of one stream cannot be taken; those of the others can."""
    try:
        load.collect()
    except OSError as error:
        return error
    except Exception as error:  # noqa: BLE001 - the other streams have outcomes too
        return unexpected(error, f"{load.stream}: results of its rows")
    return None
