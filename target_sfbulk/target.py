"""The target: its settings, reader and sinks, and how a run ends."""

from __future__ import annotations

import math
import signal
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, cast

import click
from singer_sdk import Target
from singer_sdk.exceptions import (
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
)
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.mapper import PluginMapper, RemoveRecordTransform
from singer_sdk.singerlib.exceptions import SingerError

from sfbulk.error_text import add_note, one_line
from sfbulk.report_page import Ending
from sfbulk_singer.plugin import SfbulkPlugin
from sfbulk_singer.stream_maps import explained_map_errors
from target_sfbulk.batch_files import BatchFileError, batch_records
from target_sfbulk.fed_rejects import RejectsFileError
from target_sfbulk.feed import Feed
from target_sfbulk.interrupts import Interrupts
from target_sfbulk.journal import status_lines
from target_sfbulk.preflight import PreflightError
from target_sfbulk.problems import own_problems
from target_sfbulk.reader import ExactReader
from target_sfbulk.run import Run
from target_sfbulk.run_reports import AccountsError, RejectBudgetError
from target_sfbulk.settings import SDK_SETTINGS, SETTINGS, with_defaults
from target_sfbulk.sinks import SfbulkSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum

_INPUT_ERRORS = (
    BatchFileError,
    MapExpressionError,
    MissingKeyPropertiesError,
    RecordsWithoutSchemaException,
    SingerError,
)
"""The input is wrong from some line on; what stands before it is as good as ever."""


