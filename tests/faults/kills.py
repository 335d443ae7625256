"""Sends a process a signal: after a line of its output, in one, or around a request."""

from __future__ import annotations

import io
import os
import signal
import sys
from dataclasses import asdict, dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

_USES = frozenset({"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "sqlite3.connect"})
"""What Python's audit hooks call the uses of a file."""


@dataclass(frozen=True)
class Kill:
    """When a run is killed; numbers begin with 0."""

    line: int | None = None
    """After this line of standard output, with nothing of the next one."""
    half: bool = False
    """In the middle of the line instead."""
    state: int | None = None
    """After this STATE of those in the output."""
    request: int | None = None
    """Before this request is sent."""
    answered: bool = False
    """After its answer instead."""
    seconds: float | None = None
    """So long after its start, by the process that has started it."""
    before: str | None = None
    """Before this method is called: `module:Class.method`."""
    call: int = 0
    """At this call of it."""
    file: int | None = None
    """At this use of a file in a folder `within`: when it is opened, renamed or removed."""
    within: str = "output"
    """Part of the folder's path."""
    signum: int = signal.SIGKILL
    """The signal that it gets around a request, before a method, at a file, or after seconds."""
    twice: bool = False
    """Before a method: two of them. At a file: at the one after it too."""

    def document(self) -> dict[str, Any]:
        """Itself as JSON."""
        return asdict(self)

    def install(self) -> FileUses:
        """Make this process end in this way; the uses of files, which are counted."""
        uses = FileUses(self)
        sys.addaudithook(uses.use)
        if self.line is not None or self.state is not None:
            sys.stdout = io.TextIOWrapper(io.BufferedWriter(_Output(self)), "utf-8")

        if self.before is not None:
            module, _, path = self.before.partition(":")
            name, _, method = path.partition(".")
            owner = getattr(import_module(module), name)
            # Fails if it is renamed: the kill would never strike.
            setattr(owner, method, self._before(getattr(owner, method)))
        return uses

    def _before(self, method: Callable[..., Any]) -> Callable[..., Any]:
        calls = iter(range(1_000_000))

        def killed(*args: Any, **options: Any) -> Any:
            if next(calls) == self.call:
                for _ in range(1 + self.twice):
                    os.kill(os.getpid(), self.signum)
            return method(*args, **options)

        return killed

    def around(self, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
        """`requests.Session.request`, in which this process may end."""
        sent = iter(range(1_000_000))

        def killed(session: requests.Session, *args: Any, **options: Any) -> requests.Response:
            is_it = next(sent) == self.request
            if is_it and not self.answered:
                os.kill(os.getpid(), self.signum)
            answer = send(session, *args, **options)
            if is_it and self.answered:
                os.kill(os.getpid(), self.signum)
            return answer

        return killed


class FileUses:
    """Counts the uses of files in a folder; at one of them, or two, this process may end."""

    def __init__(self, kill: Kill) -> None:
        self.count = 0
        self._within = kill.within
        self._signum = kill.signum
        at = kill.file
        self._at = () if at is None else (at, at + 1) if kill.twice else (at,)

    def use(self, event: str, words: tuple[object, ...]) -> None:
        """An audit hook."""
        if event in _USES and self._within in str(words[0]):
            number, self.count = self.count, self.count + 1
            if number in self._at:
                os.kill(os.getpid(), self._signum)


class _Output(io.FileIO):
    """Standard output up to a line."""

    def __init__(self, kill: Kill) -> None:
        super().__init__(1, "wb", closefd=False)
        self._kill = kill
        self._at = kill.line if kill.state is None else kill.state
        self._seen = -1

    def write(self, data: Any) -> int:
        text = bytes(data)
        out = b""
        for line in text.splitlines(keepends=True):
            if self._is_last(line):
                super().write(out + (line[: len(line) // 2] if self._kill.half else line))
                die()
            out += line
        return super().write(text)

    def _is_last(self, line: bytes) -> bool:
        is_counted = self._kill.state is None or line.startswith(b'{"type":"STATE"')
        self._seen += is_counted and line.endswith(b"\n")
        return is_counted and self._seen == self._at


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError
