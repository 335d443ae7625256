"""Exceptions: refused requests, rejected rows, and input files that cannot be used.

Exception
├── Fault         a request is refused: Salesforce's code, text and HTTP status
├── RowError      one row of a save is rejected: StatusCode, text and fields
├── OAuthError    the token endpoint refuses a request
├── RollBack      not an error: undoes a transaction of the org
├── KeyFileError  a key for JWT sign-in cannot be used
├── LoadError     a CSV folder cannot be loaded: file, line and column
├── SchemaError   a describe cannot be used
└── OrgFileError  a file cannot be used as the org's file
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Fault(Exception):  # noqa: N818 - the word Salesforce has for it (ApiFault)
    """The org refuses a whole request.

    Attributes:
        code: Salesforce's errorCode. Faults of a load have the Bulk API's codes (`InvalidBatch`).
        message: Salesforce's text, without the code.
        status: The HTTP status.
        fields: Names of the wrong fields, often empty.
    """

    def __init__(
        self, code: str, message: str, status: int = 400, fields: tuple[str, ...] = ()
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.fields = fields


class RowError(Exception):
    """One row of a save is rejected. The other rows are saved.

    Attributes:
        code: Salesforce's StatusCode, for example `REQUIRED_FIELD_MISSING`.
        message: Salesforce's text. It may contain the value.
        fields: Names of the wrong fields, often empty.
    """

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields


class OAuthError(Exception):
    """The token endpoint refuses a request, with OAuth's code and Salesforce's text."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class RollBack(Exception):  # noqa: N818 - not an error: it takes back what a transaction saved
    """Ends a transaction of the org and undoes it. Whoever raises it also catches it."""


class KeyFileError(Exception):
    """The key for JWT sign-in cannot be used; the text says why."""


class LoadError(Exception):
    """A folder of CSV files cannot be loaded. No row of it was loaded.

    Attributes:
        path: The wrong file.
        line: The line of the wrong row (1 is the header), if one row is wrong.
        column: The name of the wrong column, if one column is wrong.
    """

    def __init__(
        self, message: str, *, path: Path, line: int | None = None, column: str | None = None
    ) -> None:
        place = f"{path}"
        if line is not None:
            place += f", line {line}"
        if column is not None:
            place += f", column {column}"
        super().__init__(f"{place}: {message}")
        self.path = path
        self.line = line
        self.column = column


class SchemaError(Exception):
    """A describe file cannot be used as the schema; the text names the file and the reason."""


class OrgFileError(Exception):
    """A file cannot be used as the org's; the text names the file, the reason and what to do."""
