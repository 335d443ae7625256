"""The tap: its settings, the objects it discovers, and how a run ends."""

from __future__ import annotations

import signal
from functools import cached_property, partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar

from singer_sdk import Tap
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError

from sfbulk import Salesforce
from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import ConfigError, SalesforceError
from sfbulk.problems import collecting
from sfbulk.settings import Settings, parse_settings
from sfbulk_singer.command import ErrorLineCommand, one_line, require_json_object
from sfbulk_singer.names import did_you_mean
from sfbulk_singer.signals import between_log_lines
from tap_sfbulk.discovery import objects_to_read, options_for
from tap_sfbulk.input_files import check_file
from tap_sfbulk.plan import Bounds, parse_instant
from tap_sfbulk.schema import is_replication_key
from tap_sfbulk.settings import SETTINGS, own_problems
from tap_sfbulk.stream import SObjectStream
from tap_sfbulk.writer import PageWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime, timedelta
    from types import FrameType

    import click
    from singer_sdk.singerlib.encoding.base import GenericSingerWriter

    from sfbulk import SObjectDescribe
    from sfbulk.clock import Clock


class StreamsBroken(Exception):  # noqa: N818 - says what happened to the run
    """Some streams could not be read; the others were read to their end."""

    def __init__(self, reasons: Mapping[str, Exception]) -> None:
        told = "; ".join(f"{name}: {one_line(reason)}" for name, reason in reasons.items())
        super().__init__(
            f"{len(reasons)} stream{'s' * (len(reasons) > 1)} could not be read. {told}"
        )


EXPECTED_ERRORS = (
    SalesforceError,
    StreamsBroken,
    SingerSDKError,
    OSError,
)
"""Errors whose text tells a user what happened and what to do."""


