"""How many records of the org a mirror may delete in one run."""

from __future__ import annotations

from math import ceil

from sfbulk import SalesforceError
from sfbulk.count_or_share import WHOLE, CountOrShare


class MirrorError(SalesforceError):
    """What the source does not have cannot be deleted."""


class DeleteCapError(MirrorError):
    """A mirror was to delete more records than `delete_cap` allows."""


class DeleteCap(CountOrShare):
    """A count, or a share of the records that a mirror covers."""

    setting = "delete_cap"

    def most(self, covered: int) -> int:
        """How many records may be deleted of those that the mirror covers.

        A share is rounded up: with few records it would allow no delete at all.
        """
        return ceil(self.of(covered))


class DeleteBudget:
    """What a run may delete of the records of one stream.

    Args:
        stream: The stream.
        sobject: Its object.
        cap: The cap.
        covered: How many records of the org the mirror covers.
    """

    def __init__(self, stream: str, sobject: str, cap: DeleteCap, covered: int) -> None:
        self._stream = stream
        self._sobject = sobject
        self._cap = cap
        self._covered = covered
        self._spent = 0

    def require_all(self, count: int) -> None:
        """Note that the source has no record at all.

        A count or share that lets every record of a small table go does not say that this is meant.

        Raises:
            DeleteCapError: The cap is not all records.
        """
        if self._cap.percent != WHOLE:
            raise DeleteCapError(
                f"{self._stream}: the source has sent no records, so {count} of the"
                f" {self._covered} records of {self._sobject} that the mirror covers would be"
                " deleted. Nothing more was deleted. Check the source; if they are gone there, set"
                " delete_cap to 100% and run again."
            )

    def spend(self, count: int) -> None:
        """Note that records are deleted next.

        Raises:
            DeleteCapError: There would be too many; they must not be deleted.
        """
        most = self._cap.most(self._covered)
        if self._spent + count <= most:
            self._spent += count
            return
        before = f" {self._spent} of them are deleted already." if self._spent else ""
        raise DeleteCapError(
            f"{self._stream}: {self._spent + count} of the {self._covered} records of"
            f" {self._sobject} that the mirror covers would be deleted, and delete_cap allows"
            f" {self._cap}, which is {most}.{before} Nothing more was deleted. Check the source;"
            " if they are gone there, raise delete_cap and run again."
        )
