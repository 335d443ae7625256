"""The tables of docs/loaders.md: what the tests expect of each loader stands there, once."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "loaders.md"
Line = dict[str, str]
"""A line of a table by the table's headings."""


def table(heading: str) -> dict[tuple[str, str], Line]:
    """Return the table under a heading by package and version."""
    _, _, below = PAGE.read_text("utf-8").partition(f"\n## {heading}\n")
    lines = re.findall(r"^\|(.+)\|$", below.partition("\n## ")[0], re.MULTILINE)
    names, _, *rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return {(row.pop("package").strip("`"), row.pop("version")): row for row in found}