class TapSfbulk(Tap):
    """Reads Salesforce objects through bulk query jobs."""

    name = "tap-sfbulk"
    package_name = "sfbulk"
    dynamic_catalog = True
    config_jsonschema: ClassVar[dict[str, Any]] = SETTINGS
    message_writer_class: type[GenericSingerWriter[Any, Any]] = PageWriter
    clock: Clock = SYSTEM_CLOCK

    @cached_property
    def client_settings(self) -> Settings:
        """The client's part of the settings; parsed once, which opens a key file once."""
        return parse_settings(self.config)

    @cached_property
    def salesforce(self) -> Salesforce:
        """The org; the first call signs in to it."""
        return Salesforce.from_settings(self.client_settings)

    @cached_property
    def _broken(self) -> dict[str, Exception]:
        return {}

    def break_stream(self, name: str, reason: Exception) -> None:
        """Note that a stream cannot be read; the run goes on and fails at its end."""
        self.logger.error("%s: %s", name, one_line(reason))
        self._broken[name] = reason

    def raise_for_broken_streams(self) -> None:
        """Raise if a stream could not be read.

        Raises:
            StreamsBroken: Naming each of them with its reason.
        """
        if self._broken:
            raise StreamsBroken(self._broken)

    def bounds(self, lookback: timedelta) -> Bounds:
        """What limits a window that is planned now, by the server's clock."""
        return Bounds(
            now=self.salesforce.server_time(),
            start=self._instant("start_date"),
            end=self._instant("end_date"),
            lookback=lookback,
        )

    def _instant(self, setting: str) -> datetime | None:
        text = self.config.get(setting)
        return parse_instant(text) if text else None

    def discover_streams(self) -> Sequence[SObjectStream]:
        """A stream per object that the settings name and, if one is given, the catalog selects.

        Raises:
            ConfigError: If a setting names an object, field or option that does not exist.
            StreamsBroken: If no object at all can be described.
        """
        names = objects_to_read(
            self.salesforce.describe_global(),
            self.config.get("streams_to_discover"),
            self.config.get("exclude_streams") or (),
        )
        options = options_for(names, self.config.get("stream_options") or {})
        answers = self.salesforce.describe_many(self._in_catalog(names))
        described = []
        for name, answer in answers.items():
            if isinstance(answer, SalesforceError):
                self.break_stream(name, answer)
            else:
                described.append(answer)
        if not described:
            self.raise_for_broken_streams()
        _check_replication_keys(described, options)
        return [SObjectStream(self, sobject, options[sobject.name]) for sobject in described]

    def _in_catalog(self, names: Sequence[str]) -> list[str]:
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
                self.break_stream(name, ConfigError([reason]))
        return [name for name in names if name in selected]

    def setup_mapper(self) -> None:
        """Set up stream maps once the catalog given is completed.

        The SDK prunes the schemas here; the streams first mark in the same catalog what is
        always read and what bulk cannot select.
        """
        for stream in self.streams.values():
            _ = stream.metadata
        super().setup_mapper()

    def run_discovery(self) -> str:
        """Print the catalog of all objects that can be described, and return it.

        Raises:
            StreamsBroken: After that, if others cannot.
        """
        printed = super().run_discovery()
        self.raise_for_broken_streams()
        return printed

    # The SDK's only place between its own check of the settings and the first request. A
    # test fails when the SDK stops calling it.
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        errors: list[str] = []
        with collecting(errors):
            _ = self.client_settings
        errors += own_problems(super()._validate_config(raise_errors=False), self.config)
        if errors and raise_errors:
            summary = "The settings are wrong: " + " ".join(errors)
            # One entry: the SDK's discovery logs each on a line of its own, and the last
            # line must name all of them.
            raise ConfigValidationError(summary, errors=[summary], schema=self.config_jsonschema)
        return errors

    # The SDK registers this for SIGINT and SIGTERM; its own would write a state between two
    # halves of a line and call the half run a success.
    @between_log_lines
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002
        stop = partial(self._stop, signal.Signals(signum).name)
        if isinstance(self.message_writer, PageWriter):
            self.message_writer.between_lines(stop)
        else:
            stop()

    def _stop(self, signal_name: str) -> None:
        """Write the state and end; jobs are aborted while the exception unwinds.

        Raises:
            SystemExit: With code 1.
        """
        # Before the given state is loaded there is none, and an empty one would wipe it out.
        if self.state:
            self.state_writer.write_state(self.state)
        self.logger.error("Stopped by %s. Run again from the last state to go on.", signal_name)
        raise SystemExit(1)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """The SDK's reading of `--config`, once each file is known to be JSON."""
        for path in value:
            if path != "ENV" and Path(path).is_file():
                require_json_object(f"--config {path}", Path(path).read_text("utf-8"))
        return super().cb_config(ctx, param, value)

    @classmethod
    def invoke(
        cls, *, state: IO[str] | None = None, catalog: IO[str] | None = None, **options: Any
    ) -> None:
        """The SDK's run, once `--state` and `--catalog` are known to be sound."""
        for option, file in (("--state", state), ("--catalog", catalog)):
            if file is not None:
                check_file(option, file)
        super().invoke(state=state, catalog=catalog, **options)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command, whose every failure is one ERROR line and exit code 1."""
        return ErrorLineCommand.like(
            super().get_singer_command(), logger=cls.logger, expected=EXPECTED_ERRORS
        )


def _check_replication_keys(
    described: Sequence[SObjectDescribe], options: Mapping[str, Mapping[str, Any]]
) -> None:
    problems = []
    for sobject in described:
        key = options[sobject.name].get("replication_key")
        field = sobject.field(key) if key else None
        if key and (field is None or not is_replication_key(field)):
            stamps = [f.name for f in sobject.fields if is_replication_key(f)]
            problems.append(
                f"stream_options: {sobject.name}.{key} is not a date/time field that a query can "
                f"filter by{did_you_mean(key, stamps)}. Choose one of: {', '.join(stamps)}."
            )
    if problems:
        raise ConfigError(problems)
