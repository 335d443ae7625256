"""What the rules need of the org."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.schema.ids import IdSource
    from sfbulk_sandbox.schema.schema import Schema
    from sfbulk_sandbox.schema.store import Store


@dataclass(frozen=True)
class Parts:
    """What saving needs of the org.

    Attributes:
        empty_is_null: Whether a cell that says nothing makes a field of a new record null, where
            it can be; otherwise the field gets its default.
    """

    store: Store
    schema: Schema
    ids: IdSource
    clock: Clock
    user_id: str
    empty_is_null: bool = False
