"""Flattens compounds by reading their components as columns, so that no row is taken apart.

The SDK's flattening gives each member of an object a name of its own, such as
`BillingAddress__city`. The members of a compound are fields that the query selects anyway.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from singer_sdk.mapper import SameRecordTransform

from tap_sfbulk.columns import CompoundColumn

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from tap_sfbulk.columns import PageColumn

FlatNames = dict[str, dict[str, str]]
"""The new name of each member of each object, by the object's name."""


def flat_names(stream_map: StreamMap) -> FlatNames | None:
    """What a map that only flattens calls the members; None if it does anything else.

    The SDK does not offer its rule for names, but it keeps the order of the properties.
    """
    if type(stream_map) is not SameRecordTransform:
        return None
    if not stream_map.flattening_enabled:
        return {}
    before = stream_map.raw_schema.get("properties", {})
    after = iter(stream_map.transformed_schema.get("properties", {}).items())
    names: FlatNames = {}
    for name, schema in before.items():
        members = schema.get("properties", {})
        if members:
            names[name] = {member: flat for member, (flat, _) in zip(members, after, strict=False)}
        elif next(after, None) != (name, schema):
            # The text of an object, or a name that was too long.
            return None
    same = all(len(names[name]) == len(before[name]["properties"]) for name in names)
    return names if same and next(after, None) is None else None


def flat_columns(columns: Sequence[PageColumn], names: FlatNames) -> tuple[PageColumn, ...]:
    """The columns with those of the members in place of each object."""
    return tuple(flat for column in columns for flat in _flat(column, names.get(column.name)))


def _flat(column: PageColumn, names: Mapping[str, str] | None) -> Iterator[PageColumn]:
    if names is None or not isinstance(column, CompoundColumn):
        yield column
        return
    for key, part in column.parts:
        yield replace(part, name=names[key], path=part.source)
