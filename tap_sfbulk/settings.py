"""The tap's settings: their schema, the checks of their values, and what they mean.

No I/O, except that it checks whether `spool_dir` exists.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

from sfbulk.problems import collecting
from sfbulk.quota import QUOTA_SCHEMA
from sfbulk.settings import JOB_SCHEMA, SIGN_IN_SCHEMA
from sfbulk.soql import condition_problem
from sfbulk_singer.settings import nullable, spool_dir, spool_dir_problems
from tap_sfbulk.api_choice import API_OPTIONS, API_SETTINGS, BY_ITSELF, ApiOption
from tap_sfbulk.output_settings import OUTPUT, output_problems
from tap_sfbulk.query_settings import parse_queries
from tap_sfbulk.refresh_settings import IDS_DIR, REFRESH_OPTIONS, sweep_problems
from tap_sfbulk.state import EARLIEST, LATEST, OutOfRangeError, parse_instant

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

DEFAULT_LOOKBACK = 600

DEFAULT_JOBS_AHEAD = 25
"""No source says how many query jobs of an org Salesforce works on at a time; further ones wait in
its queue, at the cost of polls. So it is the one documented number for work at a time: production
orgs may have 25 long requests."""

DEFAULT_SPOOL_LIMIT_MB = 2000
LONGEST_LOOKBACK = 100 * 366 * 24 * 3600
"""A hundred years, which is all history."""

_STREAM_OPTIONS = th.ObjectType(
    th.Property(
        "where",
        th.StringType,
        title="Where",
        description="SOQL condition that rows must meet, e.g. `Type = 'Customer'`.",
    ),
    th.Property(
        "replication_key",
        th.StringType,
        title="Replication Key",
        description="Date/time field to read the object by. Rows without a value are not read.",
    ),
    th.Property(
        "lookback",
        th.IntegerType(minimum=0, maximum=LONGEST_LOOKBACK),
        title="Lookback",
        description="Seconds, instead of the tap's `lookback`.",
    ),
    th.Property(
        "parent_fields",
        th.ArrayType(th.StringType),
        title="Parent Fields",
        description=(
            "Fields of parents to read as columns too, such as `Account.Owner.Name`, which "
            "becomes the property `Account_Owner_Name`."
        ),
    ),
    th.Property(
        "exclude_formulas",
        th.BooleanType,
        title="Exclude Formulas",
        description="Instead of the tap's `exclude_formulas`.",
    ),
    *REFRESH_OPTIONS,
    *API_OPTIONS,
    additional_properties=False,
)

_QUERY = th.ObjectType(
    th.Property(
        "name", th.StringType, required=True, title="Name", description="Name of the stream."
    ),
    th.Property(
        "soql",
        th.StringType,
        required=True,
        title="SOQL",
        description="SELECT statement of fields and of parents' fields, such as `Account.Name`.",
    ),
    th.Property(
        "key_properties",
        th.ArrayType(th.StringType),
        title="Key Properties",
        description="Columns that identify a row. Without it: Id, if it is selected.",
    ),
    th.Property(
        "replication_key",
        th.StringType,
        title="Replication Key",
        description="Date/time column to read the query by. Without it: all rows in each run.",
    ),
    additional_properties=False,
)

_READING = (
    th.Property(
        "streams_to_discover",
        th.ArrayType(th.StringType),
        title="Streams to Discover",
        description=(
            "Names and globs (`Account`, `*__c`) of the objects to read. "
            "Without it: every object that can be queried."
        ),
    ),
    th.Property(
        "exclude_streams",
        th.ArrayType(th.StringType),
        title="Excluded Streams",
        description="Names and globs of objects to leave out.",
    ),
    th.Property(
        "stream_options",
        th.ObjectType(additional_properties=_STREAM_OPTIONS),
        title="Stream Options",
        description=(
            "Options by object name or glob, in any case: `where`, `replication_key`, `lookback`, "
            "`parent_fields`, `exclude_formulas`, `refresh_formulas`, `hard_deletes`, `api_type`, "
            "`chunk_size`. All globs that fit apply in their order, then the name; the later one "
            "wins."
        ),
    ),
    th.Property(
        "queries",
        th.ArrayType(_QUERY),
        title="Queries",
        description=(
            "Streams of custom SOQL, each with `name` and `soql`, and if you like "
            "`key_properties` and `replication_key`."
        ),
    ),
    th.Property(
        "exclude_formulas",
        th.BooleanType,
        default=False,
        title="Exclude Formulas",
        description="Leave out calculated fields: their values change without a change of the row.",
    ),
    th.Property(
        "start_date",
        th.DateTimeType,
        title="Start Date",
        description=(
            "Read rows from this date-time on, if there is no bookmark. Without it: all history."
        ),
    ),
    th.Property(
        "end_date",
        th.DateTimeType,
        title="End Date",
        description="Read only rows before this date-time. Without it: up to now.",
    ),
    th.Property(
        "lookback",
        th.IntegerType(minimum=0, maximum=LONGEST_LOOKBACK),
        default=DEFAULT_LOOKBACK,
        title="Lookback",
        description=(
            "Seconds before the end of the last window to read again: a row gets its stamp "
            "before it is committed and may become visible late."
        ),
    ),
    th.Property(
        "include_deleted",
        th.BooleanType,
        default=True,
        title="Include Deleted",
        description=(
            "Read deleted rows too; they carry `IsDeleted` true. Archived rows are read always."
        ),
    ),
    *API_SETTINGS,
    th.Property(
        "max_jobs_ahead",
        th.IntegerType(minimum=0),
        default=DEFAULT_JOBS_AHEAD,
        title="Jobs Ahead",
        description=(
            "Most query jobs that are submitted before their stream is read, so that Salesforce "
            "works on them meanwhile. 0 submits one after another."
        ),
    ),
    th.Property(
        "on_bad_value",
        th.StringType,
        allowed_values=["error", "null"],
        default="error",
        title="On Bad Value",
        description=(
            "What happens to a value that does not fit the type of its field: `error` fails the "
            'stream, `"null"` (in quotes in YAML) sends null, with a warning that counts.'
        ),
    ),
    spool_dir("result pages while they are read"),
    IDS_DIR,
    th.Property(
        "spool_limit_mb",
        th.IntegerType(minimum=1),
        default=DEFAULT_SPOOL_LIMIT_MB,
        title="Spool Limit",
        description=(
            "Megabytes of result pages, of all streams together, above which no download is begun "
            "but the one that is read next."
        ),
    ),
)

SETTINGS: dict[str, Any] = nullable(th.PropertiesList(*_READING, *OUTPUT).to_dict())
SETTINGS["properties"] = {
    **SIGN_IN_SCHEMA,
    **SETTINGS["properties"],
    **JOB_SCHEMA,
    **QUOTA_SCHEMA,
}
"""JSON Schema of the tap's own settings."""


