"""Keeps the latest replication key of the rows that were read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.errors import DataError
from tap_sfbulk.emit.tokens import UTC_STAMP
from tap_sfbulk.state import parse_instant

if TYPE_CHECKING:
    from datetime import datetime

    import polars as pl


class KeyMaximum:
    """The latest replication key of one stream's rows.

    Args:
        sobject: Named in errors.
        key: The column of the replication key; None keeps nothing.
    """

    def __init__(self, sobject: str, key: str | None) -> None:
        self._sobject = sobject
        self._key = key
        self.value: datetime | None = None
        """Aware, in UTC; None before the first row with a key."""

    def track(self, block: pl.DataFrame) -> None:
        """Take the rows of a block into account.

        Raises:
            DataError: If a value is not a date-time.
        """
        if self._key is None or block.is_empty():
            return
        stamps = block.get_column(self._key)
        if stamps.str.contains(UTC_STAMP).all():
            # Stamps in one form and one zone have the same order as text and as date-times.
            latest = stamps.max()
            seen = [parse_instant(latest)] if isinstance(latest, str) else []
        else:
            seen = self._parse(stamps.drop_nulls().unique())
        self.value = max([*seen, *([self.value] if self.value else [])], default=None)

    def _parse(self, stamps: pl.Series) -> list[datetime]:
        try:
            return [parse_instant(text) for text in stamps]
        except ValueError:
            raise DataError(
                f"{self._sobject}.{self._key} has a value that is not a date-time, so it cannot "
                "be the replication key. Choose another one, or the replication method FULL_TABLE."
            ) from None
