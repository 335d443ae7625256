"""The target: its settings, reader and sinks, and how a run ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import click
from singer_sdk import Target
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.singerlib.exceptions import SingerError

from sfbulk_singer.plugin import SfbulkPlugin
from target_sfbulk.interrupts import Interrupts
from target_sfbulk.journal import status_lines
from target_sfbulk.preflight import PreflightError
from target_sfbulk.problems import own_problems
from target_sfbulk.reader import BatchMessageError, ExactReader
from target_sfbulk.run import RejectBudgetError, Run
from target_sfbulk.settings import SETTINGS, with_defaults
from target_sfbulk.sinks import SfbulkSink

if TYPE_CHECKING:
    from collections.abc import Sequence

    from singer_sdk.helpers.capabilities import CapabilitiesEnum


class TargetSfbulk(SfbulkPlugin, Target):
    """Loads Singer streams into Salesforce through bulk ingest jobs."""

    name = "target-sfbulk"
    own_errors = (PreflightError, RejectBudgetError, BatchMessageError, SingerError)
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    default_sink_class = SfbulkSink
    message_reader_class = ExactReader
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # One stream at a time, in order: children need the parents that were sent before them.
        self.max_parallelism = 1
        self.run = Run(self.config, self.client_settings, Interrupts(self._finish), self.clock)

    def process_endofpipe(self) -> None:
        """API call: load the remaining rows, write STATE and the reports.

        Raises:
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
        """
        self.run.warn_of_unused_settings()
        try:
            self._finish()
            self.run.check_budget(at_the_end=True)
            self.run.end()
        finally:
            self.run.close()

    def _finish(self) -> None:
        self.drain_all(is_endofpipe=True)
        self.run.write_reports()

    def own_problems(self) -> Sequence[str]:
        """What the JSON Schema cannot find in the target's own settings, one sentence each."""
        return own_problems(self.config)

    def answer_signal(self, signum: int) -> None:
        """Finish what was read, then stop; on a second signal, stop immediately.

        Raises:
            SystemExit: With code 1; the reason is logged.
        """
        self.run.interrupts.arrived(signum)

    # A signal waits until the line is written: it would end the process within the line, or write
    # another STATE into it.
    def _write_state_message(self, state: dict[str, Any]) -> None:
        # Nothing is loaded by a dry run, so the next run must read the same records.
        if self.run.dry_run:
            return
        with self.run.interrupts:
            super()._write_state_message(state)
            self.run.covered()

    def _process_state_message(self, message_dict: dict[str, Any]) -> None:
        super()._process_state_message(message_dict)
        self.run.mark()

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command with the option `--journal`."""
        command = super().get_singer_command()
        command.params.append(
            click.Option(
                ["--journal"],
                type=click.Choice(["status"]),
                help="Print what the journal has, and end.",
            )
        )
        return command

    @classmethod
    def invoke(cls, *, journal: str | None = None, **options: Any) -> None:
        """Run the target, or print the status of its journal.

        Raises:
            JournalError: The journal cannot be read.
        """
        if journal is None:
            super().invoke(**options)
            return
        given = options.get("config")
        target = cls(
            config=given and given.config, parse_env_config=bool(given and given.parse_env)
        )
        for line in status_lines(with_defaults(target.config)):
            click.echo(line)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings for stream maps and flattening.

        The SDK's other settings of a target have no effect here: record metadata, load method,
        batch size and schema validation.
        """
        super(Target, cls).append_builtin_config(config_jsonschema)
