"""The forms of a file of rows that the command writes and reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from pathlib import Path

ROW_FORMS = ("csv", "jsonl", "parquet")
"""CSV, JSON lines, Parquet."""


def row_form(path: Path, given: str | None) -> str:
    """One of `ROW_FORMS`: as given, or by the end of the file's name.

    Raises:
        UsageError: neither says it.
    """
    ending = path.suffix.lower().lstrip(".")
    form = given or {"ndjson": "jsonl"}.get(ending, ending)
    if form not in ROW_FORMS:
        raise click.UsageError(
            f"The name of {path} must end in .csv, .jsonl or .parquet; or give --format."
        )
    return form
