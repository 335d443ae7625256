"""What the command writes: tables on a terminal, plain lines elsewhere, JSON for scripts."""

from __future__ import annotations

import json
import logging
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any, TextIO

import click

from sfbulk.safe import escaped_json, safe_lines, without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

_LINE = "%(asctime)s | %(levelname)-8s | %(name)-20s | %(message)s"
"""As the connectors write their log."""


class Output:
    """Writes the answer of a command to stdout.

    Args:
        as_json: whether stdout gets one JSON document and nothing else.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.as_json = as_json

    def document(self, document: Any) -> None:
        """Write the JSON document of a command."""
        text = json.dumps(document, indent=2, default=_json_value, ensure_ascii=False)
        click.echo(escaped_json(without_secrets(text)))

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Write a table; where stdout is no terminal, a line for each row, divided by tabs."""
        texts = [[_text(cell) for cell in row] for row in rows]
        if not is_terminal(sys.stdout):
            # Each row stays one line, for `cut` and `awk`.
            for row in texts:
                click.echo("\t".join(" ".join(cell.split()) for cell in row))
            return
        from rich.table import Table  # noqa: PLC0415 - only a terminal needs it

        table = Table(title=title, title_justify="left", show_header=any(columns))
        for column in columns:
            table.add_column(column, overflow="fold")
        for row in texts:
            table.add_row(*row)
        console(sys.stdout).print(table)

    def facts(self, title: str, facts: Iterable[tuple[str, Any]]) -> None:
        """Write a table of names and values; those without a value are left out."""
        self.table(title, ("", ""), [fact for fact in facts if fact[1] is not None])


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal."""
    return stream is not None and stream.isatty()


def console(stream: TextIO) -> Console:
    """A terminal that writes texts as they are: a name may look like markup."""
    from rich.console import Console  # noqa: PLC0415 - only a terminal needs it

    return Console(file=stream, markup=False, emoji=False, highlight=False)


class _TerminalHandler(logging.Handler):
    """Writes short log lines above whatever is drawn on the terminal."""

    def __init__(self, terminal: Console) -> None:
        super().__init__()
        self.terminal = terminal

    def emit(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        self.terminal.print(text, soft_wrap=True)


def log_handler() -> logging.Handler:
    """A handler for stderr."""
    if is_terminal(sys.stderr):
        handler: logging.Handler = _TerminalHandler(console(sys.stderr))
        handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    else:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter(_LINE))
    return handler


def terminal() -> Console | None:
    """The terminal of the log, for what is drawn while a command runs; None if there is none."""
    handler = next(iter(logging.getLogger().handlers), None)
    drawn = handler.terminal if isinstance(handler, _TerminalHandler) else None
    return None if drawn is None or drawn.is_dumb_terminal else drawn


def _text(value: Any) -> str:
    if value is None:
        return ""
    # Before `int`, since a bool is one.
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if is_terminal(sys.stdout) else str(value)
    return value.isoformat() if isinstance(value, datetime) else safe_lines(str(value))


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form")
