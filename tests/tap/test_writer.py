"""Messages leave the writer as whole lines, whatever interrupts it."""

from __future__ import annotations

import io
import sys
from datetime import datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib import RecordMessage, StateMessage

from sfbulk_singer.numbers import number
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Callable


class Interrupting(io.BytesIO):
    """A stdout during whose every write a signal arrives."""

    def __init__(self, arrive: Callable[[], None]) -> None:
        super().__init__()
        self.arrive = arrive

    def write(self, data: Any) -> int:
        super().write(bytes(data[:5]))
        self.arrive()
        return super().write(bytes(data[5:]))


class Stopped(Exception):  # noqa: N818 - what a handler raises to end the process
    """Stands for the exit a signal handler asks for."""


def test_a_signal_waits_for_the_end_of_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    writer = PageWriter()
    handled = []

    def stop() -> None:
        handled.append(buffer.getvalue())
        raise Stopped

    buffer = Interrupting(lambda: writer.between_lines(stop))
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(buffer, encoding="utf-8"))
    with pytest.raises(Stopped):
        writer.write_lines(b'{"type":"RECORD"}\n')
    with pytest.raises(Stopped):
        writer.write_message(StateMessage({"bookmarks": {}}))
    assert handled == [
        b'{"type":"RECORD"}\n',
        b'{"type":"RECORD"}\n{"type":"STATE","value":{"bookmarks":{}}}\n',
    ]


def test_a_signal_between_two_lines_is_handled_at_once() -> None:
    handled = []
    PageWriter().between_lines(lambda: handled.append("now"))
    assert handled == ["now"]


def test_numbers_keep_the_digits_they_were_written_with() -> None:
    record = {
        "written": number("1.0E7"),
        "big": number("12345678901234567.890"),
        "calculated": Decimal("0.10") * 2,
        "at": datetime(2026, 11, 23, 9, tzinfo=timezone.utc),
    }
    line = PageWriter().format_message(RecordMessage("Account", record))
    assert line.decode() == (
        '{"type":"RECORD","stream":"Account","record":{"written":1.0E7,'
        '"big":12345678901234567.890,"calculated":0.20,"at":"2026-11-23T09:00:00Z"}}\n'
    )


def test_a_number_can_be_calculated_with() -> None:
    read = number("1.0E7")
    assert read == 10_000_000
    assert read + 1 == Decimal(10_000_001)
