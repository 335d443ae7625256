"""Plans how a stream is loaded: its SCHEMA against its settings and the org.

Every problem is reported at once, before any job of the stream is created.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sfbulk import Operation
from sfbulk.load import LoadOptions
from sfbulk_singer.names import closest_name, is_glob
from sfbulk_singer.stream_settings import merged, names_for, unused_keys
from target_sfbulk.mapping import CsvColumn, FieldMapper, FieldProblemError, finds_records
from target_sfbulk.required_fields import unfilled_fields, unfilled_problems
from target_sfbulk.stream_checks import (
    absent,
    constants_of,
    mapped_problems,
    settings_problems,
    typing_errors,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk import PrecisionLoss, SObjectDescribe
    from target_sfbulk.org_schema import OrgSchema
    from target_sfbulk.stream_checks import Constant
    from target_sfbulk.stream_settings import MirrorSettings, StreamSettings

Columns = dict[str, CsvColumn | None]
Schema = dict[str, dict[str, Any]]
"""The properties of a SCHEMA: the JSON Schema of each record field."""

# `Contacts` or `Contcat` is close to `Contact` by this measure, `ContactRole` is not.
_PROBABLY_MEANT = 0.8

_REQUIRED = (
    "Map record fields to required fields with `fields`, or give them values with `constants`"
)

_TWICE = "Where several would fill one field, map all but one of them to null with `fields`"


class PreflightError(Exception):
    """A stream that cannot be loaded as it is.

    Attributes:
        problems: All that is wrong with the stream.
    """

    def __init__(self, stream: str, problems: Sequence[str], advice: Iterable[str] = ()) -> None:
        """Name the problems; each advice is said once."""
        sentences = [f"Stream `{stream}` cannot be loaded: {'; '.join(problems)}", *advice]
        super().__init__(f"{'. '.join(sentences)}.")
        self.problems = tuple(problems)
        self._others: Sequence[str] = ()

    def __str__(self) -> str:
        """What is wrong, and what to do."""
        return " ".join([*self._others, super().__str__()])

    def after(self, others: Sequence[str]) -> PreflightError:
        """This error, once it also names these problems of the settings of other streams."""
        own = super().__str__()
        self._others = [each for each in others if each not in own]
        return self


@dataclass(frozen=True)
class StreamPlan:
    """How one stream is loaded, checked against the org.

    Attributes:
        key: The column that finds the record; None for an insert.
        columns: By record field; None for a field that is left out.
        constants: Columns with the same cell in every row.
        assignment_rule: The id of the rule that assigns cases or leads.
        precision_loss: Whether a value that Salesforce would store as another is sent.
        new_only: Whether records that exist are skipped.
        create_only: Fields, and relationships, that are left as they are in records that exist.
        schema: The SCHEMA's properties, by record field.
        mirror: What is deleted beside the upserts; None for nothing.
        unfilled: Required fields of new records that nothing fills.
        delete_options: Of a load that deletes by external id.
    """

    stream: str
    sobject: str
    operation: Operation
    key: CsvColumn | None
    columns: Columns
    constants: tuple[Constant, ...]
    assignment_rule: str | None
    precision_loss: PrecisionLoss
    new_only: bool
    create_only: tuple[str, ...]
    schema: Schema = dataclasses.field(default_factory=dict)
    mirror: MirrorSettings | None = None
    unfilled: tuple[str, ...] = ()
    delete_options: LoadOptions = dataclasses.field(default_factory=LoadOptions)

    @property
    def external_id(self) -> str | None:
        """The field that finds the records; None for an insert."""
        return self.key.header if self.key else None

    @property
    def options(self) -> LoadOptions:
        """The options of the stream's jobs."""
        options: LoadOptions = {**self.delete_options}
        if self.assignment_rule:
            options["assignment_rule_id"] = self.assignment_rule
        if self.new_only:
            options["new_only"] = True
        if self.create_only:
            options["create_only_fields"] = self.create_only
        return options


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
    schema: Schema,
    settings: StreamSettings,
    org: OrgSchema,
    *,
    known_problem: str | None = None,
) -> StreamPlan:
    """API call: the plan of a stream whose records have these fields.

    Args:
        stream: The stream's name.
        schema: The properties of its SCHEMA, and empty ones for what a record has beyond it.
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
    columns, unmapped = _columns(mapper, schema)
    constants, unfit = constants_of(mapper, settings)
    later = list(mapped_problems(settings, mapper, but=columns.keys() | unmapped.keys()))
    twice = list(_filled_twice(columns, constants))
    unfilled = unfilled_fields(mapper, settings, columns, constants) if schema else ()
    needed = unfilled_problems(sobject.name, settings.operation, unfilled, settings.new_only)
    problems = [
        *([known_problem] if known_problem else []),
        *settings_problems(sobject, settings, mapper),
        *_key_problems(mapper, columns, settings.operation),
        *(f"record field `{source}`: {problem}" for source, problem in unmapped.items()),
        *(problem.text for problem in (*later, *unfit)),
        *twice,
    ]
    if problems or typing_errors(settings, columns):
        problems += [*absent(settings, schema), *needed]
        said = [each for problem in unmapped.values() for each in problem.advice]
        said += [each for problem in (*later, *unfit) for each in problem.advice]
        said += [_TWICE] * bool(twice) + [_REQUIRED] * bool(needed)
        raise PreflightError(stream, problems, dict.fromkeys(said))
    plan = _plan(stream, settings, mapper, columns, constants)
    return replace(plan, schema=schema, unfilled=unfilled)


def require_filled(plan: StreamPlan) -> None:
    """Check that a record can be created; called with the fields of the first record.

    Its SCHEMA alone does not say it: a record may have fields beyond it.

    Raises:
        PreflightError: Nothing fills a required field, and the stream only creates records.
    """
    needed = unfilled_problems(plan.sobject, plan.operation, plan.unfilled, plan.new_only)
    if needed:
        raise PreflightError(plan.stream, needed, [_REQUIRED])


def _columns(
    mapper: FieldMapper, record_fields: Iterable[str]
) -> tuple[Columns, dict[str, FieldProblemError]]:
    columns: Columns = {}
    problems = {}
    for source in record_fields:
        try:
            columns[source] = mapper.column(source)
        except FieldProblemError as problem:  # noqa: PERF203 - all problems are wanted, not the first
            problems[source] = problem
    return columns, problems


def _plan(
    stream: str,
    settings: StreamSettings,
    mapper: FieldMapper,
    columns: Columns,
    constants: tuple[Constant, ...],
) -> StreamPlan:
    sobject, key = mapper.sobject, _key(mapper, columns)
    return StreamPlan(
        stream=stream,
        sobject=sobject.name,
        operation=settings.operation,
        key=key,
        columns=columns,
        constants=constants,
        assignment_rule=settings.assignment_rule,
        precision_loss=settings.precision_loss,
        new_only=settings.new_only,
        create_only=tuple(_create_only(sobject)) if settings.leave_create_only else (),
        mirror=settings.mirror,
    )


def _create_only(sobject: SObjectDescribe) -> Iterator[str]:
    # All of them, as a later SCHEMA may have fields that this one does not have.
    for field in sobject.fields:
        if field.createable and not field.updateable:
            yield from (name for name in (field.name, field.relationship_name) if name)


def _key(mapper: FieldMapper, columns: Columns) -> CsvColumn | None:
    key_field = mapper.key_field
    fitting = (c for c in columns.values() if c and key_field and c.header == key_field.name)
    return next(fitting, None)


def _key_problems(mapper: FieldMapper, columns: Columns, operation: Operation) -> Iterator[str]:
    field = None if operation is Operation.INSERT else mapper.key_field
    if field and finds_records(field) and _key(mapper, columns) is None:
        yield f"no record field fills the key `{field.name}`; map one to it with `fields`"


def _filled_twice(columns: Columns, constants: Iterable[Constant]) -> Iterator[str]:
    # By the field that is set: the parent's id and its external id have different columns.
    fillers = defaultdict(list)
    for column in columns.values():
        if column:
            fillers[column.fills].append(f"`{column.source}`")
    fixed = defaultdict(list)
    for constant in constants:
        fixed[constant.column.fills].append(f"the constant `{constant.column.header}`")
    for filled in {**fillers, **fixed}:
        sources, fields = (
            fillers[filled],
            "record fields" if fillers[filled][1:] else "record field",
        )
        named = [f"the {fields} {' and '.join(sources)}"] if sources else []
        if len(sources) + len(fixed[filled]) > 1:
            yield f"{' and '.join([*named, *fixed[filled]])} would all fill `{filled}`"
