"""What the plugins of both connectors do alike: read settings, answer signals, end a command."""

from __future__ import annotations

from abc import abstractmethod
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from singer_sdk.configuration._dict_config import parse_environment_config
from singer_sdk.exceptions import ConfigValidationError, SingerSDKError
from singer_sdk.plugin_base import PluginBase

from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.error_line import ErrorLineCommand
from sfbulk.errors import SalesforceError
from sfbulk.problems import collecting
from sfbulk.settings import CLIENT_SETTINGS, Settings, parse_settings
from sfbulk.start import end_now
from sfbulk_singer.json_files import json_object
from sfbulk_singer.sdk_settings import OF_LOADERS, refused_settings, unused_settings
from sfbulk_singer.setting_forms import in_own_types
from sfbulk_singer.signals import between_log_lines
from sfbulk_singer.stream_maps import else_problems, map_problems
from sfbulk_singer.unknown_settings import unknown_settings, unknown_variables

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

    import click

    from sfbulk.clock import Clock
    from sfbulk_singer.sdk_settings import SdkSetting


class SfbulkPlugin(PluginBase):
    """Stands before the SDK's `Tap` or `Target` among the base classes of a plugin.

    Attributes:
        own_errors: The plugin's errors whose text tells a user what happened and what to do.
        sdk_settings: The settings of the SDK that it does not have, by name.
        is_ready: Whether it is built completely, so that it can answer a signal.
    """

    package_name = "sfbulk"
    own_errors: ClassVar[tuple[type[Exception], ...]] = ()
    sdk_settings: ClassVar[Mapping[str, SdkSetting]] = OF_LOADERS
    clock: Clock = SYSTEM_CLOCK
    is_ready = False
    _variables_problems: Sequence[str] = ()

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

    # Called by the SDK for `--config ENV`. Its own would end with a traceback for an integer that
    # is empty, and leave other numbers as text. A test fails when the SDK stops calling it.
    @property
    def _env_var_config(self) -> dict[str, Any]:
        known = self._known_settings()
        self._variables_problems = list(unknown_variables(self._env_var_prefix, known))
        texts = {name: {"type": "string"} for name in known}
        return parse_environment_config({"properties": texts}, self._env_var_prefix)

    # The SDK's only place between its own check of the settings and the first request. A
    # test fails when the SDK stops calling it.
    def _validate_config(self, *, raise_errors: bool = True) -> list[str]:
        known, of_the_sdk = self._known_settings(), self._built_in_settings()
        own = {name: schema for name, schema in known.items() if name not in of_the_sdk}
        self._config = in_own_types(self._config, own, of_the_sdk)
        errors: list[str] = []
        with collecting(errors):
            _ = self.client_settings
        errors += self._schema_errors()
        errors += unknown_settings(self.config, {"properties": known}, self.sdk_settings)
        errors += refused_settings(self.config, self.sdk_settings, known)
        errors += self._variables_problems
        errors += map_problems(self.config)
        errors += self.own_problems()
        self._warn_of_settings_without_effect(known)
        if errors and raise_errors:
            summary = "The settings are wrong: " + " ".join(errors)
            # One entry: the SDK's discovery logs each on a line of its own, and the last
            # line must name all of them.
            raise ConfigValidationError(summary, errors=[summary], schema=self.config_jsonschema)
        return errors

    def _schema_errors(self) -> list[str]:
        # The SDK's own check raises an error of its own on these.
        if wrong := list(else_problems(self.config)):
            return wrong
        return _without_those_of_others(super()._validate_config(raise_errors=False))

    def _known_settings(self) -> dict[str, Any]:
        """The JSON Schemas of all settings that have an effect, by name."""
        return {**self.config_jsonschema["properties"], **self._built_in_settings()}

    @classmethod
    def _built_in_settings(cls) -> dict[str, Any]:
        schema: dict[str, Any] = {"properties": {}}
        cls.append_builtin_config(schema)
        return dict(schema["properties"])

    def _warn_of_settings_without_effect(self, known: Mapping[str, Any]) -> None:
        if unused := unused_settings(self.config, self.sdk_settings, known):
            self.logger.warning("These settings have no effect here: %s", unused)

    # The SDK registers this for SIGINT and SIGTERM. Its own would write a state, or load rows,
    # in the middle of a line or of a row, and call the half run a success.
    @between_log_lines
    def _handle_termination(self, signum: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler's signature
        if not self.is_ready:
            end_now(self.name, signum)
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


def _without_those_of_others(schema_errors: Sequence[str]) -> list[str]:
    # The client says more about its own settings, and without quoting their values; unknown
    # settings are named with a hint. Null is a choice of every optional setting, but not one to
    # suggest.
    return [
        error.rstrip(".").replace(", None]", "]") + "."
        for error in schema_errors
        if not any(f"['{name}']" in error for name in CLIENT_SETTINGS)
        and not error.startswith("Additional properties are not allowed")
    ]
