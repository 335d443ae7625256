"""A terminal for a command that a test starts, and what the command wrote on it."""

from __future__ import annotations

import os
import pty
import re
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import Self

ENVIRONMENT = {"TERM": "xterm", "COLUMNS": "200", "LINES": "50"}


class Terminal:
    """A pseudo-terminal, wide enough for log lines; its colours are left out."""

    def __init__(self) -> None:
        self._read_end, self.end = pty.openpty()
        self.environment = {**os.environ, **ENVIRONMENT}
        self._raw = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.hand_over()
        os.close(self._read_end)

    def hand_over(self) -> None:
        """Close the command's end here, so that the text ends with the command."""
        if self.end >= 0:
            os.close(self.end)
            self.end = -1

    def until(self, text: str, *, then: str = "") -> str:
        """Return what is on the terminal once it has this text, and the other one after it.

        Raises:
            AssertionError: The command has ended before.
        """
        while then not in self.plain.partition(text)[2] or text not in self.plain:
            assert self._read_on(), self.plain
        return self.plain

    def text(self) -> str:
        """Return all text, until the command ends."""
        while self._read_on():
            pass
        return self.plain

    @property
    def raw(self) -> str:
        """What was read so far, with control sequences."""
        return self._raw.decode(errors="replace")

    @property
    def plain(self) -> str:
        """What was read so far."""
        return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.raw)

    def _read_on(self) -> bool:
        # Linux raises at the end instead of returning nothing.
        with suppress(OSError):
            block = os.read(self._read_end, 65_536)
            self._raw += block
            return bool(block)
        return False
