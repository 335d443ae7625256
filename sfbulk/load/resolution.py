"""What a load looks up before a file is sent, according to its options; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sfbulk.errors import DataError
from sfbulk.jobs.key_column import check_external_id
from sfbulk.jobs.operation import Operation
from sfbulk.normalize import LONG_ID

if TYPE_CHECKING:
    from collections.abc import Callable

    from sfbulk.load.options import LoadOptions
    from sfbulk.load.spool import FileLimits

BY_ID = frozenset({Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE})
"""The operations that find their record by its Id only (Bulk API guide: Create a Job)."""

# The keys of a file and their ids are in memory while it is sent: about 60 MB.
_MOST_ROWS = 200_000


@dataclass(frozen=True)
class Resolution:
    """What is looked up before a file is sent."""

    sobject: str
    operation: Operation
    key: str
    """The field whose values find the records."""
    new_only: bool = False
    """Whether rows of records that exist are skipped."""
    create_only: frozenset[str] = frozenset()
    """Fields and relationships, in lower case, whose columns are left empty for records that
    exist."""
    existing_only: bool = False
    """Whether rows without a record are skipped."""
    where: tuple[str, ...] = ()
    """Conditions of the records that are found."""
    before_sending: Callable[[int], None] | None = None
    """Called with the number of rows, before they are sent for the first time."""

    def is_create_only(self, column: str) -> bool:
        """Whether a column, such as `AccountId` or `Account.Ext__c`, is only for new records."""
        path, dot, _ = column.lower().rpartition(".")
        return (path.rpartition(":")[2] if dot else column.lower()) in self.create_only

    @property
    def by_id(self) -> bool:
        """Whether the keys of a file become ids."""
        return self.operation in BY_ID


def job_key(operation: Operation, external_id: str | None) -> str | None:
    """The key field of the jobs of a load; only upserts have one."""
    return external_id if operation is Operation.UPSERT else None


def resolution(
    sobject: str, operation: Operation, external_id: str | None, options: LoadOptions
) -> Resolution | None:
    """What a load looks up; None if its rows are sent as they are.

    Args:
        sobject: the object.
        operation: the operation.
        external_id: the field that finds the records.
        options: of the load.

    Raises:
        DataError: something that the operation does not have.
    """
    new_only = options.get("new_only", False)
    names = frozenset(name.lower() for name in options.get("create_only_fields", ()))
    if operation is Operation.INSERT:
        check_external_id(sobject, operation, external_id)
    if operation is not Operation.UPSERT and (new_only or names):
        raise DataError(
            f"{sobject}: new_only and create_only_fields are options of an upsert, not of "
            f"{operation.value}."
        )
    to_ids = operation in BY_ID and external_id is not None and external_id.lower() != "id"
    if not to_ids and options.get("existing_only"):
        raise DataError(
            f"{sobject}: existing_only is an option of an update or delete by an external id."
        )
    with_it = {"where", "before_sending"}.intersection(options)
    if with_it and not options.get("existing_only"):
        given = " and ".join(sorted(with_it))
        raise DataError(f"{sobject}: {given} can only be used with the option existing_only.")
    if external_id is None:
        return None
    if not (to_ids or new_only or names):
        return None
    return Resolution(
        sobject,
        operation,
        external_id,
        new_only,
        names,
        existing_only=options.get("existing_only", False),
        where=(options["where"],) if options.get("where") else (),
        before_sending=options.get("before_sending"),
    )


def needs_every_version(plan: Resolution | None) -> bool:
    """Whether the first row of a record has another meaning than the later ones."""
    return plan is not None and (plan.new_only or bool(plan.create_only))


def file_limits(plan: Resolution | None, limits: FileLimits) -> FileLimits:
    """The limits of a file, so that what is sent instead of it is within `limits`.

    An id may be longer than the key that it replaces.
    """
    if plan is None:
        return limits
    rows = max(1, min(limits.rows, _MOST_ROWS, limits.bytes // (2 * LONG_ID)))
    return replace(limits, bytes=limits.bytes - rows * LONG_ID, rows=rows)
