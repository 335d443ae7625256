"""The org's daily limits: what Salesforce says of them, and where a run must stop; no I/O.

Two settings set the line, for every daily limit that a run uses up:

- `quota_percent_total`: the share of a limit that may be used in the org, by everybody.
- `quota_percent_per_run`: the share of it that this run may use.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from sfbulk.errors import ConfigError, QuotaReached

if TYPE_CHECKING:
    from collections.abc import Mapping

API_REQUESTS = "DailyApiRequests"
QUERY_JOBS = "DailyBulkV2QueryJobs"
QUERY_STORAGE = "DailyBulkV2QueryFileStorageMB"
BATCHES = "DailyBulkApiBatches"

ROWS_PER_BATCH = 10_000
"""Bulk API 2.0 makes a batch of its own of so many rows (Bulk API guide: Limits)."""

QUOTA_SCHEMA: dict[str, dict[str, Any]] = {
    "quota_percent_total": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 100,
        "title": "Quota for the Org",
        "description": "Begin no further work once so many per cent of a daily limit of the org "
        "(API requests, bulk query jobs and storage, bulk batches) are used, by whomever.",
    },
    "quota_percent_per_run": {
        "type": ["number", "null"],
        "exclusiveMinimum": 0,
        "maximum": 100,
        "title": "Quota for the Run",
        "description": "Begin no further work once this run has used so many per cent of a daily "
        "limit of the org.",
    },
}
"""JSON Schema of the settings above."""

_PAIR = re.compile(r"([\w-]+)=([0-9]+)/([0-9]+)(?:\(appName=([^)]*)\))?")


@dataclass(frozen=True)
class Usage:
    """How much of a limit is used up."""

    used: int
    allowed: int


@dataclass(frozen=True)
class LimitInfo:
    """What the header `Sforce-Limit-Info` says."""

    org: Usage
    app: Usage | None = None
    """The part of a connected app that has a limit of its own."""
    app_name: str | None = None


@dataclass(frozen=True)
class Limit:
    """One limit of the org; `per_app` has those of connected apps inside it."""

    maximum: int
    remaining: int
    per_app: Mapping[str, Limit] = field(default_factory=dict, repr=False)

    @property
    def used(self) -> int:
        """What is used up; never below zero, though an org may allow more than its maximum."""
        return max(self.maximum - self.remaining, 0)


def parse_limit_info(text: str) -> LimitInfo | None:
    """What a `Sforce-Limit-Info` header says; None when it speaks of no API usage.

    Forms: `api-usage=18/5000`, and `api-usage=25/5000, per-app-api-usage=17/250(appName=x)`
    (REST API guide: Limit Info Header).
    """
    found = {name: (Usage(int(u), int(a)), app) for name, u, a, app in _PAIR.findall(text)}
    if "api-usage" not in found:
        return None
    app, name = found.get("per-app-api-usage", (None, None))
    return LimitInfo(found["api-usage"][0], app, name)


def parse_limits(reply: Mapping[str, Any]) -> dict[str, Limit]:
    """The limits in the reply of `/limits`; entries that are no limit are left out."""
    limits = {name: _limit(entry) for name, entry in reply.items()}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _limit(entry: Any) -> Limit | None:
    if not isinstance(entry, dict):
        return None
    maximum, remaining = entry.get("Max"), entry.get("Remaining")
    if not isinstance(maximum, int) or not isinstance(remaining, int):
        return None
    nested = {name: _limit(value) for name, value in entry.items()}
    return Limit(maximum, remaining, {name: limit for name, limit in nested.items() if limit})


@dataclass(frozen=True)
class _Line:
    setting: str
    percent: float
    height: int
    who: str
    used: int


@dataclass(frozen=True)
class Quota:
    """How much of the org's daily limits may be used, in per cent; None is no line."""

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

    def lines(self, org: Usage, used_by_run: int) -> list[_Line]:
        """Where a limit's lines are and how far along use is."""
        total, per_run = self.percent_total, self.percent_per_run
        total_name, per_run_name = QUOTA_SCHEMA
        lines = (
            (total_name, total, "The org has", org.used),
            (per_run_name, per_run, "This run has", used_by_run),
        )
        return [
            _Line(setting, percent, int(org.allowed * percent / 100), who, used)
            for setting, percent, who, used in lines
            if percent is not None
        ]


def _is_percentage(value: Any) -> bool:
    if value is None:
        return True
    # A Singer command reads the numbers of its settings as Decimal.
    is_number = isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)
    return is_number and 0 < float(value) <= 100  # noqa: PLR2004 - per cent


class Ledger:
    """What this run has used, and what the org has as far as is known."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._org: dict[str, Usage] = {}
        self._run: dict[str, int] = {}

    def note(self, name: str, usage: Usage) -> None:
        """Take Salesforce's own count of a limit."""
        self._org[name] = usage

    def spend(self, name: str, amount: int = 1) -> None:
        """Count what this run uses; between Salesforce's counts it is part of the org's too."""
        self._run[name] = self._run.get(name, 0) + amount
        if name in self._org:
            known = self._org[name]
            self._org[name] = Usage(known.used + amount, known.allowed)

    def require(self, name: str, amount: int = 1) -> None:
        """Make sure that so much more may be used; of what is not known, any amount may.

        Raises:
            QuotaReached: It would cross a line; says which and by how much.
        """
        org = self._org.get(name)
        if org is None:
            return
        for line in self._quota.lines(org, self._run.get(name, 0)):
            if line.used + amount > line.height:
                raise QuotaReached(
                    f"{line.who} used {line.used:,} of {org.allowed:,} {name}, and {line.setting} "
                    f"({line.percent:g}) draws the line at {line.height:,}: {amount:,} more would "
                    f"cross it by {line.used + amount - line.height:,}. Nothing further was begun. "
                    f"Run again later (the org counts 24 hours back), or raise {line.setting}."
                )
