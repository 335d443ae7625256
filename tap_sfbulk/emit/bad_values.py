"""Counts the values that do not fit the type of their field and leave as null."""

from __future__ import annotations

import logging
from collections import Counter

log = logging.getLogger(__name__)


class BadValues:
    """The values of one stream that leave as null.

    Args:
        stream: Named in the warnings.
    """

    def __init__(self, stream: str) -> None:
        self._stream = stream
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, field: str, kind: str, count: int) -> None:
        """Count values of a field that are not of its kind, such as `integer`."""
        self._counts[field, kind] += count

    def warn(self) -> None:
        """Log one WARNING for each field with the number of its values, and count from 0 again."""
        for (field, kind), count in sorted(self._counts.items()):
            values = "1 value is" if count == 1 else f"{count:,} values are"
            log.warning(
                "%s.%s: %s not a valid %s, and left as null (on_bad_value). Declare the field a "
                "string in the catalog's schema to get them.",
                self._stream,
                field,
                values,
                kind,
            )
        self._counts.clear()
