"""What all loads of a group have on disk and not settled yet: its size, order and next file."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

from sfbulk.load.order import KeyOrder

if TYPE_CHECKING:
    from sfbulk.load.row_file import RowFile

NEVER = float("inf")


class Backlog:
    """The files of all loads of a group that are not settled."""

    def __init__(self) -> None:
        self.order = KeyOrder()
        self.bytes = 0
        """Bytes of the files."""
        self.span = 0
        """For all loads together, the rows from the first one without an outcome to the last."""
        self._made = 0
        self._ready: list[RowFile] = []
        self._deadlines: list[tuple[float, RowFile]] = []
        self._pausing: list[tuple[float, RowFile]] = []

    def has_ready(self, now: float) -> bool:
        """Whether a file can be sent at this monotonic time."""
        while self.resume_at <= now:
            heappush(self._ready, heappop(self._pausing)[1])
        return bool(self._ready)

    @property
    def resume_at(self) -> float:
        """The monotonic time until which the next of the files pauses that are sent again."""
        return self._pausing[0][0] if self._pausing else NEVER

    @property
    def deadline(self) -> float:
        """The monotonic time at which the next file is old enough to be sent."""
        return self._deadlines[0][0] if self._deadlines else NEVER

    def set_deadline(self, file: RowFile, at: float) -> None:
        """Let `end_overdue` end a file from this monotonic time on."""
        heappush(self._deadlines, (at, file))

    def end_overdue(self, now: float) -> None:
        """End the files whose deadline has come, and those that they wait for."""
        while self.deadline <= now:
            self.seal(heappop(self._deadlines)[1])

    def next_number(self) -> int:
        """The number of a new file."""
        self._made += 1
        return self._made

    def next_file(self) -> RowFile | None:
        """Of the files that can be sent, the first one; it is complete on disk."""
        if not self._ready:
            return None
        file = heappop(self._ready)
        file.write_out()
        return file

    def seal(self, file: RowFile) -> None:
        """End a file and those that it waits for, of any load: no more rows are added to them."""
        ending = [file]
        while ending:
            file = ending.pop()
            if not file.sealed:
                file.owner.end(file)
                file.sealed = True
                self._check(file)
                ending += file.after

    def send_again(self, file: RowFile, at: float = 0.0) -> None:
        """Let a file that was sent, and now has fewer rows, be sent again.

        Args:
            file: the file.
            at: the monotonic time before which it is not sent.
        """
        heappush(self._pausing, (at, file))

    def settle(self, file: RowFile) -> None:
        """Let the files that waited for this one be sent."""
        file.settled = True
        self.order.forget(file)
        for later in file.before:
            later.after.discard(file)
            self._check(later)
        # References would keep all files of a load in memory.
        file.before.clear()

    def withdraw(self, file: RowFile) -> None:
        """Do not send a file, or not again."""
        file.sealed = True
        self._ready = [one for one in self._ready if one is not file]
        heapify(self._ready)
        self._pausing = [one for one in self._pausing if one[1] is not file]
        heapify(self._pausing)
        for earlier in file.after:
            earlier.before.remove(file)
        file.after.clear()

    def _check(self, file: RowFile) -> None:
        if file.after:
            return
        if file.sealed:
            heappush(self._ready, file)
        else:
            file.owner.unblock(file)
