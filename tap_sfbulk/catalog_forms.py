"""Understands catalogs, also those that another tap-salesforce discovered.

The catalogs of singer-io's and MeltanoLabs' tap-salesforce have keys and replication method in the
stream's metadata only, types of their own, and marks for what *they* cannot read. What such a
catalog says of the stream is kept: what is selected, the replication method, the replication key.
What it does not say is what the tap would do by itself.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from singer_sdk.singerlib import StreamMetadata

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from singer_sdk.singerlib import CatalogEntry

_SAID_BY_TYPE = ("integer", "number", "boolean")

_MARKS = frozenset({"selected", "selected-by-default"})


def normalized_catalog(document: Mapping[str, Any]) -> dict[str, Any]:
    """A catalog with everything where the SDK looks for it.

    - The replication method is a key of the stream. In the catalogs of others it is
      `replication-method` of its metadata, or `forced-replication-method` with a reason.
    - What is selected is marked in the metadata. Old catalogs mark it in the schema.
    - A stream without a mark is selected, unless others are: those taps read what is marked only.
    """
    catalog = deepcopy(dict(document))
    entries = catalog.get("streams", [])
    for entry in entries:
        entry["metadata"] = entry.get("metadata") or []
        _take_marks_from_schema(entry)
        _take_method(entry)
    is_opt_in = any(_is_foreign(entry) and _root(entry).get("selected") for entry in entries)
    for entry in entries:
        if entry.get("metadata") and not _has_mark(_root(entry)):
            _root(entry)["selected"] = not (is_opt_in and _is_foreign(entry))
        if _is_foreign(entry):
            _take_fields(entry)
    return catalog


def is_of_another_tap(entry: CatalogEntry) -> bool:
    """Whether an entry was written by another tap: it has its key in the metadata only."""
    return entry.key_properties is None and key_properties_in(entry) is not None


def key_properties_in(entry: CatalogEntry) -> list[str] | None:
    """The key properties that an entry names; None if it does not say."""
    # Of a mapping that adds what is asked for, so that `root` would mark the stream.
    root = entry.metadata.get(())
    in_metadata = root.table_key_properties if isinstance(root, StreamMetadata) else None
    given = in_metadata if entry.key_properties is None else entry.key_properties
    return None if given is None else list(given)


def with_own_types(
    given: Mapping[str, Any], own: Mapping[str, Any]
) -> tuple[dict[str, Any], list[str]]:
    """The tap's own schema, for an entry of another tap, and the fields that only that one has.

    A number or boolean that the entry declares a plain string stays one: no other tap writes that
    by itself.
    """
    theirs = given.get("properties", {})
    properties = {}
    for name, schema in own["properties"].items():
        is_text = _types(theirs.get(name, {})) == {"string"} and "format" not in theirs[name]
        declares = is_text and _types(schema) & set(_SAID_BY_TYPE)
        properties[name] = {**schema, "type": ["string", "null"]} if declares else schema
    return {**own, "properties": properties}, sorted(set(theirs) - set(properties))


def spell_as_own(entry: CatalogEntry, own: Iterable[str]) -> None:
    """Give the properties, marks and keys of an entry the names that the stream's fields have.

    Salesforce takes its names in any case, and so do users; each name is kept once.
    """
    names = {name.casefold(): name for name in own}

    def spelled(name: str) -> str:
        return names.get(name.casefold(), name)

    properties = entry.schema.properties or {}
    entry.schema.properties = {spelled(name): each for name, each in properties.items()}
    for breadcrumb in [each for each in entry.metadata if len(each) > 1]:
        kind, name, *rest = breadcrumb
        entry.metadata[(kind, spelled(name), *rest)] = entry.metadata.pop(breadcrumb)
    root = entry.metadata.get(())
    if isinstance(root, StreamMetadata):
        if root.table_key_properties is not None:
            root.table_key_properties = list(map(spelled, root.table_key_properties))
        root.replication_key = root.replication_key and spelled(root.replication_key)
    if entry.key_properties is not None:
        entry.key_properties = list(dict.fromkeys(map(spelled, entry.key_properties)))
    entry.replication_key = entry.replication_key and spelled(entry.replication_key)


def _take_marks_from_schema(entry: dict[str, Any]) -> None:
    schema = entry.get("schema", {})
    marked: dict[tuple[str, ...], Any] = {(): schema.pop("selected", None)}
    for name, each in schema.get("properties", {}).items():
        marked["properties", name] = each.pop("selected", None)
    for breadcrumb, mark in marked.items():
        if mark is not None:
            _metadata(entry, breadcrumb).setdefault("selected", mark)
    for each in entry.get("metadata") or ():
        for name in _MARKS & each["metadata"].keys():
            # The oldest catalogs have it as text, and "false" is true in Python.
            if isinstance(mark := each["metadata"][name], str):
                each["metadata"][name] = mark.lower() == "true"


def _take_method(entry: dict[str, Any]) -> None:
    if not entry.get("metadata"):
        return
    root = _root(entry)
    forced = root.get("forced-replication-method")
    if isinstance(forced, dict):
        root["forced-replication-method"] = forced = forced.get("replication-method")
    if chosen := root.get("replication-method") or forced:
        entry["replication_method"] = chosen


def _take_fields(entry: dict[str, Any]) -> None:
    """Leave only marks of what a user wants; the tap knows by itself what it can read."""
    fields = [each["metadata"] for each in entry["metadata"] if each["breadcrumb"]]
    for metadata in fields:
        metadata.pop("inclusion", None)
    if any(metadata.get("selected") for metadata in fields):
        for metadata in fields:
            if not _has_mark(metadata):
                metadata["selected"] = False


def _is_foreign(entry: Mapping[str, Any]) -> bool:
    roots = (each["metadata"] for each in entry.get("metadata") or () if not each["breadcrumb"])
    root: Mapping[str, Any] = next(roots, {})
    return entry.get("key_properties") is None and root.get("table-key-properties") is not None


def _has_mark(metadata: Mapping[str, Any]) -> bool:
    return any(metadata.get(name) is not None for name in _MARKS)


def _root(entry: dict[str, Any]) -> dict[str, Any]:
    return _metadata(entry, ())


def _metadata(entry: dict[str, Any], breadcrumb: Iterable[str]) -> dict[str, Any]:
    """The metadata of a breadcrumb, which is added if it is not there."""
    wanted = list(breadcrumb)
    listed = entry["metadata"] = entry.get("metadata") or []
    for each in listed:
        if list(each["breadcrumb"]) == wanted:
            found: dict[str, Any] = each["metadata"]
            return found
    listed.append({"breadcrumb": wanted, "metadata": {}})
    added: dict[str, Any] = listed[-1]["metadata"]
    return added


def _types(schema: Mapping[str, Any]) -> set[str]:
    types = schema.get("type", [])
    return set([types] if isinstance(types, str) else types) - {"null"}
