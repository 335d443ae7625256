"""Makes streams of custom queries: finds their fields and keys through the describes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk.errors import ConfigError
from sfbulk.problems import collecting
from sfbulk_singer.names import did_you_mean
from tap_sfbulk.fields import stream_field
from tap_sfbulk.schema import has_own_ids, is_compound, is_replication_key, is_selectable
from tap_sfbulk.sources import StreamSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_sfbulk.fields import StreamField
    from tap_sfbulk.parents import FieldPaths, FoundField
    from tap_sfbulk.query_settings import QuerySettings


def query_sources(queries: Iterable[QuerySettings], paths: FieldPaths) -> list[StreamSource]:
    """The sources of custom queries.

    Args:
        queries: Whose SOQL was checked.
        paths: Finds their fields.

    Raises:
        ConfigError: If an object or field does not exist, if bulk cannot select a field, or if a
            key is not among the columns. All problems at once.
    """
    wanted = list(queries)
    paths.describe(
        (query.statement.sobject, item.name) for query in wanted for item in query.statement.items
    )
    problems: list[str] = []
    sources: list[StreamSource] = []
    for query in wanted:
        with collecting(problems):
            sources.append(_source(query, paths))
    if problems:
        raise ConfigError(problems)
    return sources


def _source(query: QuerySettings, paths: FieldPaths) -> StreamSource:
    """The source of a query.

    Raises:
        ConfigError: With all problems of the query.
    """
    problems: list[str] = []
    found: list[FoundField] = []
    for item in query.statement.items:
        with collecting(problems):
            found.append(_column(query, item.name, paths))
    if problems:
        raise ConfigError(list(dict.fromkeys(problems)))
    return _with_keys(query, found, paths)


def _with_keys(
    query: QuerySettings, found: Sequence[FoundField], paths: FieldPaths
) -> StreamSource:
    columns = {name.casefold(): each for each in found for name in (each.path, each.name)}
    root = paths.root(query.statement.sobject)
    has_id = "id" in columns and has_own_ids(root)
    keys = (("Id",) if has_id else ()) if query.key_properties is None else query.key_properties
    names = [each.name.casefold() for each in found]
    twice = {name for name in names if names.count(name) > 1}
    problems = [f"two columns have the name `{name}`" for name in sorted(twice)]
    if problems := [*problems, *_key_problems(query, keys, columns)]:
        raise ConfigError([f"queries, {query.name}: {problem}." for problem in problems])
    stamp = query.replication_key
    return StreamSource(
        name=query.name,
        sobject=root,
        fields=tuple(_field(each) for each in found),
        key_properties=tuple(dict.fromkeys(columns[key.casefold()].name for key in keys)),
        replication_key=columns[stamp.casefold()].name if stamp else None,
        statement=query.statement,
    )


def _field(found: FoundField) -> StreamField:
    return stream_field(found.owner, found.field, found.path if "." in found.path else "")


def _column(query: QuerySettings, path: str, paths: FieldPaths) -> FoundField:
    """The field of a path in the select list.

    Raises:
        ConfigError: If it does not exist, or bulk cannot select it.
    """
    try:
        return _selectable(paths.find(query.statement.sobject, path))
    except ValueError as problem:
        raise ConfigError([f"queries, {query.name}: {problem}."]) from None


def _selectable(found: FoundField) -> FoundField:
    if is_compound(found.field):
        raise ValueError(f"bulk queries cannot select `{found.path}`; select its components")
    if not is_selectable(found.field):
        raise ValueError(f"bulk queries cannot select `{found.path}`, which is {found.field.type}")
    return found


def _key_problems(
    query: QuerySettings, keys: Iterable[str], names: Mapping[str, FoundField]
) -> Iterator[str]:
    selected = [each.name for each in names.values()]
    for key in keys:
        if key.casefold() not in names:
            yield f"the key property `{key}` is not selected{did_you_mean(key, selected)}"
    if (stamp := query.replication_key) is None:
        return
    field = names.get(stamp.casefold())
    if field is None:
        yield f"the replication key `{stamp}` is not selected{did_you_mean(stamp, selected)}"
    elif "." in field.path or not is_replication_key(field.field):
        yield (
            f"the replication key `{stamp}` is not a date/time field of {query.statement.sobject} "
            "that a query can filter by"
        )
