"""Checks the settings of all streams against the org, before the first job of the run.

So a mistake in a later stream is found before an earlier stream is loaded. A glob that names an
object is checked as its streams will be, but for what another key may give them instead. What
depends on the SCHEMA of a stream is checked when it arrives.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError, SalesforceError
from sfbulk_singer.names import did_you_mean, is_glob, matches
from sfbulk_singer.stream_settings import merged, names_for, unused_keys
from target_sfbulk.mapping import FieldMapper
from target_sfbulk.preflight import PreflightError, key_meant_for, plan_stream
from target_sfbulk.stream_checks import (
    assignment_problems,
    constants_of,
    key_problems,
    mapped_problems,
    mirrored_twice,
    right_problems,
)
from target_sfbulk.stream_settings import stream_settings

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from target_sfbulk.org_schema import OrgSchema
    from target_sfbulk.preflight import Schema, StreamPlan
    from target_sfbulk.stream_settings import StreamSettings


class Preflight:
    """The checks of a run.

    Args:
        config: The target's settings, `with_defaults`.
        org: The org.
    """

    def __init__(self, config: Mapping[str, Any], org: OrgSchema) -> None:
        self._config = config
        self._streams: Mapping[str, Mapping[str, Any]] = config["streams"]
        self._org = org
        self._seen: dict[str, set[str]] = defaultdict(set)
        # What explains several problems, said once.
        self._advice: dict[str, None] = {}

    def plan(self, stream: str, schema: Schema) -> StreamPlan:
        """API call: the plan of a stream; the first call checks all streams of the settings.

        Args:
            stream: Its name.
            schema: The properties of its SCHEMA, and empty ones for what a record has beyond it.

        Raises:
            ConfigError: Only the settings of other streams are wrong; with every problem.
            PreflightError: The stream cannot be loaded; with every problem.
        """
        others = {} if self._seen else self._problems(stream)
        opened = list(self._seen)
        self._seen[stream].update(schema)
        settings = stream_settings(self._config, stream)
        # An unknown object of the settings is named with their key.
        if others and settings.sobject != stream and not self._org.has(settings.sobject):
            raise ConfigError(self._sentences(others))
        known_problem = key_meant_for(stream, opened, self._streams) or mirrored_twice(
            settings, dict(self._others(stream, opened))
        )
        try:
            plan = plan_stream(
                stream,
                schema,
                settings,
                self._org,
                known_problem=known_problem,
            )
        except PreflightError as error:
            raise error.after(self._sentences(others, but=error.problems)) from None
        if others:
            raise ConfigError(self._sentences(others))
        return plan

    def unused(self, streams: Collection[str]) -> Iterator[str]:
        """What the settings name and the input did not have, once all of it is read.

        Args:
            streams: The streams of the input.
        """
        if unused := unused_keys(self._streams, streams):
            hints = (f"`{key}`{did_you_mean(key, streams)}" for key in unused)
            yield f"streams: no stream of this run has the key {', '.join(hints)}"
        for stream, fields in self._seen.items():
            missing = sorted(stream_settings(self._config, stream).expected - fields)
            if missing:
                hints = (f"`{name}`{did_you_mean(name, fields)}" for name in missing)
                named = ", ".join(hints)
                yield f"{stream}: no SCHEMA had the record field {named}, which the settings name"

    def _others(self, stream: str, opened: Iterable[str]) -> Iterator[tuple[str, StreamSettings]]:
        """The settings of the streams that came before, and of those that the settings name."""
        own = {stream, *names_for(stream, self._streams)}
        for name in dict.fromkeys((*opened, *self._streams)):
            if name not in own and not is_glob(name):
                yield name, stream_settings(self._config, name)

    def _problems(self, opened: str) -> dict[str, list[str]]:
        """What is wrong with the settings, but for what the opened stream is checked for.

        Returns:
            The keys of `streams` by their problem.
        """
        objects = dict(self._named_objects())
        settings = {key: stream_settings(self._config, key) for key in self._streams}
        self._org.read([*objects.values(), *(settings[key].sobject for key in objects)])
        found = defaultdict(list)
        for key, sobject in objects.items():
            if not self._org.has(sobject):
                found[self._org.unknown_object(sobject)].append(key)
        own = names_for(opened, self._streams)
        # A glob that names no object can be checked only with the streams that it fits.
        checked = [
            key for key in settings if key not in own and (key in objects or not is_glob(key))
        ]
        for key, problem in self._stream_problems({key: settings[key] for key in checked}):
            found[problem].append(key)
        return found

    def _named_objects(self) -> Iterator[tuple[str, str]]:
        for key, entry in self._streams.items():
            if sobject := entry.get("sobject"):
                yield key, sobject
            # A glob stands for its streams' names, and a name may have its object from a glob.
            elif not is_glob(key) and not merged(key, self._streams).get("sobject"):
                yield key, key

    def _stream_problems(self, streams: Mapping[str, StreamSettings]) -> Iterator[tuple[str, str]]:
        mappers, problems = self._mappers(streams)
        yield from problems
        parents = {parent for mapper in mappers.values() for parent in mapper.parents()}
        self._org.read(parents)
        for key, mapper in mappers.items():
            for problem in self._problems_of(key, streams[key], mapper):
                yield key, problem

    def _mappers(
        self, streams: Mapping[str, StreamSettings]
    ) -> tuple[dict[str, FieldMapper], list[tuple[str, str]]]:
        mappers, problems = {}, []
        for key, settings in streams.items():
            try:
                sobject = self._org.describe(settings.sobject)
            except SalesforceError as error:
                problems.append((key, str(error).rstrip(".")))
                continue
            if sobject:
                mappers[key] = FieldMapper(settings, sobject, self._org)
        return mappers, problems

    def _problems_of(
        self, key: str, settings: StreamSettings, mapper: FieldMapper
    ) -> Iterator[str]:
        if not self._may_come_from_another(key, "operation"):
            yield from right_problems(mapper.sobject, settings)
        if not self._may_come_from_another(key, "external_id", "operation"):
            yield from key_problems(mapper.sobject, settings, mapper)
        yield from assignment_problems(mapper.sobject, settings)
        where = settings.mirror and settings.mirror.where
        if where and (refusal := self._org.refusal(mapper.sobject.name, where)):
            yield f"`where`: {refusal.rstrip('.')}"
        for problem in (*mapped_problems(settings, mapper), *constants_of(mapper, settings)[1]):
            self._advice.update(dict.fromkeys(problem.advice))
            yield problem.text

    def _may_come_from_another(self, key: str, setting: str, *others: str) -> bool:
        """Whether the streams of a glob may have a setting, or one of others, from another key."""
        if not is_glob(key) or self._streams[key].get(setting):
            return False
        fitting = (
            entry
            for other, entry in self._streams.items()
            if other != key and (is_glob(other) or matches(other, key))
        )
        return any(entry.keys() & {setting, *others} for entry in fitting)

    def _sentences(self, found: Mapping[str, list[str]], but: Collection[str] = ()) -> list[str]:
        """The problems, each once with all keys that have it, and what explains them."""
        problems = [
            f"streams, {' and '.join(keys)}: {problem}."
            for problem, keys in found.items()
            if problem not in but
        ]
        return [*problems, *(f"{advice}." for advice in self._advice)] if problems else []
