"""Rows that are about to be saved, as a fault of rows looks at them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class SavedRows:
    """Rows that are about to be saved together.

    Attributes:
        names: The fields of the cells, in any case.
        key: The field an upsert finds its records by; None for Id.
        first: The number of the first row in its job, batch or call; 1 is the least.
    """

    object: str
    operation: str
    names: Sequence[str]
    key: str | None
    first: int
    rows: Sequence[Sequence[Any]]
