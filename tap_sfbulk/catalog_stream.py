"""What a catalog says of a stream: its fields, keys and method; the rest is as the tap has it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from singer_sdk import Stream
from singer_sdk.singerlib import Metadata
from singer_sdk.singerlib.catalog import REPLICATION_FULL_TABLE

from tap_sfbulk.annotations import annotated
from tap_sfbulk.catalog_forms import (
    is_of_another_tap,
    key_properties_in,
    spell_as_own,
    with_own_types,
)
from tap_sfbulk.fields import schema_of
from tap_sfbulk.schema import is_replication_key

if TYPE_CHECKING:
    from singer_sdk import Tap
    from singer_sdk.singerlib import Catalog, CatalogEntry, MetadataMapping

    from tap_sfbulk.settings import StreamOptions
    from tap_sfbulk.sources import StreamSource


class CatalogStream(Stream):
    """The catalog entry of one object or custom query.

    Args:
        tap: The tap; the SDK keeps the settings, the state and the writer there.
        source: The object or query.
        options: What the settings say about it.
    """

    def __init__(self, tap: Tap, source: StreamSource, options: StreamOptions) -> None:
        schema = schema_of(source.fields, source.sobject.label)
        super().__init__(tap, schema=schema, name=source.name)
        self._source = source
        self._options = options
        self._given: CatalogEntry | None = None
        self.primary_keys = list(source.key_properties)
        if not self.primary_keys and source.statement is None:
            self.logger.info("%s has no key: its rows have no ids of their own.", self.name)
        self.replication_key = source.replication_key

    def apply_catalog(self, catalog: Catalog) -> None:
        """Take over what the catalog says of the stream; the rest stays as the tap has it."""
        if entry := catalog.get_stream(self.name):
            spell_as_own(entry, self.schema["properties"])
        super().apply_catalog(catalog)
        if entry:
            self._given = entry
            self._keep_own_keys(entry)

    def _keep_own_keys(self, entry: CatalogEntry) -> None:
        own, is_foreign = self._source, is_of_another_tap(entry)
        given = key_properties_in(entry)
        if given is None or (is_foreign and given == ["Id"]):
            self.primary_keys = list(own.key_properties)
        if is_foreign and self.replication_key and not self._has_possible_key:
            # Those taps say INCREMENTAL also of objects that no query can filter.
            self.logger.warning(
                "%s: the catalog's replication key %s is not possible, so the tap chooses.",
                self.name,
                self.replication_key,
            )
            self.replication_key = self.forced_replication_method = None
        # Their replication key was chosen by rule, not by a user who also sets an option here.
        is_set = is_foreign and self._options.replication_key
        if is_set or not self.replication_key:
            self.replication_key = own.replication_key

    @property
    def _has_possible_key(self) -> bool:
        field = self._source.sobject.field(self.replication_key or "")
        is_full_table = self.forced_replication_method == REPLICATION_FULL_TABLE
        return is_full_table or (field is not None and is_replication_key(field))

    @cached_property
    def _schema_for_given(self) -> dict[str, Any]:
        """The schema for an entry of another tap: the types are those of this one."""
        schema, unknown = with_own_types(super().effective_schema, self.schema)
        if unknown:
            self.logger.warning(
                "%s: the catalog has fields that the org does not show, and they are left out: %s.",
                self.name,
                ", ".join(unknown),
            )
        return schema

    @property
    def effective_schema(self) -> dict[str, Any]:
        """The catalog's schema, or the tap's own, with what Salesforce says of each field."""
        if self._given and is_of_another_tap(self._given):
            return self._schema_for_given
        return self._with_keys(annotated(super().effective_schema, self.schema))

    def _with_keys(self, schema: dict[str, Any]) -> dict[str, Any]:
        """A schema with the keys, which are always read, also if a catalog does not have them."""
        own, given = self.schema["properties"], schema.get("properties", {})
        keys = filter(None, [*self.primary_keys, self.replication_key])
        added = {name: own[name] for name in keys if name in own and name not in given}
        return {**schema, "properties": {**added, **given}} if given and added else schema

    @property
    def selected_schema(self) -> dict[str, Any]:
        """The schema of the rows that are read: its selected properties."""
        schema = self.effective_schema
        properties = schema.get("properties", {})
        return schema | {
            "properties": {n: p for n, p in properties.items() if self.mask["properties", n]}
        }

    @property
    def metadata(self) -> MetadataMapping:
        """Catalog metadata: keys are always read, what bulk cannot select never is."""
        return self._marked(super().metadata)

    def _marked(self, metadata: MetadataMapping) -> MetadataMapping:
        if not metadata:
            # A catalog written by hand may have none, and then selects everything.
            metadata.root.selected = True
        for field in self._source.fields:
            if field.column is None:
                metadata["properties", field.name].inclusion = Metadata.InclusionType.UNSUPPORTED
            for part in field.schema.get("properties", ()):
                # A compound is read whole or not at all.
                inclusion = Metadata.InclusionType.AUTOMATIC
                metadata["properties", field.name, "properties", part].inclusion = inclusion
        for key in filter(None, [*self.primary_keys, self.replication_key]):
            metadata["properties", key].inclusion = Metadata.InclusionType.AUTOMATIC
        return metadata
