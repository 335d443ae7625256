"""A slow, flaky org, and how much a process that works with it uses over the time."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from statistics import linear_regression
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from typing_extensions import Self

    from sfbulk_sandbox import Sandbox

_TROUBLES: list[dict[str, Any]] = [
    {"kind": "lost"},
    {"kind": "closed"},
    {"kind": "closed", "after_bytes": 10},
    {"kind": "cut"},
    {"kind": "cut", "after_bytes": 25},
    {"kind": "delay", "seconds": 2},
    {"kind": "answer", "status": 500},
    {"kind": "answer", "status": 502, "body": "<html></html>"},
    {"kind": "answer", "status": 503, "headers": {"Retry-After": "1"}},
    {"kind": "answer", "status": 429},
]


class FlakyOrg:
    """Makes an org flaky during the `with` block: requests fail, and no session lasts.

    Args:
        sandbox: The org.
        random: Chooses the troubles.
        pause: Seconds between two troubles, on average.
        session_seconds: How long sessions last.
    """

    def __init__(
        self, sandbox: Sandbox, random: Random, *, pause: float, session_seconds: float
    ) -> None:
        self.troubles = 0
        """How many there were."""
        self.sessions_ended = 0
        self._control = sandbox.control
        self._random = random
        self._pause = pause
        self._session_pause = session_seconds
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._disturb, self._expire)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()
        self._control.clear_faults()

    def _disturb(self) -> None:
        while not self._is_over.wait(self._random.uniform(0, 2 * self._pause)):
            if not self._control.faults:
                # Also where few requests are sent, not all of them in a row are answered badly.
                calls = self._random.randint(3, 20)
                self._control.add_fault(**self._random.choice(_TROUBLES), skip=calls)
                self.troubles += 1

    def _expire(self) -> None:
        while not self._is_over.wait(self._session_pause):
            self.sessions_ended += self._control.end_sessions()


@dataclass(frozen=True)
class Sample:
    """What a process uses at one moment."""

    kib: int
    """Memory, in KiB."""
    threads: int
    handles: int
    files: int
    """In its temporary folder."""


def sample(pid: int, temporary: Path) -> Sample:
    """What a living process uses now."""
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    status = dict(line.split(":", maxsplit=1) for line in lines)
    return Sample(
        kib=int(status["VmRSS"].split()[0]),
        threads=int(status["Threads"]),
        handles=len([*Path(f"/proc/{pid}/fd").iterdir()]),
        files=len([*temporary.rglob("*")]),
    )


@dataclass(frozen=True)
class Growth:
    """How a process has grown after its first third, in which it warms up."""

    kib: float
    """Of memory, by the line through all samples."""
    threads: int
    """How many more it had at most in its last third than in its second."""
    handles: int
    files: int


def growth(samples: Sequence[Sample]) -> Growth:
    """How a process has grown."""
    third = len(samples) // 3
    warm, late = samples[third : 2 * third], samples[2 * third :]
    rest = samples[third:]
    slope = linear_regression(range(len(rest)), [one.kib for one in rest]).slope

    def more(name: str) -> int:
        return int(max(getattr(s, name) for s in late) - max(getattr(s, name) for s in warm))

    return Growth(slope * len(rest), more("threads"), more("handles"), more("files"))
