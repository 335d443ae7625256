"""The settings of a Bulk API 2.0 job, and their defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.rowfile import CsvDialect

if TYPE_CHECKING:
    from collections.abc import Mapping

# Bulk API guide, Create a Job: columnDelimiter.
_DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
_LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_Word = TypeVar("_Word", bound=str)


class JobSettings:
    """The checked settings of a create request.

    Args:
        document: The request's document.
        known: The allowed keys.

    Raises:
        Fault: A key is unknown, or the value of a setting is not valid.
    """

    def __init__(self, document: Mapping[str, Any], *, known: frozenset[str]) -> None:
        if unknown := sorted(set(document) - known):
            raise Fault(
                code="JSON_PARSER_ERROR", message=f'Unrecognized field "{unknown[0]}" in the job'
            )
        self._document = document
        self.choice("contentType", ("CSV",), "CSV")
        # Bulk API 2.0 has no Serial mode.
        self.choice("concurrencyMode", ("Parallel",), "Parallel")
        self.line_ending = self.choice("lineEnding", tuple(_LINE_ENDINGS), "LF")
        self.column_delimiter = self.choice("columnDelimiter", tuple(_DELIMITERS), "COMMA")

    @property
    def dialect(self) -> CsvDialect:
        """The CSV dialect of the job."""
        return CsvDialect(_DELIMITERS[self.column_delimiter], _LINE_ENDINGS[self.line_ending])

    def text(self, key: str) -> str | None:
        """Return a text setting; None if it is missing or empty."""
        value = self._document.get(key)
        if value is not None and not isinstance(value, str):
            raise Fault(code="JSON_PARSER_ERROR", message=f"{key} must be a string")
        return value or None

    def required(self, key: str) -> str:
        """Return a required text setting."""
        value = self.text(key)
        if value is None:
            raise invalid_job(f"{key} is required")
        return value

    def choice(self, key: str, values: tuple[_Word, ...], default: _Word | None = None) -> _Word:
        """Return a setting that has one of a few values, or its default if it is missing.

        Raises:
            Fault: The setting has another value or is empty (text as recorded for v47).
        """
        value = self._document.get(key)
        if value is None:
            value = default
        for word in values:
            if word == value:
                return word
        if value is None:
            raise invalid_job(f"{key} is required")
        text = f"Invalid value: '{value}' supplied for property: '{key}'"
        raise Fault(code="API_ERROR", message=text)


def invalid_job(message: str) -> Fault:
    """Return the fault for a job that cannot be created."""
    return Fault(code="INVALIDJOB", message=f"InvalidJob : {message}")
