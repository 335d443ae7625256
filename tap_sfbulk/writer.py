"""Writes Singer messages to stdout: single ones as the SDK does, and blocks of whole lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

from sfbulk.error_line import forget_stdout
from sfbulk_singer.numbers import WrittenNumber, as_written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from singer_sdk.singerlib.messages import Message


def _encode_foreign(value: Any) -> Any:
    if isinstance(value, WrittenNumber):
        return as_written(value)
    return value.isoformat(sep="T") if isinstance(value, datetime) else str(value)


_ENCODER = msgspec.json.Encoder(enc_hook=_encode_foreign, decimal_format="number")


def json_text(value: Any) -> str:
    """The JSON of a value, on one line; numbers keep the digits they were written with."""
    return _ENCODER.encode(value).decode()


_PIECE_BYTES = 1 << 16
"""As much as a pipe holds."""


class StdoutFailed(OSError):  # noqa: N818 - says what happened to the run
    """Nothing more can be written to stdout."""


class PageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, which also takes lines that are encoded already.

    It knows whether it is inside a line, so that a signal handler does not end the process
    between two halves of one.

    Attributes:
        patience_seconds: How long the reader may read nothing after a signal before a line is cut.
    """

    # Orchestrators wait as long before they kill.
    patience_seconds: ClassVar[float] = 30.0

    def __init__(self) -> None:
        super().__init__()
        self._is_writing = False
        self._waiting: Callable[[], None] | None = None
        self._pieces = 0
        self._seen: tuple[int, float] | None = None

    def serialize_message(self, message: Message) -> bytearray:
        """One line of JSON; numbers keep the digits they were written with."""
        return bytearray(_ENCODER.encode(message.to_dict()) + b"\n")

    def write_message(self, message: Message) -> None:
        """Write a message; all but records are flushed, so that they are read immediately."""
        with self._whole_lines():
            sys.stdout.buffer.write(self.format_message(message))
            if not isinstance(message, RecordMessage):
                sys.stdout.buffer.flush()

    def around_record(
        self, stream: str, extracted: datetime, version: int | None = None
    ) -> tuple[str, str]:
        """What stands before and after the record in each RECORD line of a stream."""
        empty = RecordMessage(stream, record={}, version=version, time_extracted=extracted)
        line = self.format_message(empty).decode().rstrip("\n")
        before, _, after = line.partition('"record":{}')
        return before + '"record":', after

    def write_lines(self, lines: bytes) -> None:
        """Write lines that are encoded messages, each with a line feed at its end."""
        with self._whole_lines(), memoryview(lines) as whole:
            for start in range(0, len(whole), _PIECE_BYTES):
                sys.stdout.buffer.write(whole[start : start + _PIECE_BYTES])
                self._pieces += 1

    def between_lines(self, action: Callable[[], None]) -> None:
        """Do something now, or after the line that is being written."""
        if self._is_writing:
            self._waiting = action
        else:
            action()

    def is_stuck(self, now: float) -> bool:
        """Whether nobody has read for long: no piece of the lines was written since the first call.

        Args:
            now: Seconds of a clock that never goes backwards.
        """
        pieces, since = self._seen or (None, now)
        if pieces != self._pieces:
            self._seen = (self._pieces, now)
            return False
        return now - since >= self.patience_seconds

    def give_up(self) -> None:
        """Write nothing more, also not the rest of the line."""
        self._waiting = None
        forget_stdout()

    @contextmanager
    def _whole_lines(self) -> Iterator[None]:
        self._is_writing = True
        try:
            yield
        except BrokenPipeError:
            raise
        except OSError as error:
            raise StdoutFailed(error.errno, error.strerror, "standard output") from error
        finally:
            self._is_writing = False
            if self._waiting:
                action, self._waiting = self._waiting, None
                action()
