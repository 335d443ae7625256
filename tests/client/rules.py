"""Rules by which records become rows, for an object that nobody can describe."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk import NotFound, Operation
from sfbulk.jobs.columns import ObjectColumns
from sfbulk.jobs.records import RowRules

if TYPE_CHECKING:
    from sfbulk import SObjectDescribe


def rules(operation: Operation, external_id: str | None = None, **more: Any) -> RowRules:
    return RowRules(operation, external_id, ObjectColumns("Account", undescribed), **more)


def undescribed(name: str) -> SObjectDescribe:
    raise NotFound(f"There is no {name}.")
