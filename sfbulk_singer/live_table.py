"""Shows how far a run is as a table on a terminal, while log lines go above it.

Elsewhere nothing is shown: a log file gets lines, and Singer messages on the same terminal would
be torn apart.
"""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

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
    """

    def __init__(self, columns: Sequence[str], shown: Callable[[], Shown]) -> None:
        self._columns = columns
        self._shown = shown
        self._live: Live | None = None

    def start(self) -> None:
        """Begin to draw, if stderr is a terminal and stdout is not."""
        if self._live or not _is_terminal(sys.stderr) or _is_terminal(sys.stdout):
            return
        # Here, because most runs have no terminal, and would wait for the import all the same.
        from rich.console import Console  # noqa: PLC0415 - see above
        from rich.live import Live  # noqa: PLC0415 - see above

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            return
        self._live = Live(
            get_renderable=self._table,
            console=console,
            refresh_per_second=DRAWN_A_SECOND,
            redirect_stdout=False,
            transient=True,
        )
        before = sys.stderr
        self._live.start()
        _lead_log(before, sys.stderr)

    def stop(self) -> None:
        """Remove the table from the terminal."""
        live, self._live = self._live, None
        if live:
            during = sys.stderr
            live.stop()
            _lead_log(during, sys.stderr)

    def _table(self) -> Table:
        from rich.table import Table  # noqa: PLC0415 - as in `start`

        shown = self._shown()
        table = Table(caption=shown.caption, caption_justify="left")
        for number, column in enumerate(self._columns):
            table.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in shown.rows:
            table.add_row(*row)
        return table


def _is_terminal(stream: TextIO | None) -> bool:
    return stream is not None and stream.isatty()


def _lead_log(old: TextIO, new: TextIO) -> None:
    """Let the log handlers that write to one stream write to the other."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler) and handler.stream is old:
            handler.setStream(new)
