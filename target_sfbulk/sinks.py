"""The Singer sink: passes records to the stream's load, and drains all streams together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from singer_sdk.sinks import Sink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from singer_sdk import Target

    from target_sfbulk.run import Run
    from target_sfbulk.stream import StreamLoad


class LoadingTarget(Protocol):
    """What a sink needs of its target."""

    run: Run

    def drain_all(self) -> None:
        """API call: load the buffered rows of all streams and write STATE."""


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
        self._target = cast("LoadingTarget", target)
        self._properties = dict(self.schema["properties"])
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
            self._load = self._run.open(self.stream_name, self._properties)

    def get_validator(self) -> None:
        """No validator: the encoders check what a Salesforce field can hold."""

    @property
    def include_sdc_metadata_properties(self) -> bool:
        """Singer's own fields are never sent to Salesforce."""
        return False

    @property
    def process_activate_version_messages(self) -> bool:
        """Records of older versions are not deleted; the SDK says so in the log."""
        return False

    @property
    def current_size(self) -> int:
        """Buffered records."""
        return self._load.pending

    @property
    def is_full(self) -> bool:
        """Always False for the SDK, which would drain this stream alone and write no STATE."""
        return False

    def process_record(self, record: dict[str, Any], context: Mapping[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        """Buffer a record; when a job is full, load all buffered rows and write STATE."""
        with self._run.interrupts:
            self._load.add(record)
        if self._load.is_full:
            self._target.drain_all()
            self._run.check_budget(at_the_end=False)

    def process_batch(self, context: Mapping[str, Any]) -> None:  # noqa: ARG002 - the SDK's signature
        """API call: load all streams, in the order in which they first appeared."""
        with self._run.interrupts:
            self._run.flush()

    @property
    def _run(self) -> Run:
        return self._target.run
