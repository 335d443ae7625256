"""The org's limits: counts of API requests and jobs, the answer of /limits, the page size."""

from __future__ import annotations

import re
import threading
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sfbulk_sandbox.faults.errors import Fault

DAILY_API_REQUESTS = "DailyApiRequests"
DAILY_QUERY_JOBS = "DailyBulkV2QueryJobs"
DAILY_INGEST_BATCHES = "DailyBulkApiBatches"

# The names and numbers of a recorded org (50.0), with more requests and rows. Limits that the
# sandbox does not count never change.
_MAXIMA = {
    "AnalyticsExternalDataSizeMB": 40_960,
    "BOZosCalloutHourlyLimit": 20_000,
    "ConcurrentAsyncGetReportInstances": 200,
    "ConcurrentEinsteinDataInsightsStoryCreation": 5,
    "ConcurrentEinsteinDiscoveryStoryCreation": 2,
    "ConcurrentSyncReportRuns": 20,
    "DailyAnalyticsDataflowJobExecutions": 60,
    "DailyAnalyticsUploadedFilesSizeMB": 51_200,
    DAILY_API_REQUESTS: 100_000,
    "DailyAsyncApexExecutions": 250_000,
    DAILY_INGEST_BATCHES: 15_000,
    "DailyBulkV2QueryFileStorageMB": 976_562,
    DAILY_QUERY_JOBS: 10_000,
    "DailyDurableGenericStreamingApiEvents": 10_000,
    "DailyDurableStreamingApiEvents": 10_000,
    "DailyEinsteinDataInsightsStoryCreation": 1_000,
    "DailyEinsteinDiscoveryPredictAPICalls": 50_000,
    "DailyEinsteinDiscoveryPredictionsByCDC": 500_000,
    "DailyEinsteinDiscoveryStoryCreation": 100,
    "DailyGenericStreamingApiEvents": 10_000,
    "DailyManagedContentPublicRequests": 50_000,
    "DailyStandardVolumePlatformEvents": 10_000,
    "DailyStreamingApiEvents": 10_000,
    "DailyWorkflowEmails": 405,
    "DataStorageMB": 10_240,
    "DurableStreamingApiConcurrentClients": 20,
    "FileStorageMB": 10_240,
    "HourlyAsyncReportRuns": 1_200,
    "HourlyDashboardRefreshes": 200,
    "HourlyDashboardResults": 5_000,
    "HourlyDashboardStatuses": 999_999_999,
    "HourlyLongTermIdMapping": 100_000,
    "HourlyODataCallout": 1_000,
    "HourlyPublishedPlatformEvents": 50_000,
    "HourlyPublishedStandardVolumePlatformEvents": 1_000,
    "HourlyShortTermIdMapping": 100_000,
    "HourlySyncReportRuns": 500,
    "HourlyTimeBasedWorkflow": 50,
    "MassEmail": 10,
    "MonthlyEinsteinDiscoveryStoryCreation": 500,
    "MonthlyPlatformEventsUsageEntitlement": 0,
    "Package2VersionCreates": 6,
    "Package2VersionCreatesWithoutValidation": 500,
    "PermissionSets": 1_500,
    "PrivateConnectOutboundCalloutHourlyLimitMB": 0,
    "SingleEmail": 15,
    "StreamingApiConcurrentClients": 20,
}
# Limits with nested numbers of connected apps, so that clients see values that are not numbers.
_PER_APP = (
    DAILY_API_REQUESTS,
    DAILY_INGEST_BATCHES,
    "DailyGenericStreamingApiEvents",
    "DailyStreamingApiEvents",
)
_APPS = ("Ant Migration Tool", "Dataloader Bulk", "Dataloader Partner", "Workbench")
_CUSTOM_PERMISSION_SETS = 1000
# Up to v48, ingest batches had another name (REST guide: Limits).
_BATCHES_RENAMED_IN = 49.0
_OLD_INGEST_BATCHES = "DailyBulkApiRequests"

# Salesforce does not document its page size. jsforce 3.10 fails on a second page, so a small result
# must be one page.
DEFAULT_PAGE_ROWS = 100_000

# The characters that are valid in the header value.
_APP_NAME = re.compile(r"[!-'*-+\--~][ -'*-+\--~]*")


@dataclass(frozen=True)
class _App:
    """A connected app with its own limit; `before` requests were made before it was set."""

    name: str
    maximum: int
    before: int

    def used(self, used: int) -> int:
        return max(0, used - self.before)


