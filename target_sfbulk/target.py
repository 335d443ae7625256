"""The target: settings, reader, sinks, and how a run ends."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk import Target
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.helpers.capabilities import PluginCapabilities
from singer_sdk.singerlib.exceptions import SingerError

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import SalesforceError
from sfbulk.problems import collecting
from sfbulk.settings import Settings, parse_settings
from sfbulk_singer.command import ErrorLineCommand, require_json_object
from sfbulk_singer.signals import between_log_lines
from target_sfbulk.interrupts import Interrupts
from target_sfbulk.preflight import PreflightError
from target_sfbulk.problems import own_problems
from target_sfbulk.reader import BatchMessageError, ExactReader
from target_sfbulk.run import RejectBudgetError, Run
from target_sfbulk.settings import SETTINGS
from target_sfbulk.sinks import SfbulkSink

if TYPE_CHECKING:
    from types import FrameType

    import click
    from singer_sdk.helpers.capabilities import CapabilitiesEnum

    from sfbulk.clock import Clock

EXPECTED_ERRORS = (
    SalesforceError,
    PreflightError,
    RejectBudgetError,
    BatchMessageError,
    SingerError,
    SingerSDKError,
    OSError,
)
"""Errors whose text tells a user what happened and what to do."""


class TargetSfbulk(Target):
    """Loads Singer streams into Salesforce through bulk ingest jobs."""

    name = "target-sfbulk"
    package_name = "sfbulk"
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    default_sink_class = SfbulkSink
    message_reader_class = ExactReader
    clock: Clock = SYSTEM_CLOCK
    capabilities: ClassVar[list[CapabilitiesEnum]] = [
        PluginCapabilities.ABOUT,
        PluginCapabilities.STREAM_MAPS,
        PluginCapabilities.FLATTENING,
        PluginCapabilities.STRUCTURED_LOGGING,
    ]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        # One stream at a time, in order: children find the parents sent before them.
        self.max_parallelism = 1
        self.run = Run(self.config, self.client_settings, Interrupts(self._finish), self.clock)

    @cached_property
    def client_settings(self) -> Settings:
        """The client's part of the settings; parsed once, which opens a key file once."""
        return parse_settings(self.config)

    def process_endofpipe(self) -> None:
        """API call: load what is left, write STATE, and sum up.

        Raises:
            RejectBudgetError: More rows were rejected than `max_rejects` allows.
        """
        self._finish()
        self.run.check_budget(at_the_end=True)

    def _finish(self) -> None:
        self.drain_all(is_endofpipe=True)
        self.run.write_reports()

    # The SDK's only place between its own check of the settings and the first request. A
    # test fails when the SDK stops calling it.
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        errors: list[str] = []
        with collecting(errors):
            _ = self.client_settings
        errors += own_problems(super()._validate_config(raise_errors=False), self.config)
        if errors and raise_errors:
            summary = "The settings are wrong: " + " ".join(errors)
            raise ConfigValidationError(summary, errors=errors, schema=self.config_jsonschema)
        return errors

    # A signal must not be answered, nor another STATE be written, while one is half out.
    def _write_state_message(self, state: dict[str, Any]) -> None:
        with self.run.interrupts:
            super()._write_state_message(state)

    # The SDK registers this for SIGINT and SIGTERM; its own would drain in the middle of a
    # row or of another drain, and call the half run a success.
    @between_log_lines
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        self.run.interrupts.arrived(signum)

    @classmethod
    def append_builtin_config(cls, config_jsonschema: dict[str, Any]) -> None:
        """Add the SDK's settings for stream maps and flattening.

        Not the other ones of a target: record metadata, load method, batch size and schema
        validation would do nothing here.
        """
        super(Target, cls).append_builtin_config(config_jsonschema)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """The SDK's reading of `--config`, once each file is known to be JSON."""
        for path in value:
            if path != "ENV" and Path(path).is_file():
                require_json_object(f"--config {path}", Path(path).read_text("utf-8"))
        return super().cb_config(ctx, param, value)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, whose every failure is one ERROR line and exit code 1."""
        return ErrorLineCommand.like(
            super().get_singer_command(), logger=cls.logger, expected=EXPECTED_ERRORS
        )