@dataclass(frozen=True)
class RunOptions:
    """What the settings say about all streams of a run."""

    start: datetime | None = None
    end: datetime | None = None
    spool_dir: Path | None = None
    spool_limit_mb: int = DEFAULT_SPOOL_LIMIT_MB
    max_jobs_ahead: int = DEFAULT_JOBS_AHEAD
    has_quota: bool = False

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> RunOptions:
        """From settings that were checked; null means the same as a setting that is not given."""
        start, end, folder = (config.get(n) for n in ("start_date", "end_date", "spool_dir"))
        return cls(
            start=_instant(start),
            end=_instant(end),
            spool_dir=Path(folder) if folder else None,
            spool_limit_mb=int(config.get("spool_limit_mb", DEFAULT_SPOOL_LIMIT_MB)),
            max_jobs_ahead=int(config.get("max_jobs_ahead", DEFAULT_JOBS_AHEAD)),
            has_quota=any(config.get(name) is not None for name in QUOTA_SCHEMA),
        )


@dataclass(frozen=True)
class StreamOptions:
    """What the settings say about one stream."""

    lookback: timedelta
    where: str | None = None
    replication_key: str | None = None
    include_deleted: bool = True
    parent_fields: tuple[str, ...] = ()
    exclude_formulas: bool = False
    refresh_formulas: timedelta | None = None
    """How often they are read again; None never."""
    hard_deletes: str | None = None
    """How rows that are gone are found: `recent`, `sweep`, or None."""
    ids_dir: Path | None = None
    nulls_bad_values: bool = False
    """Whether a value that does not fit its type is sent as null; else it is an error."""
    api: ApiOption = BY_ITSELF

    @classmethod
    def parse(cls, options: Mapping[str, Any], config: Mapping[str, Any]) -> StreamOptions:
        """From the options of the stream and from the settings of the tap."""
        wanted, folder = options.get("hard_deletes"), config.get("ids_dir")
        seconds, days = _first(options, config, "lookback"), options.get("refresh_formulas")
        return cls(
            lookback=timedelta(seconds=DEFAULT_LOOKBACK if seconds is None else seconds),
            where=options.get("where"),
            replication_key=options.get("replication_key"),
            include_deleted=config.get("include_deleted") is not False,
            parent_fields=tuple(options.get("parent_fields") or ()),
            exclude_formulas=_first(options, config, "exclude_formulas") is True,
            refresh_formulas=timedelta(days=days) if days else None,
            hard_deletes=None if wanted in (None, "none") else wanted,
            ids_dir=Path(folder) if folder else None,
            nulls_bad_values=config.get("on_bad_value") == "null",
            api=ApiOption.parse(options, config),
        )


