"""Rows that are about to be saved, as row faults see them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True)
class SavedRows:
    """Rows that are about to be saved together.

    Attributes:
        names: The field of each cell, in any case.
        key: The field by which an upsert finds its records; None for Id.
        first: The number of the first row in its job, batch or request, from 1.
    """

    object: str
    operation: str
    names: Sequence[str]
    key: str | None
    first: int
    rows: Sequence[Sequence[Any]]
