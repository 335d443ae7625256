"""A setting that is a count or a share, such as `10` or `"2%"`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["WHOLE", "CountOrShare"]

_FORM = re.compile(r"(?P<count>[0-9]+)|(?P<percent>[0-9]+(?:\.[0-9]+)?)\s*%")
WHOLE = 100


@dataclass(frozen=True)
class CountOrShare:
    """A count, or a share of a number.

    Attributes:
        setting: The name of the setting.
        count: The count; None for a share.
        percent: The share, exact; None for a count.
    """

    setting: ClassVar[str]
    count: int | None
    percent: Fraction | None

    @classmethod
    def parse(cls, text: str | int) -> Self:
        """What the setting gives.

        Raises:
            ValueError: It is neither a count nor a share up to 100%.
        """
        found = _FORM.fullmatch(str(text).strip())
        if found is None or Fraction(found["percent"] or 0) > WHOLE:
            raise ValueError(
                f'{cls.setting} must be a count such as "10" or a share such as "2%", not "{text}".'
            )
        if found["count"]:
            return cls(int(found["count"]), None)
        return cls(None, Fraction(found["percent"]))

    def of(self, number: int) -> Fraction:
        """How many of so many this is; a share need not be whole."""
        if self.percent is None:
            return Fraction(self.count or 0)
        return self.percent * number / WHOLE

    def __str__(self) -> str:
        return str(self.count) if self.percent is None else f"{float(self.percent):g}%"
