"""Reads Singer lines exactly and fast; an error names the line and never quotes it."""

from __future__ import annotations

import json
import sys
from typing import IO, TYPE_CHECKING, Any

import msgspec
from singer_sdk.exceptions import MissingKeyPropertiesError, RecordsWithoutSchemaException
from singer_sdk.singerlib.encoding.base import GenericSingerReader
from singer_sdk.singerlib.exceptions import InvalidInputLine

from sfbulk_singer.numbers import number

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable

_SHAPES: dict[str, dict[str, type]] = {
    "SCHEMA": {"stream": str, "schema": dict},
    "RECORD": {"stream": str, "record": dict},
    "STATE": {},
    "ACTIVATE_VERSION": {"stream": str},
    "BATCH": {"stream": str},
}
"""The keys each message must have (Singer specification; SDK: BATCH)."""

_decoder = msgspec.json.Decoder(float_hook=number)


class BatchMessageError(Exception):
    """A BATCH message, which this target does not read."""


class ExactReader(GenericSingerReader[bytes]):
    """Messages from lines of bytes, UTF-8 in any locale; numbers keep their digits.

    The SDK's own readers quote a wrong line in the log, and so log record values.
    """

    def __init__(self) -> None:
        super().__init__()
        self._line = 0
        self._streams: set[str] = set()

    @property
    def default_input(self) -> IO[bytes]:
        """Standard input."""
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
            BatchMessageError: A line is a BATCH message.
            RecordsWithoutSchemaException: A record came before its schema.
            MissingKeyPropertiesError: A record lacks a key property of its schema.
        """
        try:
            # The SDK opens the file of its option `--input` in the locale's encoding.
            return super().process_lines(getattr(file_input, "buffer", file_input), callbacks)
        except (RecordsWithoutSchemaException, MissingKeyPropertiesError) as error:
            raise type(error)(f"Line {self._line} of the input: {error}") from None

    def deserialize_json(self, line: bytes) -> dict[str, Any]:
        """The message on the next line.

        Raises:
            InvalidInputLine: It is not a Singer message; with the line's number and what is wrong.
            BatchMessageError: It is a BATCH message.
        """
        self._line += 1
        message = self._decode(line)
        self._check_shape(message)
        self._check_type(message)
        if message["type"] == "STATE":
            # The SDK writes the state with the json module, which cannot write a Decimal.
            return json.loads(line)  # type: ignore[no-any-return] # checked above to be an object
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
            message = _decoder.decode(line)
        except UnicodeDecodeError:
            raise self._fault("it is not UTF-8") from None
        except msgspec.ValidationError:
            raise self._fault("it has a number that is out of range") from None
        except msgspec.DecodeError as error:
            raise self._fault(f"it is not JSON ({_where(error)})") from None
        except RecursionError:
            raise self._fault("it is nested too deeply") from None
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
            self._streams.add(message["stream"])
        elif kind == "ACTIVATE_VERSION" and stream not in self._streams:
            raise self._fault(f"its stream `{stream}` came before its SCHEMA")
        elif kind == "BATCH":
            raise BatchMessageError(
                f"Line {self._line} of the input is a BATCH message of stream `{stream}`, which"
                " target-sfbulk does not read. Switch BATCH messages off in the tap, usually by its"
                " setting `batch_config`."
            )

    def _check_schema(self, message: dict[str, Any]) -> None:
        self.assert_line_requires(message["schema"], {"properties"})
        if type(message["schema"]["properties"]) is not dict:
            raise self._fault("its `properties` is not an object")
        keys = message.get("key_properties") or []
        if type(keys) is not list or not all(type(key) is str for key in keys):
            raise self._fault("its `key_properties` is not an array of strings")

    def _fault(self, what: str) -> InvalidInputLine:
        return InvalidInputLine(
            f"Line {self._line} of the input is not a Singer message: {what}. "
            "Check what the tap writes to its standard output."
        )


_JSON_NAMES: dict[type, str] = {str: "a string", dict: "an object"}


def _where(error: msgspec.DecodeError) -> str:
    # msgspec's messages have a position and single characters, never a value.
    return str(error).removeprefix("JSON is malformed: ")