class TargetSfbulk(SfbulkPlugin, Target):
    """Loads Singer streams into Salesforce through bulk ingest jobs."""

    name = "target-sfbulk"
    own_errors = (
        AccountsError,
        RejectsFileError,
        PreflightError,
        RejectBudgetError,
        BatchFileError,
        SingerError,
    )
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    sdk_settings = SDK_SETTINGS
    default_sink_class = SfbulkSink
    message_reader_class = ExactReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
        PluginCapabilities.BATCH,
    ]

    # The SDK's own draining has nothing to do here: no sink has rows of its own.
    _MAX_RECORD_AGE_IN_MINUTES = math.inf

    def __init__(
        self, *, rejects: Sequence[Path] = (), rejects_run: str | None = None, **options: Any
    ) -> None:
        super().__init__(**options)
        self.feed: Feed | None = None
        if rejects:
            output = Path(with_defaults(self.config)["output_dir"])
            self.feed = Feed(rejects, rejects_run, output)
            # Rejected records have been through the stream maps already.
            self.mapper = PluginMapper(plugin_config={}, logger=self.logger)
        self._incremental: dict[str, bool] = {}
        self._signal = "A signal"
        self._reader = cast("ExactReader", self.message_reader)
        interrupts = Interrupts(self._stop, self._clear_terminal)
        self.run = Run(
            self.config,
            self.client_settings,
            interrupts,
            self._reader,
            self.clock,
            feed=self.feed,
        )
        self._reader.while_waiting = self.run.while_waiting
        self._reader.failed = self._failed
        self.is_ready = True

    def process_endofpipe(self) -> None:
        """API call: load the remaining rows, write STATE and the reports.

        Raises:
            AccountsError: The outcomes are not as many as the records.
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
        """
        self.run.warn_of_unused_settings()
        try:
            self.run.finish(at_the_end=True)
            self.run.reports.check_budget(at_the_end=True)
            self.run.reports.check_accounts()
            # All is loaded, and a signal within the SDK's end of the sinks would call it again.
            with self.run.interrupts:
                self._end_reports(Ending.complete(self.run.reports.refused))
                self.run.interrupts.complete()
            self.run.end()
        except Exception as error:
            self._failed(error)
            raise
        finally:
            # What is closed could not be finished for a signal.
            self.run.interrupts.complete()
            self.run.close()

    def _stop(self) -> str:
        """End the run for a signal; a text says how far it came."""
        self.run.stop(at_once=False)
        self._end_reports(Ending.stopped(self._signal))
        return self.run.position()

    def _failed(self, error: Exception) -> None:
        """End the run for an error, which then says how far it came."""
        try:
            # Other errors are of the settings or of Salesforce, where no further job may succeed.
            if isinstance(error, _INPUT_ERRORS):
                self.run.stop(at_once=True)
            else:
                self.run.halt()
        except Exception as later:  # noqa: BLE001 - `error` is the one that ends the run
            if later is not error:
                self.logger.error("%s", one_line(later))  # noqa: TRY400 - the reason comes last
        try:
            self._end_reports(Ending.failed(one_line(error)))
        except OSError as later:
            # A full disk is full for the reports too.
            self.logger.warning("The reports are incomplete: %s", one_line(later))
        add_note(error, self.run.position())

    def _end_reports(self, ending: Ending) -> None:
        # First, so that whatever fails here fails on a clean terminal.
        self._clear_terminal()
        # Ends the SDK's metrics of each sink.
        self.drain_all(is_endofpipe=True)
        # First: what fails below is an error of the run, which the page then has.
        self.run.reports.write_page(ending, self.run.position)
        self.run.reports.write()

    def _clear_terminal(self) -> None:
        self.run.progress.close()

    def own_problems(self) -> Sequence[str]:
        """What the JSON Schema cannot find in the target's own settings, one sentence each."""
        return own_problems(self.config)

    def answer_signal(self, signum: int) -> None:
        """Finish what was read, then stop; on a second signal, stop immediately.

        Raises:
            SystemExit: With code 1; the reason is logged.
        """
        self._signal = signal.Signals(signum).name
        self.run.interrupts.arrived(signum)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command with the options `--journal`, `--rejects` and `--rejects-run`."""
        command = super().get_singer_command()
        command.params += [
            click.Option(
                ["--journal"],
                type=click.Choice(["status"]),
                help="Print what the journal has, and end.",
            ),
            click.Option(
                ["--rejects"],
                multiple=True,
                type=click.Path(path_type=Path, exists=True, dir_okay=False),
                help="A rejects file, or a CSV file of rejects, to load again instead of messages"
                " from standard in. May be given several times.",
            ),
            click.Option(
                ["--rejects-run"],
                help="With --rejects: only the rejects of the run with this id, or `all`. Without"
                " it, all of a CSV file, and of a rejects file those of the last run.",
            ),
        ]
        return command

    @classmethod
    def invoke(
        cls,
        *,
        journal: str | None = None,
        rejects: Sequence[Path] = (),
        rejects_run: str | None = None,
        **options: Any,
    ) -> None:
        """Run the target, or print the status of its journal.

        Raises:
            JournalError: The journal cannot be read.
            RejectsFileError: A file of rejects cannot be loaded again.
            UsageError: The options do not fit together.
        """
        if rejects_run and not rejects:
            raise click.UsageError("--rejects-run needs --rejects.")
        if rejects and options.get("file_input"):
            raise click.UsageError("--rejects and --input exclude each other.")
        if journal is None and not rejects:
            super().invoke(**options)
            return
        given = options.get("config")
        target = cls(
            config=given and given.config,
            parse_env_config=bool(given and given.parse_env),
            rejects=rejects,
            rejects_run=rejects_run,
        )
        if journal is None:
            target.listen(cast("IO[str]", target.feed))
            return
        for line in status_lines(with_defaults(target.config)):
            click.echo(line)

    # The SDK would read the value, write it again, and only after all sinks were drained. The
    # method is one that it lets a reader of messages define, like those for the other types.
    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        self.run.state(bytes(message_dict["value"]))

    # The SDK does not pass on the version.
    def _process_record_message(self, message_dict: dict[str, Any]) -> None:
        self.run.version = message_dict.get("version")
        with explained_map_errors():
            super()._process_record_message(message_dict)

    # The SDK does not pass on the bookmark properties.
    def _process_schema_message(self, message_dict: dict[str, Any]) -> None:
        is_incremental = bool(message_dict.get("bookmark_properties"))
        self._incremental[message_dict["stream"]] = is_incremental
        super()._process_schema_message(message_dict)

    # The SDK would log that it adds properties to the records.
    def _process_activate_version_message(self, message_dict: dict[str, Any]) -> None:
        stream, version = message_dict["stream"], message_dict["version"]
        for stream_map in self.mapper.stream_maps[stream]:
            # The map leaves its records out, which does not make it an empty table.
            if isinstance(stream_map, RemoveRecordTransform):
                continue
            sink = cast("SfbulkSink", self.get_sink(stream_map.stream_alias))
            sink.activate(version, is_incremental=self._incremental[stream])

    # The SDK would pass all records of a file to a sink at once, past the stream maps.
    def _process_batch_message(self, message_dict: dict[str, Any]) -> None:
        records = batch_records(
            message_dict["encoding"], message_dict["manifest"], self.config.get("spool_dir")
        )
        try:
            for place, record in records:
                self._process_batch_record({**message_dict, "record": record}, place)
        except BatchFileError as error:
            line, stream = self._reader.line, message_dict["stream"]
            raise BatchFileError(
                f"Line {line} of the input, a BATCH message of stream `{stream}`: {error}"
            ) from error

    def _process_batch_record(self, message: dict[str, Any], place: str) -> None:
        try:
            self._process_record_message(message)
        except (MapExpressionError, MissingKeyPropertiesError) as error:
            raise type(error)(f"{place}: {error}") from None

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings for stream maps and flattening.

        The SDK's other settings of a target have no effect here: record metadata, load method,
        batch size, schema validation, and how BATCH files are written.
        """
        super(Target, cls).append_builtin_config(config_jsonschema)
