"""Checks the settings of one stream against its object."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from sfbulk import Operation
from sfbulk_singer.names import closest_name, did_you_mean
from target_sfbulk.encode import encoder_for
from target_sfbulk.losses import UnconvertibleError
from target_sfbulk.mapping import REMOVES, FieldProblemError, finds_records

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from sfbulk import SObjectDescribe
    from target_sfbulk.mapping import CsvColumn, FieldMapper
    from target_sfbulk.stream_settings import StreamSettings

_ASSIGNED = ("Case", "Lead")
"""Objects that have assignment rules (Bulk API guide: Create a Job)."""

# `last_nam` is close to `last_name` by this measure, `first_name` is not.
_TYPING_ERROR = 0.8

_DIGITS = re.compile(r"[0-9]+")

_RIGHTS = {
    Operation.INSERT: ("createable",),
    Operation.UPDATE: ("updateable",),
    # Whether a row is created or updated is known only when Salesforce has found the record.
    Operation.UPSERT: ("createable", "updateable"),
    Operation.DELETE: ("deletable",),
    Operation.HARD_DELETE: ("deletable",),
}


class FieldProblem(NamedTuple):
    """What is wrong with a record field or constant, and what explains all such problems."""

    text: str
    advice: tuple[str, ...]
    """Sentences without a full stop, to be said once."""

    @classmethod
    def of(cls, what: str, problem: FieldProblemError | UnconvertibleError) -> FieldProblem:
        """The problem of something that is named first."""
        advice = problem.advice if isinstance(problem, FieldProblemError) else ()
        return cls(f"{what}: {problem}", advice)


class Constant(NamedTuple):
    """A column with the same cell in every row."""

    column: CsvColumn
    cell: str


def settings_problems(
    sobject: SObjectDescribe, settings: StreamSettings, mapper: FieldMapper
) -> Iterator[str]:
    """What is wrong without any SCHEMA: rights, the key, the assignment rule."""
    yield from right_problems(sobject, settings)
    yield from key_problems(sobject, settings, mapper)
    yield from assignment_problems(sobject, settings)


def assignment_problems(sobject: SObjectDescribe, settings: StreamSettings) -> Iterator[str]:
    """An assignment rule of an object that has none."""
    if settings.assignment_rule and sobject.name not in _ASSIGNED:
        yield f"`assignment_rule`: only Case and Lead have assignment rules, not `{sobject.name}`"


def mirrored_twice(settings: StreamSettings, others: Mapping[str, StreamSettings]) -> str | None:
    """The problem that another stream mirrors the same records; None if none does.

    Args:
        settings: The stream's settings.
        others: Those of the other streams, by name.
    """
    if not settings.mirror:
        return None
    for name, other in others.items():
        if not other.mirror or _mirrored(other) != _mirrored(settings):
            continue
        if None in (own := {settings.mirror.where, other.mirror.where}) or len(own) == 1:
            return (
                f"stream `{name}` mirrors the same records of `{settings.sobject}`, so each would"
                " delete what the other one has; give each a `where` that the other's records do"
                " not meet"
            )
    return None


def _mirrored(settings: StreamSettings) -> tuple[str, str]:
    return settings.sobject.casefold(), (settings.external_id or "").casefold()


def mapped_problems(
    settings: StreamSettings, mapper: FieldMapper, but: Collection[str] = ()
) -> Iterator[FieldProblem]:
    """API call: what is wrong with the fields and lookups that the stream's own name maps.

    Args:
        settings: The stream's settings.
        mapper: Finds its columns.
        but: Record fields that are checked already.
    """
    for source in sorted(settings.expected & {*settings.fields, *settings.lookups}.difference(but)):
        try:
            mapper.column(source)
        except FieldProblemError as problem:  # noqa: PERF203 - all problems are wanted
            yield FieldProblem.of(f"record field `{source}`", problem)


def constants_of(
    mapper: FieldMapper, settings: StreamSettings
) -> tuple[tuple[Constant, ...], list[FieldProblem]]:
    """API call: the columns of the constants with their cells, and what is wrong with them."""
    constants, problems = [], []
    # Settings of a glob; a delete sends ids only.
    named = {} if settings.operation in REMOVES else settings.constants
    for name, value in named.items():
        try:
            column = mapper.constant(name)
            constants.append(Constant(column, _cell(column, value, settings.operation)))
        except (FieldProblemError, UnconvertibleError) as problem:  # noqa: PERF203 - all are wanted
            problems.append(FieldProblem.of(f"the constant `{name}`", problem))
    return tuple(constants), problems


def absent(settings: StreamSettings, record_fields: Collection[str]) -> Iterator[str]:
    """The problem of each record field that the settings name and the SCHEMA does not have.

    None of them need be a mistake: a later SCHEMA may bring it. See `typing_errors`.
    """
    for source in sorted(settings.expected.difference(record_fields)):
        hint = did_you_mean(source, record_fields)
        yield f"the settings map a record field `{source}`, which the SCHEMA does not have{hint}"


def typing_errors(settings: StreamSettings, columns: Mapping[str, object]) -> list[str]:
    """Those absent record fields that were probably meant to be one that the SCHEMA has.

    Args:
        settings: The stream's settings.
        columns: By record field; None for one that is left out.
    """
    # A field that is loaded, or that the settings name, is not the one that was meant.
    free = [
        name
        for name, column in columns.items()
        if column is None
        and name not in {*settings.expected, *settings.fields}
        and not name.startswith("_sdc_")
    ]
    return [
        source
        for source in sorted(settings.expected.difference(columns))
        if _is_like(closest_name(source, free, likeness=_TYPING_ERROR), source)
    ]


def _is_like(name: str | None, source: str) -> bool:
    # A later SCHEMA may bring `phone2` when the first one has `phone1`.
    return name is not None and _DIGITS.sub("", name) != _DIGITS.sub("", source)


def _cell(column: CsvColumn, value: object, operation: Operation) -> str:
    if value not in (None, ""):
        encode = column.to_id or encoder_for(column.field)
        return encode(value)
    if operation is not Operation.INSERT and not column.nillable:
        raise FieldProblemError(f"`{column.fills}` cannot be null")
    return "" if operation is Operation.INSERT else column.null


def right_problems(sobject: SObjectDescribe, settings: StreamSettings) -> Iterator[str]:
    """What the user may not do with the object."""
    rights = _RIGHTS[settings.operation] + (("deletable",) if settings.mirror else ())
    missing = [right for right in rights if not getattr(sobject, right)]
    if missing:
        operation = "mirror" if settings.mirror else settings.operation.value
        needs = f"{operation} needs `{sobject.name}` to be {' and '.join(missing)}"
        yield f"{needs}, which it is not for this user"


def key_problems(
    sobject: SObjectDescribe, settings: StreamSettings, mapper: FieldMapper
) -> Iterator[str]:
    """Why the `external_id` does not find records of the object."""
    if settings.operation is Operation.INSERT:
        return
    if settings.operation is Operation.UPSERT and settings.external_id is None:
        verb = "mirror" if settings.mirror else "upsert"
        yield f"{verb} needs an `external_id`, in the stream's settings or for all streams"
        return
    if settings.mirror and (settings.external_id or "").casefold() == "id":
        yield "mirror needs an `external_id` that the source knows, and not the record's Id"
        return
    name = settings.external_id or ""
    field = mapper.key_field
    if field is None:
        hint = did_you_mean(name, (f.name for f in sobject.fields if finds_records(f)))
        yield f"`external_id`: `{sobject.name}` has no field `{name}`{hint}"
    elif not finds_records(field):
        unfit = f"`{field.name}` is neither an external id nor an indexed lookup field"
        yield f"`external_id`: {unfit} of `{sobject.name}`"
