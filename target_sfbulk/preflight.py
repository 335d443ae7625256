"""Checks a stream's SCHEMA against its settings and the org, and reports every problem at once.

It runs when the SCHEMA arrives, before any job of the stream is created.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sfbulk import Operation
from sfbulk.errors import ConfigError
from sfbulk_singer.names import closest_name, did_you_mean, is_glob
from sfbulk_singer.stream_settings import merged, names_for, unused_keys
from target_sfbulk.mapping import (
    BY_ID,
    CsvColumn,
    FieldMapper,
    FieldProblemError,
    finds_records,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk import PrecisionLoss, SObjectDescribe
    from target_sfbulk.mapping import OrgSchema
    from target_sfbulk.settings import StreamSettings

Columns = dict[str, CsvColumn | None]

# `Contacts` or `Contcat` is close to `Contact` by this measure, `ContactRole` is not.
_PROBABLY_MEANT = 0.8

_RIGHTS = {
    Operation.INSERT: ("createable",),
    Operation.UPDATE: ("updateable",),
    # Whether a row is created or updated is known only when Salesforce has found the record.
    Operation.UPSERT: ("createable", "updateable"),
    Operation.DELETE: ("deletable",),
    Operation.HARD_DELETE: ("deletable",),
}


class PreflightError(Exception):
    """A stream that cannot be loaded as it is.

    Attributes:
        problems: All that is wrong, each with what to do.
    """

    def __init__(self, stream: str, problems: Sequence[str]) -> None:
        super().__init__(f"Stream `{stream}` cannot be loaded: {'; '.join(problems)}.")
        self.problems = tuple(problems)


@dataclass(frozen=True)
class StreamPlan:
    """How one stream is loaded, checked against the org.

    Attributes:
        key: The column that finds the record; None for an insert.
        columns: By record field; None for a field that is left out.
        null: The cell of a null.
        precision_loss: Whether a value that Salesforce would store as another is sent.
    """

    stream: str
    sobject: str
    operation: Operation
    key: CsvColumn | None
    columns: Columns
    null: str
    precision_loss: PrecisionLoss

    @property
    def external_id(self) -> str | None:
        """The external id field of an upsert; None for the other operations."""
        return self.key.header if self.key and self.operation is Operation.UPSERT else None


def require_known_objects(streams: Mapping[str, Mapping[str, Any]], org: OrgSchema) -> None:
    """API call: check the objects that the settings of all streams name.

    So a mistake in a later stream is found before an earlier stream is loaded. Fields are checked
    when the SCHEMA arrives, which names them.

    Args:
        streams: The setting `streams`.
        org: The org.

    Raises:
        ConfigError: The org does not have some of them; with all of these.
    """
    problems = [
        f"streams, {key}: {org.unknown_object(sobject)}."
        for key, sobject in _named_objects(streams)
        if not org.has(sobject)
    ]
    if problems:
        raise ConfigError(problems)


def _named_objects(streams: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for key, entry in streams.items():
        if sobject := entry.get("sobject"):
            yield key, sobject
        # A glob stands for its streams' names, and a name may have its object from a glob.
        elif not is_glob(key) and not merged(key, streams).get("sobject"):
            yield key, key


def key_meant_for(
    stream: str, opened: Iterable[str], streams: Mapping[str, Mapping[str, Any]]
) -> str | None:
    """The problem that a key of `streams` was probably meant for this stream; None if none was.

    The stream would be loaded without the mapping that was meant for it. Other keys that fit no
    stream are known only when all input is read.

    Args:
        stream: The stream that is opened.
        opened: The streams that came before.
        streams: The setting `streams`.
    """
    # A stream that has its object from a glob has settings.
    if names_for(stream, streams) or merged(stream, streams).get("sobject"):
        return None
    unused = unused_keys(streams, [*opened, stream])
    for_object = [
        key
        for key in unused
        if not is_glob(key)
        and (merged(key, streams).get("sobject") or key).casefold() == stream.casefold()
    ]
    key = closest_name(stream, for_object, likeness=_PROBABLY_MEANT)
    return key and (
        f"`streams` has the key `{key}` for this object, and no key `{stream}`; rename the key, or"
        f" add `{stream}: {{}}` if both streams exist"
    )


def plan_stream(
    stream: str,
    record_fields: Sequence[str],
    settings: StreamSettings,
    org: OrgSchema,
    *,
    known_problem: str | None = None,
) -> StreamPlan:
    """API call: the plan of a stream whose records have these fields.

    Args:
        stream: The stream's name.
        record_fields: The fields of its SCHEMA, and those that a record has beyond it.
        settings: The stream's settings.
        org: The org.
        known_problem: A problem that is found already.

    Raises:
        PreflightError: With every problem of the stream.
    """
    sobject = org.describe(settings.sobject)
    if sobject is None:
        advice = f"name the object with `streams`, `{stream}`, `sobject`"
        raise PreflightError(stream, [f"{org.unknown_object(settings.sobject)}; {advice}"])
    mapper = FieldMapper(settings, sobject, org)
    columns, problems = _columns(mapper, record_fields)
    problems = [
        *([known_problem] if known_problem else []),
        *_right_problems(sobject, settings.operation),
        *_key_problems(sobject, settings, mapper, columns),
        *_unused_settings(settings, record_fields),
        *problems,
        *_columns_filled_twice(columns),
    ]
    if problems:
        raise PreflightError(stream, problems)
    return _plan(stream, sobject, settings, columns, _key(mapper, columns))


def _plan(
    stream: str,
    sobject: SObjectDescribe,
    settings: StreamSettings,
    columns: Columns,
    key: CsvColumn | None,
) -> StreamPlan:
    return StreamPlan(
        stream=stream,
        sobject=sobject.name,
        operation=settings.operation,
        key=key,
        columns=columns,
        null=settings.null,
        precision_loss=settings.precision_loss,
    )


def _columns(mapper: FieldMapper, record_fields: Iterable[str]) -> tuple[Columns, list[str]]:
    columns: Columns = {}
    problems = []
    for source in record_fields:
        try:
            columns[source] = mapper.column(source)
        except FieldProblemError as problem:  # noqa: PERF203 - all problems are wanted, not the first
            problems.append(f"record field `{source}`: {problem}")
    return columns, problems


def _key(mapper: FieldMapper, columns: Columns) -> CsvColumn | None:
    key_field = mapper.key_field
    fitting = (c for c in columns.values() if c and key_field and c.header == key_field.name)
    return next(fitting, None)


def _right_problems(sobject: SObjectDescribe, operation: Operation) -> list[str]:
    missing = [right for right in _RIGHTS[operation] if not getattr(sobject, right)]
    if not missing:
        return []
    needs = f"{operation.value} needs `{sobject.name}` to be {' and '.join(missing)}"
    return [f"{needs}, which it is not for this user"]


def _key_problems(
    sobject: SObjectDescribe, settings: StreamSettings, mapper: FieldMapper, columns: Columns
) -> list[str]:
    if settings.operation is Operation.INSERT:
        return []
    if settings.operation is Operation.UPSERT and settings.external_id is None:
        return ["upsert needs an `external_id`, in the stream's settings or for all streams"]
    name = "Id" if settings.operation in BY_ID else settings.external_id or ""
    field = mapper.key_field
    if field is None:
        hint = did_you_mean(name, (f.name for f in sobject.fields if finds_records(f)))
        return [f"`external_id`: `{sobject.name}` has no field `{name}`{hint}"]
    if not finds_records(field):
        unfit = f"`{field.name}` is neither an external id nor an indexed lookup field"
        return [f"`external_id`: {unfit} of `{sobject.name}`"]
    if _key(mapper, columns) is None:
        return [f"no record field fills the key `{field.name}`; map one to it with `fields`"]
    return []


def _unused_settings(settings: StreamSettings, record_fields: Sequence[str]) -> list[str]:
    # A glob serves many streams, which need not all have the fields that it maps.
    return [
        f"the settings map a record field `{source}`, which the SCHEMA does not have"
        f"{did_you_mean(source, record_fields)}"
        for source in sorted(settings.expected)
        if source not in record_fields
    ]


def _columns_filled_twice(columns: Columns) -> list[str]:
    # By the field that is set: the parent's id and its external id have different columns.
    fillers = defaultdict(list)
    for column in columns.values():
        if column:
            fillers[column.fills].append(column.source)
    return [
        f"the record fields {' and '.join(f'`{source}`' for source in sources)} would all fill"
        f" `{filled}`; map all but one of them to null with `fields`"
        for filled, sources in fillers.items()
        if len(sources) > 1
    ]
