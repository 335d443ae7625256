"""The options of a stream that find what no change of a row shows: new values and lost rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

REFRESH_OPTIONS = (
    th.Property(
        "refresh_formulas",
        th.IntegerType(minimum=1, maximum=36_500),
        title="Refresh Formulas",
        description=(
            "Days after which calculated fields and fields of parents of all rows are read again. "
            "Without it: never."
        ),
    ),
    th.Property(
        "hard_deletes",
        th.StringType,
        allowed_values=["none", "recent", "sweep"],
        title="Hard Deletes",
        description=(
            "How rows that are gone are found: `recent` asks Salesforce's log of 15 days, `sweep` "
            "compares the ids of all rows (needs `ids_dir`). Without it: `none`."
        ),
    ),
)
"""JSON Schema of these options."""

IDS_DIR = th.Property(
    "ids_dir",
    th.StringType,
    title="Folder for Ids",
    description="Folder that keeps the ids of rows from run to run, for `hard_deletes`.",
)


def sweep_problems(config: Mapping[str, Any]) -> list[str]:
    """One sentence if a stream is to be swept and there is no folder for its ids."""
    options = config.get("stream_options") or {}
    swept = [name for name, each in options.items() if (each or {}).get("hard_deletes") == "sweep"]
    if not swept or config.get("ids_dir"):
        return []
    problem = (
        f"stream_options, {', '.join(swept)}: hard_deletes: sweep compares ids with those of "
        "earlier runs. Set ids_dir, a folder that stays from run to run."
    )
    return [problem]


def deletion_problem(
    name: str,
    *,
    where: str | None,
    keys: Iterable[str],
    properties: Iterable[str],
    is_mapped: bool,
) -> str | None:
    """Why deletions of a stream cannot be found; None if they can."""
    if where:
        return (
            f"{name}: hard_deletes does not go with `where`, because nothing says whether a "
            "deleted row met the condition. Remove one of the two."
        )
    if list(keys) != ["Id"] or "_sdc_deleted_at" not in properties:
        return (
            f"{name}: hard_deletes needs the key Id and the property _sdc_deleted_at. Select it, "
            "or remove hard_deletes; an object without IsDeleted, or a custom query, has none."
        )
    if is_mapped:
        return (
            f"{name}: hard_deletes does not go with stream_maps of this stream, because a row that "
            "is gone has no values for their expressions. Remove one of the two."
        )
    return None
