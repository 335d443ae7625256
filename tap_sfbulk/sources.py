"""What a stream reads: its fields and keys, from an object's describe and the stream's options."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from sfbulk.error_text import contained
from sfbulk.errors import ConfigError
from sfbulk.problems import collecting
from tap_sfbulk.fields import object_fields, stream_field, with_decimal_texts
from tap_sfbulk.schema import key_properties_of, replication_key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sfbulk import SObjectDescribe
    from sfbulk.soql import SelectStatement
    from tap_sfbulk.fields import StreamField
    from tap_sfbulk.parents import FieldPaths, FoundField
    from tap_sfbulk.settings import StreamOptions


@dataclass(frozen=True)
class StreamSource:
    """What a stream reads."""

    name: str
    """The stream's name."""
    sobject: SObjectDescribe
    """The object whose rows it reads."""
    fields: tuple[StreamField, ...]
    """What the rows can have."""
    key_properties: tuple[str, ...]
    replication_key: str | None
    statement: SelectStatement | None = None
    """The custom query that is read; None reads the object's rows."""

    @property
    def with_decimal_texts(self) -> StreamSource:
        """The same with the numbers of its rows as text."""
        return replace(self, fields=tuple(with_decimal_texts(field) for field in self.fields))


def object_sources(
    described: Iterable[SObjectDescribe],
    options: Mapping[str, StreamOptions],
    paths: FieldPaths,
    failed: Callable[[str, Exception], None],
) -> list[StreamSource]:
    """The sources of objects, with the fields of parents that their options name.

    Args:
        described: The objects.
        options: Of each, by its name.
        paths: Finds the fields of parents.
        failed: Called with the name and the error of an object that cannot be read.

    Raises:
        ConfigError: If a field of a parent does not exist, or has the name of another property.
    """
    objects = list(described)
    paths.describe(
        (each.name, path) for each in objects for path in options[each.name].parent_fields
    )
    problems: list[str] = []
    found = []
    for each in objects:
        with contained(each.name, partial(failed, each.name)):
            found.append(_object_source(each, options[each.name], paths, problems))
    if problems:
        raise ConfigError(problems)
    return found


def _object_source(
    sobject: SObjectDescribe, options: StreamOptions, paths: FieldPaths, problems: list[str]
) -> StreamSource:
    fields = object_fields(
        sobject,
        with_deleted_at=options.include_deleted or options.hard_deletes is not None,
        with_formulas=not options.exclude_formulas,
    )
    for path in dict.fromkeys(options.parent_fields):
        with collecting(problems):
            fields.append(_parent_field(sobject, path, fields, paths))
    chosen = sobject.field(options.replication_key or "")
    return StreamSource(
        sobject.name,
        sobject,
        tuple(fields),
        tuple(key_properties_of(sobject)),
        chosen.name if chosen else replication_key_of(sobject),
    )


def _parent_field(
    sobject: SObjectDescribe, path: str, fields: Iterable[StreamField], paths: FieldPaths
) -> StreamField:
    """The field of a parent.

    Raises:
        ConfigError: If the stream cannot have one.
    """
    try:
        found = paths.find(sobject.name, path)
        return _new_field(found, fields)
    except ValueError as problem:
        text = f"stream_options, {sobject.name}: parent_fields, {path}: {problem}."
        raise ConfigError([text]) from None


def _new_field(found: FoundField, fields: Iterable[StreamField]) -> StreamField:
    field = stream_field(found.owner, found.field, found.path)
    if "." not in found.path:
        raise ValueError("it is a field of the object itself, which needs no path")
    if field.column is None:
        raise ValueError(f"a bulk query cannot select a field of type {found.field.type}")
    if any(field.name.casefold() == each.name.casefold() for each in fields):
        raise ValueError(f"the stream has a property {field.name} already")
    return field
