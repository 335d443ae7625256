"""By which API a stream is read: by settings, size and refusals, and always the same values."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk.read import ReadApi
from sfbulk_sandbox import Sandbox
from tap_sfbulk.api_choice import MOST_ROWS_BY_REST, ApiChoice, ApiOption, ApiType, choose
from tests.tap.conftest import ACCOUNTS, CONTACTS, TapCommand
from tests.tap.test_sync import EXPECTED, lines_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tap.conftest import Run

SOQL = "SELECT Id FROM Account"
BY_REST = ApiChoice(ReadApi.REST)
BY_BULK = ApiChoice(ReadApi.BULK2, or_rest=True)
SCHEMA_WORDS = "is read by REST, because Bulk API refuses it"


@pytest.mark.parametrize(
    ("rows", "soql", "choice"),
    [
        (0, SOQL, BY_REST),
        (MOST_ROWS_BY_REST, SOQL, BY_REST),
        (MOST_ROWS_BY_REST + 1, SOQL, BY_BULK),
        (None, SOQL, BY_BULK),
        (1, "SELECT toLabel(Type) FROM Account", BY_BULK),
        (1, "SELECT Account.Owner.Name FROM Contact WHERE Name = 'a' LIMIT 5", BY_REST),
    ],
)
def test_by_itself_only_small_objects_are_read_by_rest(
    rows: int | None, soql: str, choice: ApiChoice
) -> None:
    assert choose(ApiOption(), rows, soql) == choice


@pytest.mark.parametrize("rows", [0, 10**6, None])
def test_an_api_that_is_named_is_taken_for_every_size(rows: int | None) -> None:
    assert choose(ApiOption(ApiType.REST), rows, SOQL) == BY_REST
    assert choose(ApiOption(ApiType.BULK2), rows, SOQL) == ApiChoice(ReadApi.BULK2)
    chunked = ApiChoice(ReadApi.BULK1, chunk_size=5000)
    assert choose(ApiOption(ApiType.BULK, 5000), rows, SOQL) == chunked


def test_an_option_of_the_stream_counts_before_the_setting() -> None:
    config = {"api_type": "BULK", "chunk_size": 10}
    assert ApiOption.parse({}, config) == ApiOption(ApiType.BULK, 10)
    assert ApiOption.parse({"api_type": "REST"}, config) == ApiOption(ApiType.REST, 10)
    assert ApiOption.parse({"chunk_size": 7}, config) == ApiOption(ApiType.BULK, 7)
    assert ApiOption.parse({}, {"api_type": None}) == ApiOption()


# The command


def asked(sandbox: Sandbox) -> list[str]:
    """Which queries were begun, by API and object, in no order."""
    found = []
    for call in sandbox.requests:
        if call.method == "GET" and call.path.endswith(("/query", "/queryAll")):
            found.append("REST")
        elif call.method == "POST" and call.path.endswith(("/jobs/query", "/job")):
            found.append("BULK2" if call.path.endswith("/query") else "BULK")
    return sorted(found)


def counts(sandbox: Sandbox) -> int:
    return sum("recordCount" in call.path for call in sandbox.requests)


@pytest.mark.parametrize("api", ["auto", "REST", "BULK", "BULK2"])
def test_each_api_gives_the_same_output(sandbox: Sandbox, tap: TapCommand, api: str) -> None:
    run = tap(api_type=api, chunk_size=2)
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED
    assert len(run.records("Contact")) == len(CONTACTS)
    assert asked(sandbox) == [{"auto": "REST"}.get(api, api)] * 2
    assert counts(sandbox) == (api == "auto")
    sandbox.control.reset()
    by_bulk = tap()
    for stream in ("Account", "Contact"):
        assert sorted(lines_of(run, stream)) == sorted(lines_of(by_bulk, stream))
    assert run.state == by_bulk.state


def test_a_stream_may_have_an_api_of_its_own(sandbox: Sandbox, tap: TapCommand) -> None:
    run = tap(api_type="REST", stream_options={"con*": {"api_type": "BULK", "chunk_size": 1}})
    assert run.code == 0, run.log
    assert len(run.records("Contact")) == len(CONTACTS)
    assert asked(sandbox) == ["BULK", "REST"]


def test_only_small_objects_are_read_by_rest(sandbox: Sandbox, tap: TapCommand) -> None:
    names = [f"L-{number}" for number in range(MOST_ROWS_BY_REST + 1)]
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *names]))
    run = tap(streams_to_discover=["Account", "Campaign"], api_type="auto")
    assert run.code == 0, run.log
    assert sorted(record["Name"] for record in run.records("Campaign")) == sorted(names)
    assert len(run.records("Account")) == len(ACCOUNTS)
    assert asked(sandbox) == ["BULK2", "REST"]
    assert counts(sandbox) == 1


def test_counts_that_are_refused_leave_the_objects_to_bulk(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/recordCount", status=403)
    run = tap(api_type="auto")
    assert run.code == 0, run.log
    assert sandbox.control.faults == []
    assert rows_of(run.records("Account")) == EXPECTED
    assert asked(sandbox) == ["BULK2"] * 2


def test_an_object_that_bulk_refuses_is_read_by_rest_with_a_line_that_says_so(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    # Its records are not counted, so bulk is tried first.
    sandbox.control.add_fault(kind="answer", path="*/recordCount", status=403)
    run = tap(streams_to_discover=["TaskStatus"], api_type="auto")
    assert run.code == 0, run.log
    stored = list(sandbox.org.query("SELECT ApiName, SortOrder, IsClosed FROM TaskStatus").rows())
    assert len(stored) > 2
    records = run.records("TaskStatus")
    found = [(r["ApiName"], r["SortOrder"], r["IsClosed"]) for r in records]
    expected = [(name, order, closed == "true") for name, order, closed in stored]
    assert sorted(found) == sorted(expected)
    assert asked(sandbox) == ["BULK2", "REST"]
    (line,) = [line for line in run.log.splitlines() if SCHEMA_WORDS in line]
    assert "| INFO " in line
    assert "TaskStatus" in line


def test_a_refusal_by_a_failed_job_is_no_failure_and_leaves_no_job(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/recordCount", status=403)
    words = "InvalidBatch : Selecting compound data not supported in Bulk Query"
    sandbox.control.add_fault(kind="job_failed", object="Account", message=words)
    run = tap(api_type="auto")
    assert run.code == 0, run.log
    assert rows_of(run.records("Account")) == EXPECTED
    assert asked(sandbox) == ["BULK2", "BULK2", "REST"]
    assert sum(c.method == "DELETE" and "/jobs/query/" in c.path for c in sandbox.requests) == 2
    assert run.state["bookmarks"]["Account"]["window_end"] == "2026-11-23T09:00:00.000Z"


@pytest.mark.parametrize("api", ["BULK2", "BULK"])
def test_an_api_that_is_named_is_the_only_one(sandbox: Sandbox, tap: TapCommand, api: str) -> None:
    run = tap(streams_to_discover=["TaskStatus"], api_type=api)
    assert run.code == 1
    assert "TaskStatus" in run.reason
    assert "is not supported by the Bulk API" in run.reason
    assert f"`api_type: {api}` asks for bulk alone" in run.reason
    assert "with `api_type: auto` or `api_type: REST`" in run.reason
    assert "REST" not in asked(sandbox)


def test_a_connection_test_needs_no_job(sandbox: Sandbox, tap: TapCommand) -> None:
    assert tap("--test", api_type="auto").code == 0
    assert asked(sandbox) == ["REST"] * 2


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "expired_session"},
        {"kind": "cut", "after_bytes": 500},
        {"kind": "lost"},
    ],
)
def test_pages_by_rest_survive_faults(
    sandbox: Sandbox, tap: TapCommand, fault: dict[str, Any]
) -> None:
    names = [f"L-{number}" for number in range(4500)]
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *names]))
    sandbox.control.add_fault(path="*/query/*", method="GET", **fault)
    run = tap(streams_to_discover=["Campaign"], api_type="REST")
    assert run.code == 0, run.log
    assert sandbox.control.faults == []
    assert sorted(record["Name"] for record in run.records("Campaign")) == sorted(names)


NAMES = [f"L-{number}" for number in range(4500)]
GONE = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
REFUSED = [{"errorCode": "INSUFFICIENT_ACCESS", "message": "not now"}]


def campaigns(run: Run) -> list[str]:
    return [record["Name"] for record in run.records("Campaign")]


@pytest.mark.parametrize("api", ["REST", "BULK"])
def test_a_next_run_reads_on_after_the_last_page_that_is_out(
    sandbox: Sandbox, tap: TapCommand, api: str
) -> None:
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *NAMES]))
    options: dict[str, Any] = {"streams_to_discover": ["Campaign"], "api_type": api}
    # Else the window after that of the interrupted run would read all of these rows again.
    options["lookback"] = 0
    page = {"REST": "*/query/*", "BULK": "*/result/*"}[api]
    chunks = {} if api == "REST" else {"chunk_size": 2000}
    # The second page by REST is the first with this path, so the third one is refused.
    skip = 1 if api == "REST" else 2
    refusal = {"status": 403, "body": REFUSED, "skip": skip}
    sandbox.control.add_fault(kind="answer", path=page, **refusal)
    first = tap(**options, **chunks)
    assert first.code == 1, first.log
    assert sandbox.control.faults == []
    sandbox.control.forget_requests()
    second = tap(**options, **chunks, state=first.state)
    assert second.code == 0, second.log
    assert sorted(campaigns(first) + campaigns(second)) == sorted(NAMES)
    assert 0 < len(campaigns(second)) < len(NAMES)
    assert asked(sandbox) == []


def test_a_result_that_is_gone_fails_the_stream_and_the_next_run_begins_again(
    sandbox: Sandbox, tap: TapCommand
) -> None:
    sandbox.control.seed_csv("Campaign", "\n".join(["Name", *NAMES]))
    sandbox.control.add_fault(
        kind="answer", path="*/query/*", status=400, body=GONE, skip=1, times=2
    )
    # Nobody named it, but it was found and half read, so it is a failure and not left out.
    options: dict[str, Any] = {
        "streams_to_discover": ["Campaig*"],
        "exclude_streams": ["CampaignM*"],
        "api_type": "REST",
    }
    run = tap(**options)
    assert run.code == 1
    assert "Campaign" in run.reason
    assert "Run the query again from its beginning" in run.reason
    again = tap(**options, state=run.state)
    assert again.code == 0, again.log
    assert sandbox.control.faults == []
    assert sorted(campaigns(again)) == sorted(NAMES)


# An object whose fields need several URLs

WIDE = [f"A_Number_With_A_Long_Name_{number:03d}__c" for number in range(600)]


@pytest.fixture(scope="module")
def wide_org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    number = {"type": "double", "precision": 18, "scale": 6, "soapType": "xsd:double"}
    fixed = {"createable": False, "updateable": False, "filterable": True}
    fields = [
        {"name": "Id", "label": "Id", "type": "id", "soapType": "tns:ID", "length": 18, **fixed},
        {"name": "SystemModstamp", "label": "S", "type": "datetime", **fixed},
        *({"name": name, "label": name, "createable": True, **number} for name in WIDE),
    ]
    rights = dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True)
    describe = {"name": "Wide__c", "label": "Wide", "keyPrefix": "a0W", **rights, "fields": fields}
    folder = tmp_path_factory.mktemp("describe")
    (folder / "Wide__c.json").write_text(json.dumps(describe))
    with Sandbox(describe=folder, sample=False) as sandbox:
        yield sandbox


def test_an_object_too_wide_for_one_url_has_the_same_rows_by_rest(
    wide_org: Sandbox, tmp_path: Path
) -> None:
    wide_org.control.jobs_at_once()
    rows = [{WIDE[0]: f"{n}.5", WIDE[-1]: f"123456789012.{n:06d}"} for n in range(9)]
    wide_org.control.seed({"Wide__c": rows})
    tap = TapCommand(wide_org, tmp_path)
    run = tap(streams_to_discover=["Wide__c"], api_type="REST")
    assert run.code == 0, run.log
    found = {(str(r[WIDE[0]]), str(r[WIDE[-1]])) for r in run.records("Wide__c")}
    # The tap's number text is JSON; the org drops zeros at the end.
    assert {(a, Decimal(b)) for a, b in found} == {
        (row[WIDE[0]], Decimal(row[WIDE[-1]])) for row in rows
    }
    assert asked(wide_org) == ["REST"] * 3
    assert {call.status for call in wide_org.requests} <= {200, 304}
    by_bulk = tap(streams_to_discover=["Wide__c"])
    assert sorted(lines_of(run, "Wide__c")) == sorted(lines_of(by_bulk, "Wide__c"))
