"""The tap: its settings, the objects it discovers, and how a run ends."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Tap
from singer_sdk.singerlib import Catalog

from sfbulk import Salesforce
from sfbulk.error_text import contained
from sfbulk.errors import ConfigError, SalesforceError
from sfbulk.problems import collecting
from sfbulk_singer.names import did_you_mean
from sfbulk_singer.plugin import SfbulkPlugin
from sfbulk_singer.settings import of_right_type
from sfbulk_singer.signals import send_again
from sfbulk_singer.stream_maps import explained_map_errors
from sfbulk_singer.stream_settings import merged
from tap_sfbulk.annotations import annotated
from tap_sfbulk.catalog_forms import normalized_catalog
from tap_sfbulk.contents import Contents
from tap_sfbulk.discovery import (
    check_option_names,
    check_replication_keys,
    not_named,
    objects_to_read,
)
from tap_sfbulk.failures import StreamsFailed
from tap_sfbulk.file_stream import FileStream
from tap_sfbulk.files import file_sources, file_streams
from tap_sfbulk.input_files import check_catalog, normalized_state_file
from tap_sfbulk.output_settings import unknown_maps
from tap_sfbulk.parents import FieldPaths
from tap_sfbulk.query_settings import check_query_names, check_query_options, parse_queries
from tap_sfbulk.run import Run
from tap_sfbulk.settings import SETTINGS, RunOptions, StreamOptions, own_problems
from tap_sfbulk.soql_streams import query_sources
from tap_sfbulk.sources import object_sources
from tap_sfbulk.spool import SpoolFailed
from tap_sfbulk.state_forms import named_as, normalized_state
from tap_sfbulk.stream import SalesforceStream
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

    from sfbulk import SObjectDescribe
    from tap_sfbulk.plan import StreamRequest
    from tap_sfbulk.query_settings import QuerySettings
    from tap_sfbulk.sources import StreamSource


_TOGETHER_SECONDS = 1.0
"""A terminal signals a whole pipeline at once, and what runs the pipeline each process again."""


class TapSfbulk(SfbulkPlugin, Tap):
    """Reads Salesforce objects through bulk query jobs."""

    name = "tap-sfbulk"
    own_errors = (StreamsFailed, SpoolFailed)
    dynamic_catalog = True
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    message_writer_class: type[GenericSingerWriter[Any, Any]] = PageWriter
    _is_state_loaded = False
    _second_look: threading.Timer | None = None
    _stopped: float | None = None

    def __init__(self, *, catalog: Any = None, **given: Any) -> None:
        # The SDK's own class is a mapping too.
        if isinstance(catalog, Mapping) and not isinstance(catalog, Catalog):
            catalog = normalized_catalog(catalog)
        super().__init__(catalog=catalog, **given)
        self.is_ready = True

    @cached_property
    def salesforce(self) -> Salesforce:
        """The org; the first call signs in to it."""
        return Salesforce.from_settings(self.client_settings)

    @cached_property
    def run(self) -> Run:
        """The run over the streams that are selected when the first of them is read."""
        run = Run(
            self.salesforce,
            self.clock,
            RunOptions.parse(self.config),
            self._requests,
        )
        # Whatever ends the command, also between two streams: no job is left behind.
        if command := click.get_current_context(silent=True):
            command.call_on_close(run.close)
        return run

    def _requests(self) -> list[StreamRequest]:
        """What is asked for by the selected streams, in the order in which the SDK reads them."""
        requests = []
        for each in self._salesforce_streams:
            # What goes wrong is raised again when the stream is read.
            with contained(each.name):
                if each.selected:
                    requests.append(each.request)
        return requests

    @property
    def _salesforce_streams(self) -> list[SalesforceStream]:
        """The streams in the order in which the SDK reads them."""
        return [each for each in self.streams.values() if isinstance(each, SalesforceStream)]

    def discover_streams(self) -> Sequence[SalesforceStream]:
        """A stream per object and query of the settings that the catalog, if given, selects.

        Raises:
            ConfigError: If a setting names an object, field or option that does not exist.
            StreamsFailed: If no object at all can be described.
        """
        wanted = self.config.get("streams_to_discover")
        names = objects_to_read(
            self.salesforce.describe_global(), wanted, self.config.get("exclude_streams") or ()
        )
        if self.input_catalog is None:
            self.run.failures.allow(not_named(names, wanted))
        files = file_streams(names) if self.config.get("files_dir") else {}
        queries = parse_queries(self.config.get("queries") or ())
        known = [*names, *files, *(query.name for query in queries)]
        stream_options = self.config.get("stream_options") or {}
        problems: list[str] = []
        with collecting(problems):
            check_query_names(queries, [*names, *files])
        with collecting(problems):
            check_option_names(known, stream_options)
        with collecting(problems):
            check_query_options(queries, stream_options)
        given = {name: merged(name, stream_options) for name in known}
        options = {name: StreamOptions.parse(given[name], self.config) for name in known}
        with collecting(problems):
            sources = self._sources(names, files, queries, options)
        if problems:
            raise ConfigError(problems)
        streams: list[SalesforceStream] = []
        for each in sources:
            with contained(each.name, partial(self.run.failures.not_described, each.name)):
                make = self._file_stream if each.name in files else self._row_stream
                streams.append(make(each, options[each.name]))
        return streams

    def _row_stream(self, source: StreamSource, options: StreamOptions) -> SalesforceStream:
        return SalesforceStream(self, self.run, source, options)

    def _file_stream(self, source: StreamSource, options: StreamOptions) -> FileStream:
        folder = Path(self.config["files_dir"])
        contents = Contents(self.salesforce, source.sobject.name, folder)
        return FileStream(self, self.run, source, options, contents)

    def _sources(
        self,
        names: Sequence[str],
        files: Mapping[str, str],
        queries: Sequence[QuerySettings],
        options: Mapping[str, StreamOptions],
    ) -> list[StreamSource]:
        """What the selected streams read.

        Args:
            names: The objects that are read.
            files: The object of each stream of files, by the stream's name.
            queries: The custom queries.
            options: Of each stream.

        Raises:
            ConfigError: If a setting names a field that does not exist; all problems at once.
            StreamsFailed: If no object at all can be described.
        """
        selected = self._selected_by_catalog(list(options))
        chosen = {name: files[name] for name in selected if name in files}
        needed = {*selected, *chosen.values()}
        described = self._describe([name for name in names if name in needed])
        if names and not described:
            self.run.failures.raise_at_end()
        paths = FieldPaths(self.salesforce.describe_many, described)
        rows = [sobject for sobject in described if sobject.name in selected]
        problems: list[str] = []
        sources: list[StreamSource] = []
        with collecting(problems):
            check_replication_keys(
                described, {name: each.replication_key for name, each in options.items()}
            )
        with collecting(problems):
            sources += object_sources(rows, options, paths, self.run.failures.not_described)
        with collecting(problems):
            sources += query_sources([q for q in queries if q.name in selected], paths)
        if problems:
            raise ConfigError(problems)
        sources += file_sources(chosen, described, options)
        decimals_as_text = self.config.get("use_singer_decimal")
        return [each.with_decimal_texts if decimals_as_text else each for each in sources]

    def _describe(self, names: Sequence[str]) -> list[SObjectDescribe]:
        """The objects that can be described; the others have failed."""
        described = []
        for name, answer in self.salesforce.describe_many(names).items():
            if isinstance(answer, SalesforceError):
                self.run.failures.not_described(name, answer)
            else:
                # The name in the list is the stream's, should the describe spell it otherwise.
                described.append(replace(answer, name=name))
        return described

    def _selected_by_catalog(self, names: Sequence[str]) -> list[str]:
        """Those names that the catalog given selects; all of them without one."""
        if self.input_catalog is None:
            return list(names)
        selected = [
            name
            for name, entry in self.input_catalog.items()
            if entry.metadata.resolve_selection().get((), True)
        ]
        for name in selected:
            if name not in names:
                reason = (
                    "The catalog selects it, but the org has no such object, or the settings "
                    f"leave it out{did_you_mean(name, names)}. Deselect it, or discover again."
                )
                self.run.failures.not_described(name, ConfigError([reason]))
        return [name for name in names if name in selected]

    def setup_mapper(self) -> None:
        """Set up stream maps over the schemas of the streams.

        The SDK's tap takes those of the catalog, which it reduces to the words of JSON Schema, and
        prunes them by marks that a catalog from elsewhere need not have.
        """
        super(Tap, self).setup_mapper()
        for name in unknown_maps(self.config.get("stream_maps") or {}, self.streams):
            self.logger.warning("stream_maps, %s: no such stream is read.", name)
        for stream in self._salesforce_streams:
            self.mapper.register_raw_stream_schema(
                stream.name, stream.selected_schema, stream.primary_keys
            )

    @property
    def catalog_dict(self) -> dict[str, Any]:
        """The catalog as the SDK has it, with what Salesforce says of each field."""
        catalog = super().catalog_dict
        for entry in catalog["streams"]:
            own = self.streams[entry["tap_stream_id"]].schema
            entry["schema"] = annotated(entry["schema"], own)
        return catalog

    def load_state(self, state: dict[str, Any]) -> None:
        """Take over the state given; from then on a signal writes the state of this run.

        Raises:
            ConfigError: The state has none of the known forms.
        """
        try:
            normalized = normalized_state(state)
        except ValueError as error:
            raise ConfigError([f"The state is not understood: {error}."]) from None
        # Without bookmarks there is no reason to ask the org for its objects yet.
        streams = self.streams if normalized["bookmarks"] else ()
        super().load_state(named_as(normalized, streams))
        self._is_state_loaded = True

    def run_discovery(self) -> str:
        """Print the catalog of all objects that can be described, and return it.

        Raises:
            StreamsFailed: After that, if one that is named cannot. Others are warnings, since
                Meltano discards the catalog of a discovery that fails.
        """
        printed = super().run_discovery()
        self.run.failures.raise_for_failed()
        return printed

    def own_problems(self) -> Sequence[str]:
        """What the JSON Schema cannot find in the tap's own settings, one sentence each."""
        return own_problems(of_right_type(self.config, self.config_jsonschema))

    def answer_signal(self, signum: int) -> None:
        """Stop at the end of the line that is being written, if its reader takes it.

        Raises:
            SystemExit: With code 1; the state is written, unless the reader has stopped reading.
        """
        name, writer = signal.Signals(signum).name, self.message_writer
        if self._stopped is not None:
            self._hurry(name, self._stopped)
            return
        if not isinstance(writer, PageWriter):
            self._stop(name)
            return
        if writer.is_stuck(self.clock.monotonic()):
            self._give_up(name, writer)
        if self._second_look:
            self._second_look.cancel()
        self._second_look = send_again(signum, writer.patience_seconds)
        writer.between_lines(partial(self._stop, name))

    def _give_up(self, signal_name: str, writer: PageWriter) -> None:
        """End within a line that nobody reads; jobs end while the exception unwinds.

        Raises:
            SystemExit: With code 1.
        """
        self._stopped = self.clock.monotonic()
        writer.give_up()
        self.logger.error(
            "Stopped by %s, within a line: nothing has read this command's output for %d seconds.",
            signal_name,
            writer.patience_seconds,
        )
        raise SystemExit(1)

    def _stop(self, signal_name: str) -> None:
        """Write the state and end; jobs are aborted while the exception unwinds.

        Raises:
            SystemExit: With code 1.
        """
        self._stopped = self.clock.monotonic()
        # An empty state that is written before the given one is loaded would replace that one.
        if self._is_state_loaded:
            self.state_writer.write_state(self.state)
        if self._second_look:
            self._second_look.cancel()
        self.logger.error("Stopped by %s. Run again from the last state to go on.", signal_name)
        raise SystemExit(1)

    def _hurry(self, signal_name: str, stopped: float) -> None:
        """End the process while it still aborts jobs, if the signal is not a copy of the first."""
        if self.clock.monotonic() - stopped < _TOGETHER_SECONDS:
            return
        self.logger.error(
            "%s again: stopped at once. Jobs may still run in the org: see "
            "`sfbulk jobs list --mine`.",
            signal_name,
        )
        os._exit(1)

    @classmethod
    def invoke(
        cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any
    ) -> None:
        """The SDK's run, once `--state` and `--catalog` are known to be sound."""
        if catalog is not None:
            check_catalog(catalog)
        state = None if state is None else normalized_state_file(state)
        super().invoke(state=state, catalog=catalog, **options)

    @classmethod
    def cb_test(cls, ctx: click.Context, param: click.Option, value: str) -> None:
        """The SDK's `--test`, which applies stream maps itself."""
        with explained_map_errors():
            super().cb_test(ctx, param, value)
