"""The Singer sink: passes the records of a stream under one SCHEMA to the run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk.sinks import Sink

from target_sfbulk.mirror import DELETED_AT
from target_sfbulk.reject_schema import SourceSchema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk import Target

    from target_sfbulk.run import Run
    from target_sfbulk.stream import StreamLoad


class LoadingTarget(Protocol):
    """What a sink needs of its target."""

    run: Run


class SfbulkSink(Sink):
    """The records of one stream under one SCHEMA."""

    _load: StreamLoad

    def __init__(
        self,
        target: Target,
        stream_name: str,
        schema: dict[str, Any],
        key_properties: Sequence[str] | None,
    ) -> None:
        super().__init__(target, stream_name, schema, key_properties)
        self._run = cast("LoadingTarget", target).run
        self._properties = dict(self.schema["properties"])
        # A stream map may have taken a property away that the tap's SCHEMA requires.
        required = self.schema.get("required") or ()
        self._required = tuple(name for name in required if name in self._properties)
        # The SDK would parse each date by the schema, and warn of each field that is not in it.
        # Values are converted once, by the type of their Salesforce field.
        self.schema = {"properties": {}, "additionalProperties": True}

    def setup(self) -> None:
        """API call: check the stream against the org.

        Raises:
            PreflightError: The stream cannot be loaded; with every problem.
        """
        # A signal that arrived within a log line could not log its own reason.
        with self._run.interrupts:
            schema = SourceSchema(self._properties, self._required, self.key_properties or ())
            self._load = self._run.open(self.stream_name, schema)

    def get_validator(self) -> None:
        """No validator: the encoders check what a Salesforce field can hold."""

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Singer's own fields are never sent to Salesforce."""
        return False

    # The SDK removes its own fields here, and passes a mirror no sign of a deleted record else.
    def _remove_sdc_metadata_from_record(self, record: dict[str, Any]) -> None:
        deleted_at = record.get(DELETED_AT)
        super()._remove_sdc_metadata_from_record(record)
        if deleted_at is not None and self._load.is_mirror:
            record[DELETED_AT] = deleted_at

    def activate(self, version: int, *, is_incremental: bool) -> None:
        """Take an ACTIVATE_VERSION message; `is_incremental` says that the SCHEMA has bookmarks."""
        with self._run.interrupts:
            self._run.activate_version(self._load, version, is_incremental=is_incremental)

    @property
    def current_size(self) -> int:
        """None for the SDK to drain: all streams of a run are loaded together."""
        return 0

    @property
    def is_full(self) -> bool:
        """Never, for the same reason."""
        return False

    def process_record(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        """Buffer a record; load what is due."""
        with self._run.interrupts:
            self._run.take(self._load, record, self._required)

    def process_batch(self, context: Mapping[str, Any]) -> None:
        """Nothing: the SDK calls it only for a sink that has rows of its own."""
