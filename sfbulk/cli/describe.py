"""`sfbulk describe` and `sfbulk limits`: the objects, fields and limits of the org."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk.cli.session import Session
    from sfbulk.client import Salesforce
    from sfbulk.describe.model import FieldDescribe, SObjectDescribe
    from sfbulk.quota.limits import Limit

_OBJECT_RIGHTS = ("queryable", "createable", "updateable", "deletable")


def describe(session: Session, sobject: str | None) -> None:
    """API call: list the objects that the user can see, or the fields of one."""
    with session.org() as org:
        if sobject is None:
            _objects(session, org.describe_global())
        else:
            _fields(session, describe_object(org, sobject))


def describe_object(org: Salesforce, sobject: str) -> SObjectDescribe:
    """API call: the describe of an object.

    Raises:
        ConfigError: there is no such object.
    """
    try:
        return org.describe(sobject)
    except NotFound:
        hint = "`sfbulk describe` lists the objects."
        raise ConfigError(
            [f"There is no object {sobject}, or this user may not see it. {hint}"]
        ) from None


def _objects(session: Session, found: list[Any]) -> None:
    found = sorted(found, key=lambda one: one.name)
    if session.output.as_json:
        session.output.document([asdict(one) for one in found])
        return
    columns = ("Object", "Label", "Query", "Create", "Update", "Delete")
    rights = [[getattr(one, right) for right in _OBJECT_RIGHTS] for one in found]
    rows = [(one.name, one.label, *of) for one, of in zip(found, rights, strict=True)]
    session.output.table("Objects", columns, rows)


def _fields(session: Session, found: SObjectDescribe) -> None:
    if session.output.as_json:
        session.output.document(asdict(found))
        return
    columns = ("Field", "Type", "Label", "Create", "Update", "Notes")
    rows = [
        (each.name, _type(each), each.label, each.createable, each.updateable, _notes(each))
        for each in found.fields
    ]
    session.output.table(f"{found.name} ({found.label})", columns, rows)


def _type(field: FieldDescribe) -> str:
    if field.reference_to:
        return f"{field.type} to {', '.join(field.reference_to)}"
    return f"{field.type}({field.length})" if field.length else field.type


def _notes(field: FieldDescribe) -> str:
    # Salesforce fills a field that it defaults, such as the owner.
    required = field.createable and not field.nillable and not field.defaulted_on_create
    notes = {
        "required": required,
        "external id": field.external_id,
        "unique": field.unique,
        "formula": field.calculated,
        "auto number": field.auto_number,
    }
    return ", ".join(name for name, applies in notes.items() if applies)


def limits(session: Session) -> None:
    """API call: list the limits of the org."""
    with session.org() as org:
        found = org.limits()
    if session.output.as_json:
        session.output.document({name: limit_document(limit) for name, limit in found.items()})
        return
    columns = ("Limit", "Used", "Maximum", "Remaining")
    session.output.table("Limits", columns, _rows(found))


def limit_document(limit: Limit) -> dict[str, int]:
    """A limit as JSON has it."""
    return {"used": limit.used, "maximum": limit.maximum, "remaining": limit.remaining}


def _rows(found: dict[str, Limit]) -> Iterator[tuple[Any, ...]]:
    for name, limit in sorted(found.items()):
        yield name, limit.used, limit.maximum, limit.remaining
