"""What a load can be given besides its records."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.bulk1.states import Concurrency, ContentType
    from sfbulk.csvio import ColumnDelimiter
    from sfbulk.load.journal import Journal
    from sfbulk.normalize import PrecisionLoss

JOBS_IN_FLIGHT = 4
"""2.0 jobs that Salesforce works on side by side while further rows are read."""

COMMON_OPTIONS = frozenset(
    {"columns", "column_delimiter", "assignment_rule_id", "precision_loss", "journal"}
)
"""Those that loads by both bulk APIs have."""


class LoadOptions(TypedDict, total=False):
    """The options of a load; those of one bulk API are refused by the other."""

    columns: Sequence[str]
    """The names of the values, when records are sequences."""
    column_delimiter: ColumnDelimiter
    """That of CSV; a comma by default."""
    assignment_rule_id: str
    """An assignment rule for cases or leads."""
    precision_loss: PrecisionLoss
    """`FIT`, the default, makes CR and CRLF in texts LF, as Salesforce would; `REJECT` refuses."""
    journal: Journal
    """Is called before each step; nothing is kept by default."""
    jobs_in_flight: int
    """Bulk API 2.0: most jobs at a time; 4 by default. 1 where parallel jobs would lock each
    other's rows."""
    content_type: ContentType
    """Bulk API 1.0: the form of the data; CSV by default."""
    concurrency: Concurrency
    """Bulk API 1.0: `SERIAL` where parallel batches would lock each other's rows; slower."""
    compressed: bool
    """Bulk API 1.0: send the data with gzip; True by default."""
