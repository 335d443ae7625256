"""The ways the org says no: request faults, row errors, and unusable input files.

Exception
├── Fault        a request is refused: Salesforce's code, text and HTTP status
├── RowError     one row of a save is refused: StatusCode, text and fields
├── LoadError    a CSV folder cannot be loaded: file, line and column
├── SchemaError  a describe cannot be used
└── OrgFileError a file cannot be the org's: it is held, foreign or made otherwise
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class Fault(Exception):  # noqa: N818 - the word Salesforce has for it (ApiFault)
    """A request the org refuses as a whole.

    Attributes:
        code: Salesforce's errorCode; faults of a load use the Bulk API's names (`InvalidBatch`).
        message: Salesforce's text, without the code.
        status: The HTTP status it travels with.
        fields: Names of the fields at fault, often none.
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
    """One row of a save is refused; the others go on.

    Attributes:
        code: Salesforce's StatusCode, for example `REQUIRED_FIELD_MISSING`.
        message: Salesforce's text; it may quote the value.
        fields: Names of the fields at fault, often none.
    """

    def __init__(self, code: str, message: str, fields: tuple[str, ...] = ()) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.fields = fields


class OAuthError(Exception):
    """A refusal of the token endpoint: `error` is OAuth's code, `description` Salesforce's text."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.error = error
        self.description = description


class RollBack(Exception):  # noqa: N818 - not an error: it takes back what a transaction saved
    """Ends a transaction of the org so that nothing of it stays; its sender catches it."""


class KeyFileError(Exception):
    """The key for JWT sign-in cannot be used; the text says why, and names the file if any."""


class LoadError(Exception):
    """A folder of CSV files cannot be loaded; nothing of it was.

    Attributes:
        path: The file at fault.
        line: Its line (1 is the header), when one row is at fault.
        column: The header's text, when one column is at fault.
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
    """A describe file cannot be used as the schema; the text names file and reason."""


class OrgFileError(Exception):
    """A file cannot be the org's; the text names it, the reason and what to do."""
