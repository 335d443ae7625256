"""One file of a data folder while it is loaded."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import LoadError

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox.rules.columns import Column
    from sfbulk_sandbox.schema.schema import SObject


@dataclass
class LoadedFile:
    """One file of the folder.

    Attributes:
        header: The column names as written.
        columns: The field, or the parent and its key, of each column.
        first_row: SQLite's rowid of the first record. The other rowids follow.
        count: The number of records read so far.
    """

    path: Path
    sobject: SObject
    header: list[str]
    columns: list[Column] = field(default_factory=list)
    first_row: int = 1
    count: int = 0

    def error(self, number: int, line: int, text: str) -> LoadError:
        """The error of one cell."""
        return LoadError(text, path=self.path, line=line, column=self.header[number])
