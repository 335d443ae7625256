"""Writes the rejects of one run as a CSV file that opens in a spreadsheet."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from sfbulk.csvio import sheet_row
from sfbulk.private_files import open_private
from target_sfbulk.json_lines import JsonLineError, json_text, read_json
from target_sfbulk.reject_cells import cell_types, write_cell, write_header
from target_sfbulk.rejects import RejectKind, read_reject

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from target_sfbulk.reject_schema import SourceSchema
    from target_sfbulk.rejects import RejectLine

STREAM, RUN, KIND = "sf__Stream", "sf__Run", "sf__Kind"

# The run is last: spreadsheets leave out empty cells at the end of a row.
ABOUT = (
    *("sf__Error", "sf__Message", "sf__Fields", KIND, "sf__JobId", "sf__Returned", STREAM, RUN),
)
"""The columns after those of the record."""

NO_SOURCE = frozenset({RejectKind.UNMATCHED.value, RejectKind.NOT_DELETED.value})
"""Kinds of rejects whose `record` is not one of the source: it has the fields of Salesforce."""


class RunRejects:
    """The rejects of a run in a rejects file, read one by one.

    Args:
        path: The rejects file; the rejects of other runs may stand between those of the run.
        begin: Where the first reject of the run begins.
        run_id: The run.
    """

    def __init__(self, path: Path, begin: int, run_id: str) -> None:
        self._path = path
        self._begin = begin
        self._run_id = run_id

    def __iter__(self) -> Iterator[RejectLine]:
        """Its lines from the first to the last one."""
        # A user may have moved it meanwhile.
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._begin)
            for line in file:
                try:
                    reject = read_reject(line)
                except JsonLineError:
                    # Another run is writing it just now.
                    continue
                if reject.run_id == self._run_id:
                    yield reject

    def fields(self) -> list[str]:
        """The fields of their records, each once."""
        found: dict[str, None] = {}
        for reject in self:
            found.update(dict.fromkeys(source_record(reject)))
        return list(found)


def source_record(reject: RejectLine) -> dict[str, Any]:
    """The record of the source; empty if it is not known."""
    record = {} if reject.kind in NO_SOURCE else read_json(bytes(reject.record))
    return record if isinstance(record, dict) else {}


def write_table(rejects: RunRejects, schema: SourceSchema, path: Path) -> None:
    """Write a CSV file with the fields of the records, in the order of their SCHEMA, and `ABOUT`.

    Memory: one record.

    Args:
        rejects: The rejects.
        schema: Their SCHEMA; it has all fields of the records.
        path: The file; it is replaced.

    Raises:
        OSError: It cannot be written.
    """
    present = set(rejects.fields())
    columns = {
        name: cell_types(about) for name, about in schema.properties.items() if name in present
    }
    new = path.with_name(f"{path.name}.new")
    # Without the mark of UTF-8, Excel takes the file for one of the system's own encoding.
    with open_private(new, "wb") as file, io.TextIOWrapper(file, "utf-8-sig", newline="") as text:
        text.write(sheet_row([*map(write_header, columns), *ABOUT]))
        for reject in rejects:
            record = source_record(reject)
            cells = (
                write_cell(record[name], types) if name in record else ""
                for name, types in columns.items()
            )
            text.write(sheet_row([*cells, *_about(reject)]))
    new.replace(path)


def _about(reject: RejectLine) -> Sequence[str]:
    returned: Any = reject.returned
    if reject.kind in NO_SOURCE:
        returned = read_json(bytes(reject.record))
    cells = (
        reject.code,
        reject.message,
        ", ".join(reject.fields),
        reject.kind,
        reject.job_id or "",
        "" if returned is None else json_text(returned),
        reject.stream,
        reject.run_id,
    )
    # What CSV cannot hold may be in what Salesforce says; nobody reads these cells back.
    return [cell.replace("\0", "?").encode("utf-8", "replace").decode() for cell in cells]
