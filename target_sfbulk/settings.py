"""The target's settings: their JSON Schema, and what those of the whole run mean; no I/O."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from sfbulk import Concurrency, Operation
from sfbulk.csvio import MAX_JOB_BYTES
from sfbulk.load import FileLimits
from sfbulk.normalize import PrecisionLoss
from sfbulk.quota import QUOTA_SCHEMA
from sfbulk.settings import JOB_SCHEMA, SIGN_IN_SCHEMA
from sfbulk_singer.sdk_settings import SdkSetting
from sfbulk_singer.settings import nullable, spool_dir
from target_sfbulk.results_file import MOST_ROWS
from target_sfbulk.stream_settings import NULLS, OPERATIONS, STREAM, UNKNOWN_FIELDS

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER_PREFIX = "target-sfbulk-"
"""What the names of a run's temporary folders begin with."""

_MEGABYTE = 1_000_000
_BULK2, _BULK1 = "BULK2", "BULK"
# YAML reads a bare `off` as false.
_NO_JOURNAL = ("off", "false")

_LOADING = (
    th.Property(
        "operation",
        th.StringType,
        default=Operation.UPSERT.value,
        allowed_values=OPERATIONS,
        title="Operation",
        description="What to do with the records, unless `streams` has another operation.",
    ),
    th.Property(
        "external_id",
        th.StringType,
        title="External Id Field",
        description="Field by which upserts find their record, and updates and deletes if "
        "`operation` is one; unless `streams` has another one.",
    ),
    th.Property(
        "streams",
        th.ObjectType(additional_properties=STREAM),
        default={},
        title="Streams",
        description="Settings of single streams, by name or glob, in any case. All globs that fit "
        "apply in their order, then the name; the later one wins.",
    ),
    th.Property(
        "nulls",
        th.StringType,
        default="clear",
        allowed_values=NULLS,
        title="Nulls",
        description="Whether a null clears the field or leaves it as it is.",
    ),
    th.Property(
        "precision_loss",
        th.StringType,
        default=PrecisionLoss.FIT.value,
        allowed_values=[policy.value for policy in PrecisionLoss],
        title="Precision Loss",
        description="Whether a value that Salesforce would store as another (parts of a second, "
        "more decimals than the field has, CR in a text) is sent as Salesforce stores it, and "
        "counted in the report, or its record is rejected.",
    ),
    th.Property(
        "unknown_fields",
        th.StringType,
        default="error",
        allowed_values=UNKNOWN_FIELDS,
        title="Unknown Fields",
        description="What to do with a record field that has no writable Salesforce field: an "
        "error, or leave it out.",
    ),
    th.Property(
        "max_rejects",
        # From an environment variable, as Meltano sets it, a count is a string.
        th.CustomType({"type": ["string", "integer"]}),
        default="0",
        title="Most Rejects",
        description='Rejected rows a run may have: a count, or a share such as "2%" of the rows '
        "read. Beyond it the exit code is 1; all rejects are in the rejects files either way.",
    ),
    th.Property(
        "delete_cap",
        th.CustomType({"type": ["string", "integer"]}),
        default="10%",
        title="Delete Cap",
        description="Records that a mirror may delete in one run, for each stream: a count, or a "
        "share, rounded up, of the records of the org that it covers. Beyond it nothing more is "
        "deleted, and the exit code is 1.",
    ),
    th.Property(
        "output_dir",
        th.StringType,
        default="output",
        title="Output Folder",
        description="Folder of the rejects files and reports.",
    ),
    th.Property(
        "write_results",
        th.BooleanType,
        default=False,
        title="Write Results",
        description="Write the key, Id and job of each row that is in Salesforce into the results "
        "files. A job then has at most 50,000 rows.",
    ),
    th.Property(
        "journal_path",
        th.CustomType({"type": ["string", "boolean"]}),
        title="Journal",
        description="File of the journal, by which the next run settles what a killed run left; "
        "`off` for no journal. Without it: `journal.sqlite` in `output_dir`.",
    ),
    th.Property(
        "max_job_mb",
        th.NumberType(exclusive_minimum=0, maximum=MAX_JOB_BYTES // _MEGABYTE),
        default=100,
        title="Largest Job",
        description="Largest CSV of one job, in MB.",
    ),
    th.Property(
        "api_type",
        th.StringType,
        default=_BULK2,
        allowed_values=[_BULK2, _BULK1],
        title="API Type",
        description="The API that loads: Bulk API 2.0, or 1.0 (`BULK`), whose jobs have batches of "
        "at most 10,000 rows and 10 MB.",
    ),
    th.Property(
        "concurrency",
        th.StringType,
        default=Concurrency.PARALLEL.value,
        allowed_values=[mode.value for mode in Concurrency],
        title="Concurrency",
        description="With `api_type` `BULK`: whether Salesforce processes the batches of a job in "
        "parallel. `Serial` is slower and avoids locks.",
    ),
    th.Property(
        "batch_size_rows",
        th.IntegerType(minimum=1),
        title="Most Rows of a Job",
        description="Most rows of one job; without it, only `max_job_mb` ends a job.",
    ),
    th.Property(
        "batch_wait_limit_seconds",
        # A larger number may be too large for the clock.
        th.NumberType(minimum=0, maximum=1_000_000_000),
        title="Longest Wait for Rows",
        description="How many seconds a job may wait for further rows after its first one. "
        "Without it, a job is sent when it is full or the input ends.",
    ),
    th.Property(
        "max_jobs_in_flight",
        th.IntegerType(minimum=1),
        default=5,
        title="Jobs in Flight",
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
        title="Dry Run",
        description="Check everything and write the CSV files that would be sent, with rejects and "
        "reports, into the folder `dry-run` of `output_dir`. Nothing is sent, no STATE is written.",
    ),
)

SETTINGS: dict[str, Any] = nullable(th.PropertiesList(*_LOADING).to_dict())
SETTINGS["properties"] = {
    **SIGN_IN_SCHEMA,
    **SETTINGS["properties"],
    **JOB_SCHEMA,
    **QUOTA_SCHEMA,
}
"""JSON Schema of the target's own settings."""


SDK_SETTINGS = {
    "load_method": SdkSetting(
        "`operation` is its name: `insert` for append-only, `upsert` for upsert, `mirror` for"
        " overwrite",
        refused="*",
    ),
    "hard_delete": SdkSetting(
        "the `operation` of a stream decides: `delete` and `hardDelete` delete its records, a"
        " `mirror` the records that it no longer has",
        refused=("true",),
    ),
    "process_activate_version_messages": SdkSetting(
        "the `operation` of a stream decides: a `mirror` deletes by ACTIVATE_VERSION messages, no"
        " other does",
        refused="*",
    ),
    "add_record_metadata": SdkSetting(
        "no `_sdc_` field is sent; `constants` and `stream_maps` can fill fields of your own",
        refused=("true",),
    ),
    "validate_records": SdkSetting(
        "every value is checked, and a record with a wrong one is rejected: see `max_rejects`",
        refused=("false",),
    ),
    "batch_config": SdkSetting("the tap decides whether it sends BATCH messages"),
    "default_target_schema": SdkSetting("Salesforce has no schemas"),
}
"""Settings of the SDK's loaders that the target does not have."""


def with_defaults(config: Mapping[str, Any]) -> dict[str, Any]:
    """Every setting of the target; one that is not given, or given as null, has its default."""
    return {
        name: schema.get("default") if config.get(name) is None else config[name]
        for name, schema in SETTINGS["properties"].items()
    }


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
