"""How many records of the org a mirror may delete in one run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from sfbulk import SalesforceError

_CAP = re.compile(r"(?P<count>[0-9]+)|(?P<percent>[0-9]+(?:\.[0-9]+)?)%")
_WHOLE = 100


class MirrorError(SalesforceError):
    """What the source does not have cannot be deleted."""


class DeleteCapError(MirrorError):
    """A mirror was to delete more records than `delete_cap` allows."""


@dataclass(frozen=True)
class DeleteCap:
    """A count, or a share of the records that a mirror covers.

    Attributes:
        count: The count; None for a share.
        percent: The share; None for a count.
    """

    count: int | None
    percent: Fraction | None

    @classmethod
    def parse(cls, text: str | int) -> DeleteCap:
        """The cap that the setting `delete_cap` gives.

        Raises:
            ValueError: It is neither a count nor a share up to 100%.
        """
        found = _CAP.fullmatch(str(text).strip())
        if found is None or Fraction(found["percent"] or 0) > _WHOLE:
            raise ValueError(
                f'delete_cap must be a count such as "100" or a share such as "5%", not "{text}".'
            )
        if found["count"]:
            return cls(int(found["count"]), None)
        return cls(None, Fraction(found["percent"]))

    def most(self, covered: int) -> int:
        """How many records may be deleted of those that the mirror covers.

        A share is rounded up: with few records it would allow no delete at all.
        """
        if self.percent is None:
            return self.count or 0
        return ceil(self.percent * covered / _WHOLE)

    def __str__(self) -> str:
        return str(self.count) if self.percent is None else f"{float(self.percent):g}%"


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
