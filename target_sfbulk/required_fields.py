"""Finds the required fields of an object that nothing fills in a new record."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk import Operation
from sfbulk.load import has_default
from target_sfbulk.encode import CLEARS_THE_FIELD
from target_sfbulk.mapping import FieldProblemError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk import FieldDescribe
    from target_sfbulk.mapping import CsvColumn, FieldMapper
    from target_sfbulk.stream_checks import Constant
    from target_sfbulk.stream_settings import StreamSettings

_CREATES = (Operation.INSERT, Operation.UPSERT)


def unfilled_fields(
    mapper: FieldMapper,
    settings: StreamSettings,
    columns: Mapping[str, CsvColumn | None],
    constants: Iterable[Constant],
) -> tuple[str, ...]:
    """API call: the required fields that no record field and no constant fills.

    Args:
        mapper: The mapper of the stream.
        settings: The stream's settings.
        columns: By record field; None for one that is left out.
        constants: The constants of the stream.
    """
    if settings.operation not in _CREATES:
        return ()
    filled = {column.fills for column in columns.values() if column}
    filled |= {c.column.fills for c in constants if c.cell not in ("", CLEARS_THE_FIELD)}
    filled |= set(_filled_later(mapper, settings.expected.difference(columns)))
    return tuple(f.name for f in mapper.sobject.fields if _is_required(f) and f.name not in filled)


def unfilled_problems(
    sobject: str,
    operation: Operation,
    unfilled: Sequence[str],
    new_only: bool,
) -> list[str]:
    """The problem that no record could be created; none for an upsert that may update all."""
    if not unfilled or not (operation is Operation.INSERT or new_only):
        return []
    return [f"nothing fills {named(unfilled)}, which a new record of `{sobject}` must have"]


def named(fields: Sequence[str]) -> str:
    """The names of fields, in a sentence."""
    return " and ".join(f"`{name}`" for name in fields)


def _is_required(field: FieldDescribe) -> bool:
    # SOAP API guide, Field: not nillable, not defaultedOnCreate, createable. A checkbox that is
    # not given is false.
    return (
        field.createable
        and not field.nillable
        and not has_default(field)
        and field.type != "boolean"
    )


def _filled_later(mapper: FieldMapper, sources: Iterable[str]) -> Iterator[str]:
    """The fields of record fields that the settings name, and that a later SCHEMA may bring."""
    for source in sources:
        try:
            column = mapper.column(source)
        except FieldProblemError:
            continue
        if column:
            yield column.fills