def _first(options: Mapping[str, Any], config: Mapping[str, Any], name: str) -> Any:
    """What the stream's options say, or else the tap's settings; None if neither says it."""
    own = options.get(name)
    return config.get(name) if own is None else own


def own_problems(config: Mapping[str, Any]) -> list[str]:
    """What the JSON Schema cannot find in the tap's own settings, one sentence each."""
    problems = _date_problems(config.get("start_date"), config.get("end_date"))
    queries = config.get("queries") or []
    if config.get("streams_to_discover") == [] and not queries:
        problems.append("streams_to_discover is empty. Name an object, or leave the setting out.")
    with collecting(problems):
        parse_queries(queries)
    problems += spool_dir_problems(config.get("spool_dir"))
    problems += sweep_problems(config)
    problems += _where_problems(config.get("stream_options") or {})
    return [*problems, *output_problems(config)]


def _where_problems(options: Mapping[str, Mapping[str, Any] | None]) -> Iterator[str]:
    for name, each in options.items():
        where = (each or {}).get("where")
        if where and (problem := condition_problem(where)):
            yield f"stream_options, {name}: where: {problem}"


def _date_problems(start: Any, end: Any) -> list[str]:
    instants = {name: _instant(text) for name, text in (("start_date", start), ("end_date", end))}
    given = {"start_date": start, "end_date": end}
    problems = [
        f"{name} is neither a date nor a date-time. Write it as 2026-01-31T00:00:00Z."
        for name, instant in instants.items()
        if given[name] and instant is None
    ]
    lower, upper = instants.values()
    if lower and upper and lower >= upper:
        problems.append("start_date must be before end_date.")
    return problems


def _instant(text: Any) -> datetime | None:
    """The date-time of a setting, or the nearest that Salesforce has; None if it is no date-time.

    A date of the year 1 means "everything", and rows have no date beyond these.
    """
    try:
        instant = parse_instant(text)
    except OutOfRangeError:
        return EARLIEST if text.startswith("0001") else LATEST
    except (TypeError, ValueError):
        return None
    return min(max(instant, EARLIEST), LATEST)
