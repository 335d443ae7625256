"""The target's settings: their JSON Schema, and the settings of one stream; no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from sfbulk import Concurrency, Operation
from sfbulk.csvio import MAX_JOB_BYTES
from sfbulk.load import FileLimits
from sfbulk.normalize import PrecisionLoss
from sfbulk.quota import QUOTA_SCHEMA
from sfbulk.settings import SIGN_IN_SCHEMA
from sfbulk_singer.settings import nullable, spool_dir
from sfbulk_singer.stream_settings import keys_for, merged, names_for
from target_sfbulk.delete_cap import DeleteCap
from target_sfbulk.encode import CLEARS_THE_FIELD
from target_sfbulk.results_file import MOST_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_MIRROR = "mirror"
_OPERATIONS = [*(operation.value for operation in Operation), _MIRROR]
_NULLS = ["clear", "ignore"]
_UNKNOWN_FIELDS = ["error", "drop"]
_CREATE_ONLY = ["error", "leave"]
_MEGABYTE = 1_000_000
_BULK2, _BULK1 = "BULK2", "BULK"
# YAML reads a bare `off` as false.
_NO_JOURNAL = ("off", "false")

BY_ID = frozenset({Operation.UPDATE, Operation.DELETE, Operation.HARD_DELETE})
"""Operations that find their records by Id, unless `external_id` names another field."""

_STREAM = th.ObjectType(
    th.Property(
        "sobject",
        th.StringType,
        description="Salesforce object; by default the one with the stream's name.",
    ),
    th.Property(
        "operation",
        th.StringType,
        allowed_values=_OPERATIONS,
        description="Operation for this stream.",
    ),
    th.Property(
        "external_id",
        th.StringType,
        description="Field by which upserts, updates and deletes of this stream find their record.",
    ),
    th.Property(
        "new_only",
        th.BooleanType,
        description="Whether an upsert only creates records and skips those that exist.",
    ),
    th.Property(
        "create_only_fields",
        th.StringType,
        allowed_values=_CREATE_ONLY,
        description="In an upsert, fields that can be set in a new record only: an error, or leave "
        "them as they are in records that exist.",
    ),
    th.Property(
        "fields",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "null"]})),
        description="Record field to Salesforce field, or to null to leave it out.",
    ),
    th.Property(
        "lookups",
        th.ObjectType(additional_properties=th.CustomType({"type": ["string", "null"]})),
        description="Record field that holds a parent's key to the relationship column it fills, "
        "such as `Account.Ext_Id__c`, or `Contact:Who.Ext_Id__c` where there are several parents; "
        "null for one that is no lookup.",
    ),
    th.Property(
        "constants",
        th.ObjectType(
            additional_properties=th.CustomType({"type": ["string", "number", "boolean", "null"]})
        ),
        description="Salesforce field or relationship column to the value of all records.",
    ),
    th.Property(
        "nulls",
        th.CustomType(
            {
                "type": ["string", "object", "null"],
                "pattern": f"^({'|'.join(_NULLS)})$",
                "additionalProperties": {"type": ["string", "null"], "enum": [*_NULLS, None]},
            }
        ),
        description="`nulls` of this stream, or of single record fields.",
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        allowed_values=_UNKNOWN_FIELDS,
        description="`unknown_fields` of this stream.",
    ),
    th.Property(
        "where",
        th.StringType,
        description="In a mirror, a SOQL condition: records of the org for which it is false are "
        "never deleted.",
    ),
    th.Property(
        "delete_cap",
        th.CustomType({"type": ["string", "integer", "null"]}),
        description="`delete_cap` of this stream.",
    ),
    th.Property(
        "assignment_rule",
        th.StringType,
        description="Id of the assignment rule that assigns the records, of a Case or Lead.",
    ),
    additional_properties=False,
)

_LOADING = (
    th.Property(
        "operation",
        th.StringType,
        default=Operation.UPSERT.value,
        allowed_values=_OPERATIONS,
        description="What to do with the records, unless `streams` has another operation.",
    ),
    th.Property(
        "external_id",
        th.StringType,
        description="Field by which upserts find their record, and updates and deletes if "
        "`operation` is one; unless `streams` has another one.",
    ),
    th.Property(
        "streams",
        th.ObjectType(additional_properties=_STREAM),
        default={},
        description="Settings of single streams, by name or glob, in any case. All globs that fit "
        "apply in their order, then the name; the later one wins.",
    ),
    th.Property(
        "nulls",
        th.StringType,
        default="clear",
        allowed_values=_NULLS,
        description="Whether a null clears the field or leaves it as it is.",
    ),
    th.Property(
        "precision_loss",
        th.StringType,
        default=PrecisionLoss.FIT.value,
        allowed_values=[policy.value for policy in PrecisionLoss],
        description="Whether a value that Salesforce would store as another (parts of a second, "
        "more decimals than the field has, CR in a text) is sent as Salesforce stores it, and "
        "counted in the report, or its record is rejected.",
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        default="error",
        allowed_values=_UNKNOWN_FIELDS,
        description="What to do with a record field that has no writable Salesforce field: an "
        "error, or leave it out.",
    ),
    th.Property(
        "max_rejects",
        # From an environment variable, as Meltano sets it, a count is a string.
        th.CustomType({"type": ["string", "integer"]}),
        default="0",
        description='Rejected rows a run may have: a count, or a share such as "2%" of the rows '
        "read. Beyond it the exit code is 1; all rejects are in the rejects files either way.",
    ),
    th.Property(
        "delete_cap",
        th.CustomType({"type": ["string", "integer"]}),
        default="10%",
        description="Records that a mirror may delete in one run, for each stream: a count, or a "
        "share, rounded up, of the records of the org that it covers. Beyond it nothing more is "
        "deleted, and the exit code is 1.",
    ),
    th.Property(
        "output_dir",
        th.StringType,
        default="output",
        description="Folder of the rejects files and reports.",
    ),
    th.Property(
        "write_results",
        th.BooleanType,
        default=False,
        description="Write the key, Id and job of each row that is in Salesforce into the results "
        "files. A job then has at most 50,000 rows.",
    ),
    th.Property(
        "journal_path",
        th.CustomType({"type": ["string", "boolean"]}),
        description="File of the journal, by which the next run settles what a killed run left; "
        "`off` for no journal. Without it: `journal.sqlite` in `output_dir`.",
    ),
    th.Property(
        "max_job_mb",
        th.NumberType(exclusive_minimum=0, maximum=MAX_JOB_BYTES // _MEGABYTE),
        default=100,
        description="Largest CSV of one job, in MB.",
    ),
    th.Property(
        "api_type",
        th.StringType,
        default=_BULK2,
        allowed_values=[_BULK2, _BULK1],
        description="The API that loads: Bulk API 2.0, or 1.0 (`BULK`), whose jobs have batches of "
        "at most 10,000 rows and 10 MB.",
    ),
    th.Property(
        "concurrency",
        th.StringType,
        default=Concurrency.PARALLEL.value,
        allowed_values=[mode.value for mode in Concurrency],
        description="With `api_type` `BULK`: whether Salesforce processes the batches of a job in "
        "parallel. `Serial` is slower and avoids locks.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        description="Most rows of one job; without it, only `max_job_mb` ends a job.",
    ),
    th.Property(
        "batch_wait_limit_seconds",
        th.NumberType(minimum=0),
        description="How many seconds a job may wait for further rows after its first one. "
        "Without it, a job is sent when it is full or the input ends.",
    ),
    th.Property(
        "max_jobs_in_flight",
        th.IntegerType(minimum=1),
        default=5,
        description="How many jobs run in parallel while further records are read. Use 1 if "
        "parallel jobs lock each other's records.",
    ),
    spool_dir(
        "rows until they are loaded",
        otherwise="beside the journal; without a journal, the system's folder for temporary files",
    ),
    th.Property(
        "dry_run",
        th.BooleanType,
        default=False,
        description="Check everything and write the CSV files that would be sent, with rejects and "
        "reports, into the folder `dry-run` of `output_dir`. Nothing is sent, no STATE is written.",
    ),
)

SETTINGS: dict[str, Any] = nullable(th.PropertiesList(*_LOADING).to_dict())
SETTINGS["properties"] = {**SIGN_IN_SCHEMA, **SETTINGS["properties"], **QUOTA_SCHEMA}
"""JSON Schema of the target's own settings."""


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


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the target; one that is not given, or given as null, has its default."""
    return {
        name: schema.get("default") if config.get(name) is None else config[name]
        for name, schema in SETTINGS["properties"].items()
    }


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


def bulk1_concurrency(config: Mapping[str, Any]) -> Concurrency | None:
    """The mode of Bulk API 1.0; None for Bulk API 2.0, which has none.

    Args:
        config: Settings without problems, `with_defaults`.
    """
    return Concurrency(config["concurrency"]) if config["api_type"] == _BULK1 else None


def journal_path(config: Mapping[str, Any]) -> Path | None:
    """The file of the journal; None if there is to be no journal.

    Args:
        config: Settings without problems, `with_defaults`.
    """
    given = config["journal_path"]
    if str(given).casefold() in _NO_JOURNAL or config["dry_run"]:
        return None
    return Path(given or Path(config["output_dir"]) / "journal.sqlite")


def job_limits(config: Mapping[str, Any]) -> FileLimits:
    """The limits of one job.

    Args:
        config: Settings without problems, `with_defaults`.
    """
    size, wait = int(config["max_job_mb"] * _MEGABYTE), config["batch_wait_limit_seconds"]
    # The file of the settings is read with exact decimals, which no clock has.
    limits = FileLimits(size, seconds=None if wait is None else float(wait))
    for rows in (config["batch_size_rows"], MOST_ROWS if config["write_results"] else None):
        limits = replace(limits, rows=min(limits.rows, rows or limits.rows))
    return limits


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
