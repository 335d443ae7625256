"""The settings of one stream: the JSON Schema of an entry of `streams`, and its meaning; no I/O."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from sfbulk import Operation
from sfbulk.normalize import PrecisionLoss
from sfbulk_singer.stream_settings import keys_for, merged, names_for
from target_sfbulk.delete_cap import DeleteCap
from target_sfbulk.encode import CLEARS_THE_FIELD

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MIRROR = "mirror"
OPERATIONS = [*(operation.value for operation in Operation), _MIRROR]
"""The choices of `operation`."""
NULLS = ["clear", "ignore"]
"""The choices of `nulls`."""
UNKNOWN_FIELDS = ["error", "drop"]
"""The choices of `unknown_fields`."""
_CREATE_ONLY = ["error", "leave"]

BY_ID = frozenset({Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE})
"""Operations that find their records by Id, unless `external_id` names another field."""

STREAM = th.ObjectType(
    th.Property(
        "sobject",
        th.StringType,
        title="Salesforce Object",
        description="Salesforce object; by default the one with the stream's name.",
    ),
    th.Property(
        "operation",
        th.StringType,
        allowed_values=OPERATIONS,
        title="Operation",
        description="Operation for this stream.",
    ),
    th.Property(
        "external_id",
        th.StringType,
        title="External Id Field",
        description="Field by which upserts, updates and deletes of this stream find their record.",
    ),
    th.Property(
        "new_only",
        th.BooleanType,
        title="New Records Only",
        description="Whether an upsert only creates records and skips those that exist.",
    ),
    th.Property(
        "create_only_fields",
        th.StringType,
        allowed_values=_CREATE_ONLY,
        title="Create-only Fields",
        description="In an upsert, fields that can be set in a new record only: an error, or leave "
        "them as they are in records that exist.",
    ),
    th.Property(
        "fields",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "null"]})),
        title="Fields",
        description="Record field to Salesforce field, or to an empty text to leave it out.",
    ),
    th.Property(
        "lookups",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "null"]})),
        title="Lookups",
        description="Record field that holds a parent's key to the relationship column it fills, "
        "such as `Account.Ext_Id__c`, or `Contact:Who.Ext_Id__c` where there are several parents; "
        "null for one that is no lookup.",
    ),
    th.Property(
        "constants",
        th.ObjectType(
            additional_properties=th.CustomType({"type": ["string", "number", "boolean", "null"]})
        ),
        title="Constants",
        description="Salesforce field or relationship column to the value of all records.",
    ),
    th.Property(
        "nulls",
        th.CustomType(
            {
                "type": ["string", "object", "null"],
                "pattern": f"^({'|'.join(NULLS)})$",
                "additionalProperties": {"type": ["string", "null"], "enum": [*NULLS, None]},
            }
        ),
        title="Nulls",
        description="`nulls` of this stream, or of single record fields.",
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        allowed_values=UNKNOWN_FIELDS,
        title="Unknown Fields",
        description="`unknown_fields` of this stream.",
    ),
    th.Property(
        "where",
        th.StringType,
        title="Where",
        description="In a mirror, a SOQL condition: records of the org for which it is false are "
        "never deleted.",
    ),
    th.Property(
        "delete_cap",
        th.CustomType({"type": ["string", "integer", "null"]}),
        title="Delete Cap",
        description="`delete_cap` of this stream.",
    ),
    th.Property(
        "assignment_rule",
        th.StringType,
        title="Assignment Rule",
        description="Id of the assignment rule that assigns the records, of a Case or Lead.",
    ),
    additional_properties=False,
)
"""JSON Schema of an entry of `streams`."""


@dataclass(frozen=True)
class MirrorSettings:
    """What a mirror deletes beside its upserts.

    Attributes:
        where: A SOQL condition of the records that belong to the mirror; None for all that have
            a value in the external id.
        cap: How many of them a run may delete.
    """

    where: str | None
    cap: DeleteCap


@dataclass(frozen=True)
class StreamSettings:
    """The settings of one stream.

    Attributes:
        fields: Record field to Salesforce field, None for one that is left out.
        lookups: Record field to relationship column.
        constants: Field or relationship column to the value of all records.
        expected: Record fields that the stream's own name has settings for.
        drop_unknown_fields: Leave out a record field that has no writable field.
        nulls: `clear` or `ignore`, by record field; for those that have their own.
        null: The cell that a null of the other fields becomes.
        assignment_rule: The id of the rule that assigns cases or leads.
        precision_loss: Whether a value that Salesforce would store as another is sent.
        external_id: The field that finds the records; None for an insert, or if it is missing.
        new_only: Whether an upsert skips records that exist.
        leave_create_only: Whether an upsert leaves fields that cannot be updated as they are.
        mirror: What an upsert also deletes; None for nothing.
    """

    sobject: str
    operation: Operation
    external_id: str | None
    new_only: bool
    leave_create_only: bool
    fields: Mapping[str, str | None]
    lookups: Mapping[str, str]
    constants: Mapping[str, Any]
    expected: frozenset[str]
    drop_unknown_fields: bool
    nulls: Mapping[str, str]
    null: str
    assignment_rule: str | None
    precision_loss: PrecisionLoss
    mirror: MirrorSettings | None = None

    @property
    def refuses_create_only(self) -> bool:
        """Whether a field that cannot be updated is a problem."""
        return (
            self.operation is Operation.UPSERT and not self.new_only and not self.leave_create_only
        )

    def null_of(self, source: str) -> str:
        """The cell that a null of a record field becomes."""
        own = self.nulls.get(source)
        return _null_cell(own) if own else self.null


def stream_settings(config: Mapping[str, Any], stream: str) -> StreamSettings:
    """The settings of a stream: those of `streams` that apply to it, else those of the run.

    Args:
        config: Settings without problems, `with_defaults`.
        stream: The stream's name.
    """
    streams: Mapping[str, Any] = config["streams"]
    entry = merged(stream, streams)
    fields, lookups = _mapping(entry, [streams[key] for key in keys_for(stream, streams)])
    by_name = [_named(streams[key]) for key in names_for(stream, streams)]
    nulls = entry.get("nulls")
    return StreamSettings(
        sobject=entry.get("sobject") or stream,
        operation=operation_of(entry, config),
        external_id=_external_id(entry, config),
        new_only=bool(entry.get("new_only")),
        leave_create_only=entry.get("create_only_fields") == "leave",
        fields=fields,
        lookups=lookups,
        constants=entry.get("constants") or {},
        expected=frozenset(source for own in by_name for source in own),
        drop_unknown_fields=(entry.get("unknown_fields") or config["unknown_fields"]) == "drop",
        nulls=nulls if isinstance(nulls, dict) else {},
        null=_null_cell(nulls if isinstance(nulls, str) else config["nulls"]),
        assignment_rule=entry.get("assignment_rule"),
        precision_loss=PrecisionLoss(config["precision_loss"]),
        mirror=_mirror(entry, config),
    )


def is_mirror(entry: Mapping[str, Any], config: Mapping[str, Any]) -> bool:
    """Whether a stream with this merged entry of `streams` is a mirror."""
    return bool((entry.get("operation") or config["operation"]) == _MIRROR)


def operation_of(entry: Mapping[str, Any], config: Mapping[str, Any]) -> Operation:
    """What is done with the records of a stream; those of a mirror are upserted."""
    if is_mirror(entry, config):
        return Operation.UPSERT
    return Operation(entry.get("operation") or config["operation"])


def _mirror(entry: Mapping[str, Any], config: Mapping[str, Any]) -> MirrorSettings | None:
    if not is_mirror(entry, config):
        return None
    cap = entry.get("delete_cap")
    return MirrorSettings(
        entry.get("where") or None, DeleteCap.parse(config["delete_cap"] if cap is None else cap)
    )


def _external_id(entry: Mapping[str, Any], config: Mapping[str, Any]) -> str | None:
    operation = operation_of(entry, config)
    own: str | None = entry.get("external_id")
    if operation is Operation.INSERT or own:
        return own or None
    # The one of the run belongs to its upserts, and to the run's own operation: a stream that
    # deletes has ids more often than the keys of other streams.
    of_run: str | None = config["external_id"]
    if operation is Operation.UPSERT or not entry.get("operation"):
        own = of_run
    return own or ("Id" if operation in BY_ID else None)


def _mapping(
    entry: Mapping[str, Any], parts: Sequence[Mapping[str, Any]]
) -> tuple[Mapping[str, str | None], Mapping[str, str]]:
    """`fields` and `lookups` of a merged entry; the last part that maps a record field decides."""
    fields = dict(entry.get("fields") or {})
    lookups = {source: path for source, path in (entry.get("lookups") or {}).items() if path}
    for source in fields.keys() & lookups.keys():
        last = next(part for part in reversed(parts) if source in _sources(part))
        del (lookups if source in (last.get("fields") or {}) else fields)[source]
    return fields, lookups


def _sources(entry: Mapping[str, Any]) -> dict[str, str | None]:
    """What an entry of `streams` maps, by record field."""
    return {**(entry.get("fields") or {}), **(entry.get("lookups") or {})}


def _named(entry: Mapping[str, Any]) -> Iterator[str]:
    """The record fields that an entry of `streams` expects."""
    yield from (source for source, target in _sources(entry).items() if target is not None)
    nulls = entry.get("nulls")
    yield from nulls if isinstance(nulls, dict) else ()


def _null_cell(policy: str) -> str:
    return CLEARS_THE_FIELD if policy == "clear" else ""
