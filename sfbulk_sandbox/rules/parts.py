"""The parts of the org that the rules use."""

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
    """The parts of the org that the rules use.

    Attributes:
        empty_is_null: Whether an unset cell makes a nillable field of a new record null instead of
            its default.
        in_german: Whether the text for a parent that is not found is in German.
    """

    store: Store
    schema: Schema
    ids: IdSource
    clock: Clock
    user_id: str
    empty_is_null: bool = False
    in_german: bool = False
