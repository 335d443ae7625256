"""Adds rows while the org is served, from JSON or CSV, by the same rules as `load`."""

from __future__ import annotations

import csv
import os
import re
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import LoadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# The name becomes a file name, so it must not have path separators or dots.
_OBJECT_NAME = re.compile(r"\w+", re.ASCII)


class RowAdder:
    """Adds rows: all rows of a request, or none.

    Args:
        load: Loads a folder of `<SObject>.csv` files and returns the number of records per object.
    """

    def __init__(self, load: Callable[[Path], dict[str, int]]) -> None:
        self._load = load

    def records(self, records: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, int]:
        """Add records by object and return the number of records per object.

        Raises:
            ValueError: The document has another form, or the org cannot store a value. Line n of
                the text is record n - 1, unless values contain line breaks.
        """
        if not records:
            raise ValueError("give a list of records by object")
        with self._folder() as folder:
            for name, rows in records.items():
                _write(_file(folder, name), name, rows)
            return self._load(folder)

    def csv(self, name: str, text: str) -> dict[str, int]:
        """Add the rows of a CSV text, header first.

        Raises:
            ValueError: The org cannot store the rows; the text names line and column.
        """
        with self._folder() as folder:
            _file(folder, name).write_text(text, encoding="utf-8", newline="")
            return self._load(folder)

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory() as folder:
            try:
                yield Path(folder)
            except LoadError as error:
                raise ValueError(str(error).replace(folder + os.sep, "")) from None


def _file(folder: Path, name: str) -> Path:
    if not _OBJECT_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a valid object name")
    return folder / f"{name}.csv"


def _write(path: Path, name: str, records: Sequence[Mapping[str, Any]]) -> None:
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise ValueError(f"{name}: give a list of records, each an object of values by field")
    if not any(records):
        raise ValueError(f"{name}: give at least one record with a field")
    header = list(dict.fromkeys(field for record in records for field in record))
    with path.open("w", encoding="utf-8", newline="") as file:
        # Quoted, because a record with one empty value would otherwise be a blank line.
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerow(header)
        for record in records:
            writer.writerow([_cell(field, record.get(field)) for field in header])


def _cell(field: str, value: Any) -> str:
    if isinstance(value, dict | list):
        raise ValueError(  # noqa: TRY004 - the test's mistake, as the others
            f"{field}: a value must be text, a number, a boolean or null; name a parent as "
            "Relationship.ExternalId__c"
        )
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else str(value)
