"""ActivityHistory and OpenActivity: the tasks of a record under the names of other objects.

Only subqueries can read them (Object Reference: ActivityHistory, OpenActivity). They have no rows
of their own: their rows are the closed or the open tasks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.schema.store import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.schema.schema import Field, Schema, SObject

_CLOSED = {"ActivityHistory": "true", "OpenActivity": "false"}
_TASK = "Task"
# A task points at its account with AccountId or with WhatId.
_ACCOUNT = 'coalesce({own}, CASE WHEN "WhatId" LIKE \'001%\' THEN "WhatId" END)'


def rows_of(schema: Schema, sobject: SObject) -> str:
    """SQL for the rows of an object in FROM: its table, or a query on tasks for activities."""
    task = schema.sobject(_TASK)
    if sobject.name not in _CLOSED or task is None or task.field("IsClosed") is None:
        return quoted(sobject.name)
    columns = ", ".join(_columns(sobject, task))
    closed = f"\"IsClosed\" = '{_CLOSED[sobject.name]}'"
    return f'(SELECT rowid AS rowid, {columns} FROM "Task" WHERE {closed})'  # noqa: S608 - names of a describe, quoted


def _columns(sobject: SObject, task: SObject) -> Iterator[str]:
    for field in sobject.stored:
        yield f"{_value(field, task)} AS {quoted(field.name)}"


def _value(field: Field, task: SObject) -> str:
    if field.name == "IsTask":
        return "'true'"
    own = quoted(field.name) if task.field(field.name) else "NULL"
    return _ACCOUNT.format(own=own) if field.name == "AccountId" and task.field("WhatId") else own
