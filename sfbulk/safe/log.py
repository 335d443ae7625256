"""Makes each log record of a process safe when it is made, whatever handler writes it.

A user's own handlers and formatters, those of the Singer SDK and of Meltano (lines, JSON,
metrics), and those of the command `sfbulk` get the same safe texts: see `sfbulk.safe`.
"""

from __future__ import annotations

import logging
from typing import Any

from sfbulk.safe.text import safe_text

_MOST_OF_A_LINE = 20_000
"""Characters: an ERROR line names all streams that failed."""

_MOST_CAUSES = 10


def make_log_safe() -> None:
    """Let all log records of this process be safe from now on; for commands, not for libraries."""
    logging.setLogRecordFactory(_SafeRecord)


class _SafeRecord(logging.LogRecord):
    """A record whose message is one safe line, and whose exception has a safe text."""

    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        # What a formatter takes apart itself, such as the SDK's metrics, stays as it is.
        if all(isinstance(arg, (str, int, float, BaseException)) for arg in _args(self)):
            self.msg, self.args = self.getMessage(), ()
        if self.exc_info and (error := self.exc_info[1]) is not None:
            safe = _stand_in(error, _MOST_CAUSES)
            self.exc_info = (type(safe), safe, self.exc_info[2])

    def getMessage(self) -> str:  # noqa: N802 - the name is that of `logging`
        """The message with its arguments, as one safe line."""
        try:
            text = super().getMessage()
        except (TypeError, ValueError):
            # A record that does not fit its arguments must not end the run.
            text = str(self.msg)
        return safe_text(text, _MOST_OF_A_LINE)


def _args(record: logging.LogRecord) -> tuple[Any, ...]:
    args = record.args
    return args if isinstance(args, tuple) else tuple((args or {}).values())


def _stand_in(error: BaseException, causes: int) -> BaseException:
    """An exception that shows as this one, with a safe text and the same traceback."""
    kind = type(error)
    names = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    safe: BaseException = type(kind.__name__, (Exception,), names)(safe_text(_text(error)))
    safe.__traceback__ = error.__traceback__
    if causes:
        safe.__cause__ = error.__cause__ and _stand_in(error.__cause__, causes - 1)
        safe.__context__ = error.__context__ and _stand_in(error.__context__, causes - 1)
    safe.__suppress_context__ = error.__suppress_context__
    return safe


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # noqa: BLE001 - an exception that cannot say what it is
        return f"no text ({type(broken).__name__})"
