"""Shows how far a command is: a bar on a terminal, and lines at a pace elsewhere, all on stderr."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from sfbulk.cli.output import terminal
from sfbulk.cli.session import LOGGER

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from rich.live import Live
    from rich.table import Table
    from typing_extensions import Self

    from sfbulk.clock import Clock

PACE_SECONDS = 30.0
"""Between two lines."""

_DRAWN_A_SECOND = 4
_BAR_WIDTH = 30


class Progress:
    """How far a command is; another thread draws it or writes it, from the begin to the end.

    Args:
        title: what is read or loaded.
        clock: the time.
        pace: seconds between two lines.
    """

    def __init__(self, title: str, clock: Clock, pace: float = PACE_SECONDS) -> None:
        self.title = title
        self.rows = 0
        """Rows that are done."""
        self.total: int | None = None
        """Rows in all, if that is known."""
        self.doing: Callable[[], str] = str
        """Says what Salesforce or the command is doing; called in the other thread."""
        self._clock = clock
        self._pace = pace
        self._start: tuple[float, int] | None = None
        self._ended = threading.Event()
        self._live: Live | None = None
        self._writer: threading.Thread | None = None

    def __enter__(self) -> Self:
        console = terminal()
        if console is None:
            # The main thread waits inside the client for most of the time.
            self._writer = threading.Thread(
                target=self._write_lines, name="sfbulk-progress", daemon=True
            )
            self._writer.start()
            return self
        from rich.live import Live  # noqa: PLC0415 - only a terminal needs it

        self._live = Live(
            get_renderable=self._drawn,
            console=console,
            refresh_per_second=_DRAWN_A_SECOND,
            # Log lines go to the same console, which keeps them above the bar.
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self._live.start(refresh=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Show nothing any more."""
        self._ended.set()
        if self._writer:
            self._writer.join()
        if self._live:
            self._live.stop()

    def begin(self, rows: int = 0) -> None:
        """Measure the rate from now on; so many rows were done before."""
        self.rows = rows
        self._start = (self._clock.monotonic(), rows)

    @property
    def rate(self) -> int | None:
        """Rows a second since `begin`."""
        if self._start is None:
            return None
        since, rows = self._start
        return round((self.rows - rows) / max(self._clock.monotonic() - since, 0.001))

    def line(self) -> str:
        """How far it is, in words."""
        total = self.total
        parts = [f"{self.rows:,} rows" if total is None else f"{self.rows:,} of {total:,} rows"]
        if total:
            parts[0] += f" ({100 * self.rows // total}%)"
        if self.rate:
            parts.append(f"{self.rate:,} rows/s")
        return ", ".join([*parts, *filter(None, [self.doing()])])

    def _write_lines(self) -> None:
        while not self._ended.wait(self._pace):
            LOGGER.info("%s: %s", self.title, self.line())

    def _drawn(self) -> Table:
        from rich.progress_bar import ProgressBar  # noqa: PLC0415 - as above
        from rich.table import Table  # noqa: PLC0415 - as above

        grid = Table.grid(padding=(0, 1))
        # Without a total the bar moves to and fro.
        bar = ProgressBar(
            total=self.total or None,
            completed=self.rows,
            width=_BAR_WIDTH,
            pulse=not self.total,
            animation_time=self._clock.monotonic(),
        )
        grid.add_row(self.title, bar, self.line())
        return grid
