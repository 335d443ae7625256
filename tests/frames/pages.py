"""Result pages written to disk, and texts that are hard to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NASTY = ['"', ",", "\n", "\r", "\r\n", "\u2028", "\u0085", "\x00", "\ufeff", "😀", "NA", "\\", "'"]
texts = st.lists(
    st.one_of(st.sampled_from(NASTY), st.text(st.characters(codec="utf-8"), max_size=5))
).map("".join)

unhurried = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def page_of(folder: Path, table: Sequence[tuple[str, ...]], names: Sequence[str]) -> Path:
    # Written by hand: Python 3.10's csv cannot write the NUL that Salesforce text may hold.
    quoted = (
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in (names, *table)
    )
    page = folder / "page.csv"
    page.write_bytes("".join(line + "\n" for line in quoted).encode())
    return page
