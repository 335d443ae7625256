"""The org's limits, and where a run with a quota stops."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import ConfigError, QuotaReached, Salesforce, SalesforceError
from sfbulk.quota.limits import Quota, Usage, UsageCounter, parse_limit_info, parse_limits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock


@pytest.mark.parametrize(
    ("text", "org", "app", "name"),
    [
        ("api-usage=18/5000", Usage(18, 5000), None, None),
        (
            "api-usage=25/5000, per-app-api-usage=17/250(appName=sample-connected-app)",
            Usage(25, 5000),
            Usage(17, 250),
            "sample-connected-app",
        ),
        (
            "per-app-api-usage=17/250(appName=Two, words=1/2), api-usage=25/5000",
            Usage(25, 5000),
            Usage(17, 250),
            "Two, words=1/2",
        ),
        ("api-usage=16000/15000", Usage(16000, 15000), None, None),
    ],
)
def test_the_header_is_read_in_all_its_forms(
    text: str, org: Usage, app: Usage | None, name: str | None
) -> None:
    info = parse_limit_info(text)
    assert info is not None
    assert (info.org, info.app, info.app_name) == (org, app, name)


@pytest.mark.parametrize("text", ["", "api-usage=", "per-app-api-usage=1/2(appName=x)", "hello"])
def test_a_header_without_the_orgs_usage_says_nothing(text: str) -> None:
    assert parse_limit_info(text) is None


def test_limits_of_connected_apps_are_separate() -> None:
    limits = parse_limits(
        {
            "DailyApiRequests": {
                "Max": 15000,
                "Remaining": 14988,
                "Dataloader Bulk": {"Max": 0, "Remaining": 0},
            },
            "DataStorageMB": {"Max": 45, "Remaining": 50},
            "SomethingNew": "a text",
            "WithoutNumbers": {"Max": None},
        }
    )
    assert set(limits) == {"DailyApiRequests", "DataStorageMB"}
    requests = limits["DailyApiRequests"]
    assert (requests.maximum, requests.used) == (15000, 12)
    assert requests.per_app["Dataloader Bulk"].maximum == 0
    assert limits["DataStorageMB"].used == 0


def test_a_quota_may_be_used_up_and_not_exceeded() -> None:
    usage = UsageCounter(Quota(percent_total=90))
    usage.note("DailyApiRequests", Usage(899, 1000))
    usage.require("DailyApiRequests")
    usage.spend("DailyApiRequests")
    with pytest.raises(QuotaReached) as stopped:
        usage.require("DailyApiRequests", 3)
    assert "The org has used 900 of 1,000 DailyApiRequests" in stopped.value.message
    assert "allows 900: 3 more would be too many" in stopped.value.message
    assert "quota_percent_total (90)" in stopped.value.message


def test_the_run_has_its_own_quota() -> None:
    usage = UsageCounter(Quota(percent_per_run=1))
    usage.note("DailyApiRequests", Usage(0, 500))
    for _ in range(5):
        usage.require("DailyApiRequests")
        usage.spend("DailyApiRequests")
    # What others use does not count here.
    usage.note("DailyApiRequests", Usage(400, 500))
    with pytest.raises(QuotaReached, match=r"This run has used 5 of 500 .*quota_percent_per_run"):
        usage.require("DailyApiRequests")


@given(st.integers(1, 100_000), st.floats(0.1, 100), st.lists(st.integers(0, 50), max_size=40))
def test_what_a_run_may_use_never_adds_up_to_more_than_its_share(
    allowed: int, percent: float, amounts: list[int]
) -> None:
    usage = UsageCounter(Quota(percent_per_run=percent))
    usage.note("X", Usage(0, allowed))
    used = 0
    for amount in amounts:
        try:
            usage.require("X", amount)
        except QuotaReached:
            continue
        usage.spend("X", amount)
        used += amount
    assert used * 100 <= allowed * percent


def test_the_orgs_limits_have_salesforces_names(sf: Salesforce) -> None:
    limits = sf.limits()
    assert limits["DailyApiRequests"].maximum > limits["DailyApiRequests"].remaining > 0
    for name in ("DailyBulkV2QueryJobs", "DailyBulkV2QueryFileStorageMB", "DailyBulkApiBatches"):
        assert limits[name].remaining == limits[name].maximum


def settings_of(sandbox: Sandbox, **more: Any) -> dict[str, Any]:
    return {
        "login_url": sandbox.url,
        "client_id": sandbox.client_id,
        "client_secret": sandbox.client_secret,
        **more,
    }


@pytest.fixture
def sparing(sandbox: Sandbox, clock: FakeClock) -> Iterator[Salesforce]:
    """A client that may use 0.02 % of each limit: 20 of 100,000 requests, 2 of 10,000 jobs."""
    settings = settings_of(sandbox, quota_percent_per_run=0.02)
    with Salesforce.from_settings(settings, clock=clock) as sf:
        yield sf


def data_calls(sandbox: Sandbox) -> list[str]:
    return [f"{r.method} {r.path}" for r in sandbox.requests if "/services/data/" in r.path]


def test_a_run_stops_before_the_request_that_would_exceed_its_quota(
    sandbox: Sandbox, sparing: Salesforce
) -> None:
    for _ in range(20):
        sparing.describe("Account")
    with pytest.raises(QuotaReached, match="This run has used 20 of 100,000 DailyApiRequests"):
        sparing.describe("Account")
    assert len(data_calls(sandbox)) == 20


def test_a_run_stops_before_the_query_job_that_would_exceed_its_quota(
    sandbox: Sandbox, sparing: Salesforce
) -> None:
    for _ in range(2):
        assert len(list(sparing.query("SELECT Id FROM Account"))) == 25
    with pytest.raises(QuotaReached, match="used 2 of 10,000 DailyBulkV2QueryJobs"):
        list(sparing.query("SELECT Id FROM Account"))
    assert sum(c.startswith("POST") and c.endswith("/jobs/query") for c in data_calls(sandbox)) == 2


def test_the_batches_of_a_load_count_against_the_quota(sandbox: Sandbox) -> None:
    # 3 of 15,000 batches; a job of 20,001 rows makes three. On a clock that waits, since
    # each poll is a request too.
    settings = settings_of(sandbox, quota_percent_per_run=0.0201)
    with Salesforce.from_settings(settings) as sf:
        summary = sf.insert("Account", ({"Name": f"N{n}"} for n in range(20_001)))
        assert summary.succeeded == 20_001
        with pytest.raises(QuotaReached, match="used 3 of 15,000 DailyBulkApiBatches"):
            sf.insert("Account", [{"Name": "One more"}])
    jobs = [c for c in data_calls(sandbox) if c.startswith("POST") and c.endswith("/jobs/ingest")]
    assert len(jobs) == 1


def test_a_job_that_has_been_created_is_finished_beyond_the_quota(
    sandbox: Sandbox, clock: FakeClock
) -> None:
    # Twenty requests; the polls of this job alone are more.
    sandbox.control.jobs_after_polls(30)
    settings = settings_of(sandbox, quota_percent_per_run=0.02)
    with Salesforce.from_settings(settings, clock=clock) as sf:
        assert len(list(sf.query("SELECT Id FROM Account"))) == 25
        with pytest.raises(QuotaReached):
            sf.describe("Account")
    assert len(data_calls(sandbox)) > 30
    assert data_calls(sandbox)[-1].startswith("DELETE")


def test_what_other_users_use_counts_against_the_quota_of_the_org(
    sandbox: Sandbox, clock: FakeClock, sf: Salesforce
) -> None:
    settings = settings_of(sandbox, quota_percent_total=0.02)
    with Salesforce.from_settings(settings, clock=clock) as sparing:
        sparing.describe("Account")
        for _ in range(25):
            sf.describe("Account")
        with pytest.raises(QuotaReached, match="The org has used"):
            list(sparing.query("SELECT Id FROM Account"))


def test_without_a_quota_no_request_is_spent_on_limits(sandbox: Sandbox, sf: Salesforce) -> None:
    list(sf.query("SELECT Id FROM Account"))
    assert not [call for call in data_calls(sandbox) if call.endswith("/limits")]


NO_LIMITS: dict[str, dict[str, Any]] = {
    "403": {"status": 403, "body": [{"errorCode": "FUNCTIONALITY_NOT_ENABLED", "message": "no"}]},
    "500": {"status": 500, "body": ""},
    "a web page": {"status": 200, "body": "<html/>", "headers": {"Content-Type": "text/html"}},
    "no JSON": {"status": 200, "body": "busy"},
    "another form": {"status": 200, "body": {"DailyApiRequests": "many"}},
}


@pytest.mark.parametrize("answer", NO_LIMITS.values(), ids=NO_LIMITS)
def test_if_the_limits_cannot_be_read_the_quota_for_requests_still_holds(
    sandbox: Sandbox,
    sparing: Salesforce,
    caplog: pytest.LogCaptureFixture,
    answer: dict[str, Any],
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/limits", times=None, **answer)
    assert len(list(sparing.query("SELECT Id FROM Account"))) == 25
    if answer != NO_LIMITS["another form"]:
        assert "View Setup and Configuration" in caplog.text
    with pytest.raises(QuotaReached, match="DailyApiRequests"):
        [sparing.describe("Account") for _ in range(20)]


@pytest.mark.parametrize("value", [0, -1, 101, "80", True, float("nan"), Decimal("NaN")])
def test_a_quota_that_is_not_a_percentage_is_reported_before_the_first_request(
    sandbox: Sandbox, value: object
) -> None:
    settings = settings_of(sandbox, quota_percent_total=value, quota_percent_per_run=value)
    with pytest.raises(ConfigError) as refused:
        Salesforce.from_settings(settings)
    assert [problem.split()[0] for problem in refused.value.problems] == [
        "quota_percent_total",
        "quota_percent_per_run",
    ]


def test_a_quota_reached_is_an_error_of_the_client() -> None:
    assert issubclass(QuotaReached, SalesforceError)
