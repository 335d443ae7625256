"""Why Salesforce rejected a row."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RowError:
    """Why Salesforce refused a row."""

    code: str
    """Salesforce's status code; empty when the text has none."""
    message: str = field(repr=False)
    """Salesforce's words; they may quote values of the row."""
    fields: tuple[str, ...] = ()


def parse_row_error(text: str) -> RowError:
    """The parts of an `sf__Error`: `CODE:message:FIELD,FIELD --`.

    The message may hold colons itself, so the code ends at the first and the fields begin
    after the last (recordings of real orgs; the space before `--` is there only after fields).
    """
    code, colon, rest = text.partition(":")
    if not colon:
        return RowError("", text)
    body = rest.removesuffix("--")
    if body == rest:
        return RowError(code, rest)
    message, colon, names = body.rpartition(":")
    if not colon:
        return RowError(code, body.rstrip())
    return RowError(code, message, tuple(n for n in names.strip().split(",") if n))
