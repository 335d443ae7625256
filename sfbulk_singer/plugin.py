"""What the plugins of both connectors do alike: read settings, answer signals, end a command."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import PluginBase

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import SalesforceError
from sfbulk.problems import collecting
from sfbulk.settings import CLIENT_SETTINGS, Settings, parse_settings
from sfbulk_singer.command import ErrorLineCommand
from sfbulk_singer.json_files import json_object
from sfbulk_singer.signals import between_log_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    import click

    from sfbulk.clock import Clock


class SfbulkPlugin(PluginBase):
    """Stands before the SDK's `Tap` or `Target` among the base classes of a plugin.

    Attributes:
        own_errors: The plugin's errors whose text tells a user what happened and what to do.
    """

    package_name = "sfbulk"
    own_errors: ClassVar[tuple[type[Exception], ...]] = ()
    clock: Clock = SYSTEM_CLOCK

    @property
    def config(self) -> Mapping[str, Any]:
        """The settings that are given; one that is null means its default, for the SDK's too."""
        return {name: value for name, value in super().config.items() if value is not None}

    @cached_property
    def client_settings(self) -> Settings:
        """The client's part of the settings; parsed once, which opens a key file once."""
        return parse_settings(self.config)

    @abstractmethod
    def own_problems(self) -> Sequence[str]:
        """What the JSON Schema cannot find in the plugin's own settings, one sentence each."""

    @abstractmethod
    def answer_signal(self, signum: int) -> None:
        """End the run as SIGINT or SIGTERM asks; called between two lines of the log."""

    # The SDK's only place between its own check of the settings and the first request. A
    # test fails when the SDK stops calling it.
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        errors: list[str] = []
        with collecting(errors):
            _ = self.client_settings
        errors += _without_the_client_s(super()._validate_config(raise_errors=False))
        errors += self.own_problems()
        if errors and raise_errors:
            summary = "The settings are wrong: " + " ".join(errors)
            # One entry: the SDK's discovery logs each on a line of its own, and the last
            # line must name all of them.
            raise ConfigValidationError(summary, errors=[summary], schema=self.config_jsonschema)
        return errors

    # The SDK registers this for SIGINT and SIGTERM. Its own would write a state, or load rows,
    # in the middle of a line or of a row, and call the half run a success.
    @between_log_lines
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        self.answer_signal(signum)

    @classmethod
    def cb_config(cls, ctx: click.Context, param: click.Option, value: tuple[str, ...]) -> Any:
        """The SDK's reading of `--config`, once each file is known to be a JSON object."""
        for path in value:
            if path != "ENV" and Path(path).is_file():
                with Path(path).open(encoding="utf-8") as file:
                    json_object(f"--config {path}", file)
        return super().cb_config(ctx, param, value)

    @classmethod
    def get_singer_command(cls) -> click.Command:
        """The SDK's command; every failure is one ERROR line and exit code 1."""
        return ErrorLineCommand.like(
            super().get_singer_command(),
            logger=cls.logger,
            expected=(SalesforceError, SingerSDKError, OSError, *cls.own_errors),
        )


def _without_the_client_s(schema_errors: Sequence[str]) -> list[str]:
    # The client says more about its own settings, and without quoting their values. Null is
    # a choice of every optional setting, but not one to suggest.
    return [
        error.rstrip(".").replace(", None]", "]") + "."
        for error in schema_errors
        if not any(f"['{name}']" in error for name in CLIENT_SETTINGS)
    ]
