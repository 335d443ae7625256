"""The options of a load."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sfbulk.bulk1.states import Concurrency, ContentType
    from sfbulk.csvio import ColumnDelimiter
    from sfbulk.load.journal import Journal
    from sfbulk.normalize import PrecisionLoss

JOBS_IN_FLIGHT = 4
"""How many 2.0 jobs run in parallel, while further rows are read."""

BATCHES_IN_FLIGHT = 50
"""How many 1.0 batches: at most 500,000 rows are buffered, which is 50 batches of 10,000."""

COMMON_OPTIONS = frozenset(
    {
        "columns",
        "column_delimiter",
        "assignment_rule_id",
        "precision_loss",
        "journal",
        "new_only",
        "create_only_fields",
        "existing_only",
    }
)
"""Those that loads by both bulk APIs have."""

ENCODED_OPTIONS = frozenset(
    {
        "assignment_rule_id",
        "journal",
        "new_only",
        "create_only_fields",
        "existing_only",
        "where",
        "before_sending",
    }
)
"""Those of `Salesforce.loader`, whose rows are encoded and whose group has the others."""


class LoadOptions(TypedDict, total=False):
    """The options of a load; an option that a bulk API does not have is an error."""

    columns: Sequence[str]
    """The columns of records that are sequences."""
    column_delimiter: ColumnDelimiter
    """The column delimiter of records that are CSV; a comma by default."""
    assignment_rule_id: str
    """An assignment rule for cases or leads."""
    precision_loss: PrecisionLoss
    """`FIT`, the default, changes CR and CRLF in texts to LF, as Salesforce would; `REJECT` is an
    error for such a text."""
    journal: str | Path | Journal
    """A file that records each step before it is done, so that the same call, after a crash or an
    error, does not load a record twice: see `RunJournal`. By default nothing is recorded."""
    new_only: bool
    """An upsert: skip the records that exist, and create the others. False by default."""
    create_only_fields: Sequence[str]
    """An upsert: fields that only new records get, such as master-detail parents, which Salesforce
    refuses to update. For records that exist they are sent as empty cells. A relationship, such as
    `Account`, stands for its columns, such as `Account.Ext__c`."""
    existing_only: bool
    """An update or delete by external id: skip the keys that no record has, which are failed rows
    otherwise. False by default."""
    where: str
    """With `existing_only`: a condition; records for which it is false are not found."""
    before_sending: Callable[[int], None]
    """With `existing_only`: called with the number of rows whose records were found, before they
    are sent. The load ends with the `SalesforceError` that it raises, and they are not sent."""
    jobs_in_flight: int
    """Bulk API 2.0: how many jobs may run in parallel; 4 by default. Use 1 if parallel jobs lock
    each other's rows."""
    content_type: ContentType
    """Bulk API 1.0: the form of the data; CSV by default."""
    concurrency: Concurrency
    """Bulk API 1.0: `SERIAL`, which is slower, if parallel batches lock each other's rows."""
    compressed: bool
    """Bulk API 1.0: send the data with gzip; True by default."""
