"""Reads Singer messages exactly and fast; an error names the line and never quotes it."""

from __future__ import annotations

import codecs
import sys
from collections import Counter
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import (
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from target_sfbulk.input_lines import LongLineError, input_lines
from target_sfbulk.json_lines import (
    JsonLineError,
    NestingError,
    NumberRangeError,
    json_line,
    read_json,
)
from target_sfbulk.raw_json import raw_members
from target_sfbulk.references import resolved_schema

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SHAPES: dict[str, dict[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "STATE": {"value": msgspec.Raw},
    "ACTIVATE_VERSION": {"stream": str, "version": int},
    "BATCH": {"stream": str, "encoding": dict, "manifest": list},
}
"""The keys each message must have (Singer specification; SDK: BATCH)."""


class _StateMessage(msgspec.Struct):
    value: msgspec.Raw


_state_decoder = msgspec.json.Decoder(_StateMessage)


class ExactReader(GenericSingerReader[bytes]):
    """Messages from lines of bytes, UTF-8 in any locale; numbers keep their digits.

    The `value` of a STATE message is the bytes that it has in its line, as `msgspec.Raw`: nothing
    but the tap knows what they mean.

    The SDK's own readers quote a wrong line in the log, and so log record values.

    Attributes:
        line: The number of the line that was read last, from 1.
        while_waiting: Called while there is no input: see `input_lines`.
        failed: Called with the error that ends the reading.
    """

    def __init__(self) -> None:
        super().__init__()
        self.line = 0
        self.while_waiting: Callable[[], float | None] = lambda: None
        self.failed: Callable[[Exception], None] = lambda _error: None
        self._streams: set[str] = set()

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input.

        Raises:
            InvalidInputLine: The process was started without one.
        """
        if sys.stdin is None:
            raise InvalidInputLine("There is no standard input to read. Give one, or `--input`.")
        return sys.stdin.buffer

    def process_lines(
        self, file_input: IO[bytes] | None, callbacks: dict[str, Callable[[dict[str, Any]], None]]
    ) -> Counter[str]:
        """Pass each message to the callback for its type, and count the messages.

        Args:
            file_input: The lines, as bytes; a file opened as text is read by its bytes.
            callbacks: By type of message.

        Raises:
            InvalidInputLine: A line is not a Singer message.
            RecordsWithoutSchemaException: A record came before its schema.
            MissingKeyPropertiesError: A record lacks a key property of its schema.
        """
        # The SDK opens the file of its option `--input` in the locale's encoding.
        file = getattr(file_input, "buffer", file_input) or self.default_input
        counter: Counter[str] = Counter()
        try:
            for line in input_lines(file, self.while_waiting):
                message = self.deserialize_json(line)
                with self._placed(message):
                    callbacks[message["type"]](message)
                counter[message["type"]] += 1
        except LongLineError as error:
            self.line += 1
            fault = self._fault(str(error))
            self.failed(fault)
            raise fault from None
        except Exception as error:
            self.failed(error)
            raise
        return counter

    @contextmanager
    def _placed(self, message: dict[str, Any]) -> Iterator[None]:
        """Add the line's number to the errors of the SDK."""
        try:
            yield
        except RecordsWithoutSchemaException as error:
            raise type(error)(f"Line {self.line} of the input: {error}") from None
        except (MapExpressionError, MissingKeyPropertiesError) as error:
            where = f"Line {self.line} of the input, stream `{message['stream']}`"
            raise type(error)(f"{where}: {error}") from None
        except RecursionError:
            raise self._fault("it is nested too deeply") from None

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """The message on the next line.

        Raises:
            InvalidInputLine: It is not a Singer message; with the line's number and what is wrong.
        """
        self.line += 1
        if self.line == 1:
            # Some programs of Windows begin a text with it (RFC 8259, section 8.1: ignore it).
            line = line.removeprefix(codecs.BOM_UTF8)
        message = self._decode(line)
        if message.get("type") == "STATE" and "value" in message:
            message["value"] = _raw_value(line)
        self._check_shape(message)
        self._check_type(message)
        return message

    def assert_line_requires(self, line_dict: dict[str, Any], requires: set[str]) -> None:  # type: ignore[override] # the SDK's static method cannot know the line
        """Check that a message has some keys.

        Raises:
            InvalidInputLine: It lacks some; with the line's number.
        """
        missing = [f"`{key}`" for key in sorted(requires) if key not in line_dict]
        if missing:
            raise self._fault(f"it lacks {', '.join(missing)}")

    def _decode(self, line: bytes) -> dict[str, Any]:
        try:
            message = read_json(line)
        except (NumberRangeError, NestingError) as error:
            # A STATE is not computed with, so it may have what Python cannot hold.
            if (message := _state_message(line)) is None:
                raise self._fault(f"it {error}") from None
        except JsonLineError as error:
            raise self._fault(f"it {error}") from None
        if not isinstance(message, dict):
            raise self._fault("it is not a JSON object")
        return message

    def _check_shape(self, message: dict[str, Any]) -> None:
        self.assert_line_requires(message, {"type"})
        shape = _SHAPES.get(message["type"]) if isinstance(message["type"], str) else None
        if shape is None:
            raise self._fault(f"its `type` is not one of {', '.join(_SHAPES)}")
        for key, kind in shape.items():
            if type(message.get(key)) is not kind:
                self.assert_line_requires(message, {key})
                raise self._fault(f"its `{key}` is not {_JSON_NAMES[kind]}")

    def _check_type(self, message: dict[str, Any]) -> None:
        kind, stream = message["type"], message.get("stream")
        if kind == "SCHEMA":
            self._check_schema(message)
            self._check_text(message)
            message["schema"] = resolved_schema(message["schema"])
            self._streams.add(message["stream"])
        elif kind in {"ACTIVATE_VERSION", "BATCH"} and stream not in self._streams:
            raise self._fault(f"its stream `{stream}` came before its SCHEMA")

    def _check_schema(self, message: dict[str, Any]) -> None:
        self.assert_line_requires(message["schema"], {"properties"})
        if type(message["schema"]["properties"]) is not dict:
            raise self._fault("its `properties` is not an object")
        keys = message.get("key_properties") or []
        if type(keys) is not list or not all(type(key) is str for key in keys):
            raise self._fault("its `key_properties` is not an array of strings")

    def _check_text(self, message: dict[str, Any]) -> None:
        try:
            json_line(message)
        except UnicodeEncodeError:
            raise self._fault("it has a lone surrogate, which UTF-8 cannot hold") from None

    def _fault(self, what: str) -> InvalidInputLine:
        return InvalidInputLine(
            f"Line {self.line} of the input is not a Singer message: {what}. "
            "Check what the tap writes to its standard output."
        )


_JSON_NAMES: dict[type, str] = {
    str: "a string",
    dict: "an object",
    int: "a whole number",
    list: "an array",
}


def _raw_value(line: bytes) -> msgspec.Raw:
    try:
        return _state_decoder.decode(line).value
    except (msgspec.DecodeError, RecursionError):
        return msgspec.Raw(raw_members(line)[b'"value"'])


def _state_message(line: bytes) -> dict[str, Any] | None:
    """The STATE message on a line that Python cannot hold; None if it is another message."""
    try:
        members = raw_members(line)
    except ValueError:
        return None
    if members.get(b'"type"') != b'"STATE"':
        return None
    return {"type": "STATE"} | ({"value": members[b'"value"']} if b'"value"' in members else {})