class Usage:
    """The use of the daily limits. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._used: Counter[str] = Counter()
        self._app: _App | None = None

    def count(self, limit: str, amount: int = 1) -> None:
        """Count a use of a limit."""
        with self._lock:
            self._used[limit] += amount

    def left(self, limit: str) -> int:
        """Return what remains of a limit."""
        return max(0, _MAXIMA[limit] - self._used[limit])

    def spend(self, limit: str) -> None:
        """Count a use of a limit, if something remains.

        Raises:
            Fault: The limit is used up: 403 for API requests, 400 for jobs and batches.
        """
        self.check(limit)
        self.count(limit)

    def check(self, limit: str) -> None:
        """Raise a fault if a limit is used up.

        Raises:
            Fault: 403 for API requests, 400 for jobs and batches.
        """
        if self.left(limit) > 0:
            return
        if limit == DAILY_API_REQUESTS:
            text = "TotalRequests Limit exceeded."
            raise Fault(code="REQUEST_LIMIT_EXCEEDED", message=text, status=403)
        if limit == DAILY_QUERY_JOBS:
            # The text is from the tests of Airbyte's source connector.
            text = (
                f"Max bulk v2 query jobs ({_MAXIMA[limit]}) per 24 hrs has been reached "
                f"({self._used[limit]})"
            )
            raise Fault(code="LIMIT_EXCEEDED", message=text)
        raise Fault(code="LIMIT_EXCEEDED", message=f"{limit} Limit exceeded.")

    def leave(self, limit: str, remaining: int) -> None:
        """Set what remains of a limit.

        Raises:
            ValueError: There is no such limit, or it is not that large.
        """
        check_remaining(limit, remaining)
        with self._lock:
            self._used[limit] = _MAXIMA[limit] - remaining

    def set_app(self, name: str | None, maximum: int = 250) -> None:
        """Set a limit of API requests for the connected app. It counts from now.

        Args:
            name: The app's name; None removes the limit.
            maximum: Requests a day. They are counted and shown, but not refused.

        Raises:
            ValueError: The name is empty or not valid in a header, or the number is below one.
        """
        if name is not None and not _APP_NAME.fullmatch(name):
            raise ValueError(
                f"an app's name must be ASCII without brackets and commas, not {name!r}"
            )
        if isinstance(maximum, bool) or not isinstance(maximum, int) or maximum < 1:
            raise ValueError(
                f"an app's limit must be a whole number of at least 1, not {maximum!r}"
            )
        with self._lock:
            used = self._used[DAILY_API_REQUESTS]
            self._app = _App(name, maximum, used) if name else None

    def reset(self) -> None:
        """Set all counts to zero, and remove the app's limit."""
        with self._lock:
            self._used.clear()
            self._app = None

    def header(self) -> str:
        """Return Sforce-Limit-Info (REST guide: Limit Info Header)."""
        used = self._used[DAILY_API_REQUESTS]
        text = f"api-usage={used}/{_MAXIMA[DAILY_API_REQUESTS]}"
        app = self._app
        if app is None:
            return text
        own = f"per-app-api-usage={app.used(used)}/{app.maximum}(appName={app.name})"
        return f"{text}, {own}"

    def document(self, version: float) -> dict[str, Any]:
        """Return the answer of /limits in an API version (REST guide: Limits)."""
        document: dict[str, Any] = {
            name: {"Max": most, "Remaining": self.left(name)} for name, most in _MAXIMA.items()
        }
        for name in _PER_APP:
            document[name] |= {app: {"Max": 0, "Remaining": 0} for app in _APPS}
        if app := self._app:
            left = max(0, app.maximum - app.used(self._used[DAILY_API_REQUESTS]))
            document[DAILY_API_REQUESTS][app.name] = {"Max": app.maximum, "Remaining": left}
        custom = {"Max": _CUSTOM_PERMISSION_SETS, "Remaining": _CUSTOM_PERMISSION_SETS}
        document["PermissionSets"]["CreateCustom"] = custom
        if version < _BATCHES_RENAMED_IN:
            document = {
                _OLD_INGEST_BATCHES if name == DAILY_INGEST_BATCHES else name: numbers
                for name, numbers in document.items()
            }
        return document


class Paging:
    """How many rows a page has if the client does not ask for a number."""

    def __init__(self) -> None:
        self.rows = DEFAULT_PAGE_ROWS

    def set(self, rows: int) -> None:
        """Set the number of rows.

        Raises:
            ValueError: The number is below one.
        """
        if rows < 1:
            raise ValueError("a page must have at least one row")
        self.rows = rows

    def reset(self) -> None:
        """Go back to the default."""
        self.rows = DEFAULT_PAGE_ROWS


def check_remaining(limit: str, remaining: int) -> None:
    """Raise a ValueError if there is no such limit, or if so much cannot remain."""
    if limit not in _MAXIMA:
        raise ValueError(f"there is no limit {limit!r}; GET /limits lists them")
    if isinstance(remaining, bool) or not isinstance(remaining, int):
        raise ValueError(f"what remains of {limit} must be a whole number, not {remaining!r}")  # noqa: TRY004 - the test's mistake, as the others
    if not 0 <= remaining <= _MAXIMA[limit]:
        raise ValueError(f"what remains of {limit} must be from 0 to {_MAXIMA[limit]}")
