"""One file of a data folder while its rows are loaded."""

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
        header: Its column names as written.
        columns: What they mean.
        first_row: SQLite's rowid of its first record; those of the others follow.
        count: Records read so far.
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
