"""Rules by which records become rows, for an object that cannot be described."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sfbulk import NotFound, Operation, Salesforce
from sfbulk.load.columns import ObjectColumns
from sfbulk.load.records import RowRules

if TYPE_CHECKING:
    from sfbulk import SObjectDescribe
    from sfbulk.transport import Transport


def rules(operation: Operation, external_id: str | None = None, **more: Any) -> RowRules:
    return RowRules(operation, external_id, ObjectColumns("Account", undescribed), **more)


def undescribed(name: str) -> SObjectDescribe:
    raise NotFound(f"There is no {name}.")


def undescribing(transport: Transport) -> Salesforce:
    """A client that does not describe objects, so that a scripted server needs no answer for it."""
    sf = Salesforce(transport)
    sf._describer.one = undescribed  # type: ignore[method-assign] # replaced for this client only
    return sf
