"""The org's daily limits as Salesforce reports them, and how much a run may use; no I/O.

Two settings limit the use of every daily limit that a run needs:

- `quota_percent_total`: the share of a limit that all users of the org together may use.
- `quota_percent_per_run`: the share of a limit that this run may use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sfbulk.errors import ConfigError, QuotaReached
from sfbulk.http.shapes import Count, Shape

if TYPE_CHECKING:
    from collections.abc import Mapping

API_REQUESTS = "DailyApiRequests"
QUERY_JOBS = "DailyBulkV2QueryJobs"
QUERY_STORAGE = "DailyBulkV2QueryFileStorageMB"
BATCHES = "DailyBulkApiBatches"

ROWS_PER_BATCH = 10_000
"""Bulk API 2.0 divides a job into batches of this many rows (Bulk API guide: Limits)."""

QUOTA_SCHEMA: dict[str, dict[str, Any]] = {
    "quota_percent_total": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 100,
        "title": "Quota for the Org",
        "description": "Start no new work when this percentage of a daily limit of the org (API "
        "requests, bulk query jobs and storage, bulk batches) is used, by this run or by others.",
    },
    "quota_percent_per_run": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 100,
        "title": "Quota for the Run",
        "description": "Start no new work when this run has used this percentage of a daily limit "
        "of the org.",
    },
}
"""JSON Schema of the settings above."""

# Each part is bounded, so that the time for a long header does not grow with its square.
_PAIR = re.compile(
    r"(?<![\w-])([\w-]{1,50})=([0-9]{1,18})/([0-9]{1,18})(?:\(appName=([^)]{0,255})\))?"
)


@dataclass(frozen=True)
class Usage:
    """How much of a limit is used."""

    used: int
    allowed: int


@dataclass(frozen=True)
class LimitInfo:
    """The values of the header `Sforce-Limit-Info`."""

    org: Usage
    app: Usage | None = None
    """The usage of a connected app that has its own limit."""
    app_name: str | None = None


@dataclass(frozen=True)
class Limit:
    """One limit of the org; `per_app` has the limits of connected apps within it."""

    maximum: int
    remaining: int
    per_app: Mapping[str, Limit] = field(default_factory=dict, repr=False)

    @property
    def used(self) -> int:
        """How much is used; 0 if more than the maximum remains, which some orgs report."""
        return max(self.maximum - self.remaining, 0)


def parse_limit_info(text: str) -> LimitInfo | None:
    """The values of a `Sforce-Limit-Info` header; None if it has no API usage.

    Forms: `api-usage=18/5000`, and `api-usage=25/5000, per-app-api-usage=17/250(appName=x)`
    (REST API guide: Limit Info Header).
    """
    found = {name: (Usage(int(u), int(a)), app) for name, u, a, app in _PAIR.findall(text)}
    if "api-usage" not in found:
        return None
    app, name = found.get("per-app-api-usage", (None, None))
    return LimitInfo(found["api-usage"][0], app, name)


def parse_limits(document: Mapping[str, Any]) -> dict[str, Limit]:
    """The limits in the document of `/limits`; entries in another form are ignored."""
    limits = {}
    for name, entry in document.items():
        if limit := _ENTRY.read_or_none(entry):
            limits[name] = Limit(limit.maximum, limit.remaining, _per_app(entry))
    return limits


def _per_app(entry: Mapping[str, Any]) -> dict[str, Limit]:
    found = ((name, _ENTRY.read_or_none(value)) for name, value in entry.items())
    return {name: Limit(one.maximum, one.remaining) for name, one in found if one}


class _Entry(msgspec.Struct, rename={"maximum": "Max", "remaining": "Remaining"}):
    maximum: Count
    remaining: Annotated[int, msgspec.Meta(ge=-(10**15), le=10**15)]
    """Below zero if more was used than is allowed."""


_ENTRY = Shape(_Entry, "a limit", strict=False)


@dataclass(frozen=True)
class _Allowance:
    """What one setting allows of one daily limit."""

    setting: str
    percent: float
    allowed: int
    used: int
    who: str
    """Who used it: `The org` or `This run`."""


@dataclass(frozen=True)
class Quota:
    """How much of the org's daily limits may be used, in per cent; None does not limit it."""

    percent_total: float | None = None
    percent_per_run: float | None = None

    def __bool__(self) -> bool:
        return (self.percent_total, self.percent_per_run) != (None, None)

    @classmethod
    def parse(cls, settings: Mapping[str, Any]) -> Quota:
        """The quota that the settings name.

        Raises:
            ConfigError: a value is not a percentage; names all of them.
        """
        given = {name: settings.get(name) for name in QUOTA_SCHEMA}
        if wrong := [name for name, value in given.items() if not _is_percentage(value)]:
            raise ConfigError(
                [f"{name} must be a percentage: a number above 0 and up to 100." for name in wrong]
            )
        return cls(*(None if value is None else float(value) for value in given.values()))

    def allowances(self, org: Usage, used_by_run: int) -> list[_Allowance]:
        """What each setting allows of one limit."""
        total, per_run = self.percent_total, self.percent_per_run
        total_name, per_run_name = QUOTA_SCHEMA
        shares = (
            (total_name, total, org.used, "The org"),
            (per_run_name, per_run, used_by_run, "This run"),
        )
        # Rounded down, so that a run never uses more than its share.
        return [
            _Allowance(setting, percent, int(org.allowed * percent / 100), used, who)
            for setting, percent, used, who in shares
            if percent is not None
        ]


def _is_percentage(value: Any) -> bool:
    if value is None:
        return True
    # A Singer command reads the numbers of its settings as Decimal.
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    # A comparison with it is an error.
    is_nan = isinstance(value, Decimal) and value.is_nan()
    return is_number and not is_nan and 0 < value <= 100  # noqa: PLR2004 - per cent


class UsageCounter:
    """Counts what this run has used, and what the org has used as far as it is known."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._org: dict[str, Usage] = {}
        self._run: dict[str, int] = {}

    def note(self, name: str, usage: Usage) -> None:
        """Set Salesforce's own count of a limit."""
        self._org[name] = usage

    def spend(self, name: str, amount: int = 1) -> None:
        """Count what this run uses; until Salesforce's next count it is added to the org's."""
        self._run[name] = self._run.get(name, 0) + amount
        # Salesforce's own count is up to five minutes old.
        if name in self._org:
            known = self._org[name]
            self._org[name] = Usage(known.used + amount, known.allowed)

    def require(self, name: str, amount: int = 1) -> None:
        """Check that `amount` more may be used; a limit that is not known allows any amount.

        Raises:
            QuotaReached: it is more than a setting allows; names the setting.
        """
        org = self._org.get(name)
        if org is None:
            return
        for one in self._quota.allowances(org, self._run.get(name, 0)):
            if one.used + amount > one.allowed:
                raise QuotaReached(
                    f"{one.who} has used {one.used:,} of {org.allowed:,} {name}, and {one.setting} "
                    f"({one.percent:g}) allows {one.allowed:,}: {amount:,} more would be too many. "
                    "No new work was started. Run again later (Salesforce counts the last 24 "
                    f"hours), or raise {one.setting}."
                )
