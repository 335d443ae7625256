"""The options of a stream that find what no change of a row shows: new formula values."""

from __future__ import annotations

from singer_sdk import typing as th

REFRESH_OPTIONS = (
    th.Property(
        "refresh_formulas",
        th.IntegerType(minimum=1),
        title="Refresh Formulas",
        description=(
            "Days after which calculated fields and fields of parents of all rows are read again. "
            "Without it: never."
        ),
    ),
)
"""JSON Schema of these options."""
