"""Writes Singer messages to stdout: single ones as the SDK does, and blocks of whole lines."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec
from singer_sdk.contrib.msgspec import MsgSpecWriter
from singer_sdk.singerlib import RecordMessage

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


class PageWriter(MsgSpecWriter):
    """The SDK's msgspec writer, which also takes lines that are encoded already.

    It knows whether it is inside a line, so that a signal handler does not end the process
    between two halves of one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_writing = False
        self._waiting: Callable[[], None] | None = None

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
        with self._whole_lines():
            sys.stdout.buffer.write(lines)

    def between_lines(self, action: Callable[[], None]) -> None:
        """Do something now, or after the line that is being written."""
        if self._is_writing:
            self._waiting = action
        else:
            action()

    @contextmanager
    def _whole_lines(self) -> Iterator[None]:
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False
            if self._waiting:
                action, self._waiting = self._waiting, None
                action()
