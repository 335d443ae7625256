"""The objects whose records are files, and the streams that tell where their contents were put.

Bulk queries cannot select a content, so it is no field of the object's own stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_sfbulk.columns import CellKind, PageColumn, kind_of
from tap_sfbulk.fields import StreamField
from tap_sfbulk.schema import key_properties_of, property_of, replication_key_of
from tap_sfbulk.sources import StreamSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk import SObjectDescribe
    from tap_sfbulk.settings import StreamOptions

PATH, SIZE, MD5, SHA256, FILE_NAME, EXTENSION = (
    "path",
    "size",
    "md5",
    "sha256",
    "file_name",
    "extension",
)
ID = "Id"


@dataclass(frozen=True)
class FileObject:
    """An object whose records are files (Object reference)."""

    body: str
    """The base64 field with the content."""
    fields: Mapping[str, str]
    """The object's fields by the properties of the stream."""


FILE_OBJECTS: Mapping[str, FileObject] = {
    "ContentVersion": FileObject(
        "VersionData",
        {
            FILE_NAME: "PathOnClient",
            EXTENSION: "FileExtension",
            SIZE: "ContentSize",
            # Object reference, ContentVersion: the MD5 checksum of the content.
            MD5: "Checksum",
        },
    ),
    "Attachment": FileObject(
        "Body", {FILE_NAME: "Name", "content_type": "ContentType", SIZE: "BodyLength"}
    ),
    "Document": FileObject(
        "Body",
        {
            FILE_NAME: "Name",
            EXTENSION: "Type",
            "content_type": "ContentType",
            SIZE: "BodyLength",
        },
    ),
}

# What no field of the record says, but the content does.
_FOUND = {
    PATH: "The file, relative to files_dir; null for a record without a content.",
    MD5: "Checksum of the content, in hexadecimal digits.",
    SHA256: "Checksum of the content, in hexadecimal digits.",
}


def file_streams(names: Iterable[str]) -> dict[str, str]:
    """The object of each stream of files, by the stream's name."""
    return {f"{name}_files": name for name in names if name in FILE_OBJECTS}


def file_sources(
    streams: Mapping[str, str],
    described: Iterable[SObjectDescribe],
    options: Mapping[str, StreamOptions],
) -> list[StreamSource]:
    """What the streams of files read; one whose contents the user may not see is left out.

    Args:
        streams: The object of each, by the stream's name.
        described: The objects.
        options: Of each stream.
    """
    objects = {sobject.name: sobject for sobject in described}
    return [
        _source(stream, objects[name], options[stream])
        for stream, name in streams.items()
        if name in objects and objects[name].field(FILE_OBJECTS[name].body)
    ]


def _source(stream: str, sobject: SObjectDescribe, options: StreamOptions) -> StreamSource:
    chosen = sobject.field(options.replication_key or "")
    key = chosen.name if chosen else replication_key_of(sobject)
    names = dict.fromkeys([ID, *([key] if key else [])])
    own = [_of_record(sobject, name, name) for name in names]
    renamed = [
        _of_record(sobject, name, field)
        for name, field in FILE_OBJECTS[sobject.name].fields.items()
        if sobject.field(field)
    ]
    return StreamSource(
        name=stream,
        sobject=sobject,
        fields=tuple(_in_order([*own, *renamed])),
        key_properties=tuple(key_properties_of(sobject)),
        replication_key=key,
    )


def _in_order(of_record: Sequence[StreamField]) -> Iterator[StreamField]:
    known = {field.name for field in of_record}
    yield from of_record
    for name, description in _FOUND.items():
        if name not in known:
            schema = {"type": ["string", "null"], "description": description}
            # The query selects the Id in its place, until the content is there.
            yield StreamField(name, schema, PageColumn(name, CellKind.TEXT, ID))


def _of_record(sobject: SObjectDescribe, name: str, path: str) -> StreamField:
    field = sobject.field(path)
    if field is None:
        raise AssertionError(path)
    schema = property_of(field, sobject.name)
    return StreamField(name, schema, PageColumn(name, kind_of(schema), field.name))
