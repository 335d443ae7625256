"""Shows how far a run is as a table on a terminal, while log lines go above it.

Where stderr is no terminal, nothing is shown: a log file gets lines.
"""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from sfbulk.safe import safe_lines, safe_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console
    from rich.live import Live
    from rich.table import Table

DRAWN_A_SECOND = 4


@dataclass(frozen=True)
class Shown:
    """What the table shows at one moment."""

    rows: Sequence[Sequence[str]]
    """A text for each column; the first column is on the left, the others on the right."""
    caption: str


class LiveTable:
    """A table that is drawn several times a second, from `start` to `stop`.

    Args:
        columns: The heads.
        shown: Called for each drawing, in another thread.
        shares_terminal: Whether it is also shown where stdout is a terminal. The caller then
            writes to stdout only within `paused`: its text would be torn apart otherwise.
    """

    def __init__(
        self, columns: Sequence[str], shown: Callable[[], Shown], *, shares_terminal: bool = False
    ) -> None:
        self._columns = columns
        self._shown = shown
        self._shares_terminal = shares_terminal
        self._live: Live | None = None

    @property
    def is_shown(self) -> bool:
        """Whether it is drawn."""
        return self._live is not None

    def start(self) -> None:
        """Begin to draw, if stderr is a terminal."""
        if self._live or (_is_terminal(sys.stdout) and not self._shares_terminal):
            return
        console = _terminal()
        if console is None:
            return
        from rich.live import Live  # noqa: PLC0415 - as in `_terminal`

        self._live = Live(
            get_renderable=lambda: _table(self._columns, self._shown()),
            console=console,
            refresh_per_second=DRAWN_A_SECOND,
            redirect_stdout=False,
            transient=True,
        )
        before = sys.stderr
        self._live.start(refresh=True)
        _lead_log(before, sys.stderr)

    def stop(self) -> None:
        """Remove the table from the terminal."""
        live, self._live = self._live, None
        if live:
            during = sys.stderr
            live.stop()
            _lead_log(during, sys.stderr)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Remove the table while the block writes to stdout, if that is a terminal too."""
        if not self._live or not _is_terminal(sys.stdout):
            yield
            return
        self.stop()
        try:
            yield
        finally:
            self.start()


def print_table(columns: Sequence[str], shown: Shown) -> bool:
    """Write a table that stays, if stderr is a terminal.

    Returns:
        Whether it was written.
    """
    console = _terminal()
    if console is None:
        return False
    console.print(_table(columns, shown))
    return True


def _terminal() -> Console | None:
    """Stderr, if it is a terminal on which a table can be drawn."""
    if not _is_terminal(sys.stderr):
        return None
    # Here, because most runs have no terminal, and would wait for the import all the same.
    from rich.console import Console  # noqa: PLC0415 - see above

    # The name of a stream may look like markup.
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    return None if console.is_dumb_terminal else console


def _table(columns: Sequence[str], shown: Shown) -> Table:
    from rich.table import Table  # noqa: PLC0415 - as in `_terminal`

    table = Table(caption=safe_lines(shown.caption), caption_justify="left")
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in shown.rows:
        table.add_row(*map(safe_text, row))
    return table


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _lead_log(old: TextIO, new: TextIO) -> None:
    """Let the log handlers that write to one stream write to the other."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is old:
            handler.setStream(new)
