"""Declares only some properties of a stream while records that have no others are written.

A loader sets a column to null that its record does not have, unless the SCHEMA does not have it
either. So a pass that reads a part of the fields writes a SCHEMA of this part first.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from singer_sdk.mapper import SameRecordTransform
from singer_sdk.singerlib import SchemaMessage

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from singer_sdk import Stream
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter


def takes_parts(stream: Stream) -> bool:
    """Whether rows with only some of the properties can be written.

    The expressions of a stream map expect all properties.
    """
    return not is_mapped(stream) and not stream.stream_maps[0].flattening_enabled


def is_mapped(stream: Stream) -> bool:
    """Whether stream maps change, rename, repeat or drop the rows."""
    (first, *others) = stream.stream_maps
    return bool(others) or type(first) is not SameRecordTransform


def whole_schema(stream: Stream) -> SchemaMessage:
    """The SCHEMA of a stream that takes parts, as the SDK writes it."""
    (only,) = stream.stream_maps
    bookmarks = [stream.replication_key] if stream.replication_key else None
    return SchemaMessage(
        only.stream_alias, only.transformed_schema, only.transformed_key_properties, bookmarks
    )


@contextmanager
def partial_schema(
    writer: GenericSingerWriter[Any, Any], whole: SchemaMessage, properties: Collection[str]
) -> Iterator[None]:
    """Write the SCHEMA with only these properties, and after the block the whole one again.

    Args:
        writer: Where the messages go.
        whole: The stream's SCHEMA.
        properties: Names of properties; the key properties are among them.
    """
    writer.write_message(_part(whole, properties))
    yield
    writer.write_message(whole)


def _part(whole: SchemaMessage, properties: Collection[str]) -> SchemaMessage:
    schema = dict(whole.schema)
    schema["properties"] = {n: p for n, p in schema["properties"].items() if n in properties}
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name in properties]
    # A loader may refuse a bookmark property that the SCHEMA does not have.
    bookmarks = [name for name in whole.bookmark_properties or () if name in properties]
    return SchemaMessage(whole.stream, schema, whole.key_properties, bookmarks or None)
