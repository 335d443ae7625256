"""Why Salesforce rejected a row, a batch or a job; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk.safe import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class RowError:
    """Why Salesforce rejected a row."""

    code: str
    """Salesforce's status code; empty if the text has none."""
    message: str = field(repr=False)
    """Salesforce's message; it may quote values of the row."""
    fields: tuple[str, ...] = ()


def row_error(code: str | None, message: str | None, fields: Iterable[str]) -> RowError:
    """Why Salesforce rejected a row, where it sends the parts one by one."""
    return RowError(
        without_secrets(code or ""),
        without_secrets(message or ""),
        tuple(map(without_secrets, fields)),
    )


def parse_row_error(text: str) -> RowError:
    """The parts of an `sf__Error`: `CODE:message:FIELD,FIELD --`.

    The message may contain colons, so the code ends at the first colon and the fields start
    after the last one (recordings of real orgs; the space before `--` is only there after
    fields).
    """
    code, colon, rest = without_secrets(text).partition(":")
    if not colon:
        return RowError("", code)
    body = rest.removesuffix("--")
    if body == rest:
        return RowError(code, rest)
    message, colon, names = body.rpartition(":")
    if not colon:
        return RowError(code, body.rstrip())
    return RowError(code, message, tuple(n for n in names.strip().split(",") if n))


def parse_reason(text: str | None) -> RowError:
    """The parts of the reason for which a job or batch failed: `Code : message`.

    These are the `errorMessage` of a 2.0 job and the `stateMessage` of a 1.0 batch. A text in
    another form is a message without a code.
    """
    code, colon, message = without_secrets(text or "").partition(" : ")
    return RowError(code, message) if colon else RowError("", code)
