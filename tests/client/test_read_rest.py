"""Queries by REST on the sandbox: pages, resuming, faults, and select lists of several URLs."""

from __future__ import annotations

import itertools
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, DataError, JobError, NotFound, RowCountMismatch, Salesforce, soql
from sfbulk.csvio import decode_rows
from sfbulk.jobs.files import read_chunks
from sfbulk.read import ReadApi, disposing
from sfbulk.read import rest_answers as answers_module
from sfbulk.read.rest_answers import RestAnswers
from sfbulk_sandbox import Sandbox
from tests.client.conftest import ACCOUNTS
from tests.client.rules import undescribing
from tests.client.scripted import FakeClock, as_json
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sfbulk.read import ResultPage
    from sfbulk.transport import Transport
    from tests.client.scripted import ScriptedServer

MANY = [f"C{number:03d}" for number in range(450)]
CAMPAIGNS = "SELECT Id, Name FROM Campaign"
WIDE = [f"Field_With_A_Long_Name_{number:04d}__c" for number in range(700)]


@pytest.fixture
def pages_of_200(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """An object with three pages; Salesforce has no smaller ones than of 200 rows."""
    monkeypatch.setattr(answers_module, "MOST_ROWS", 200)
    sandbox.control.seed({"Campaign": [{"Name": name} for name in MANY]})


THREE_PAGES = pytest.mark.usefixtures("pages_of_200")


def names(pages: Iterator[ResultPage], column: str = "Name") -> list[str]:
    found = []
    for page in pages:
        rows = list(decode_rows(read_chunks(page.path)))
        page.check_rows(len(rows))
        found += [row[column] for row in rows]
    return found


def queries(sandbox: Sandbox) -> list[str]:
    return [call.path for call in sandbox.requests if "/query" in call.path]


@THREE_PAGES
def test_every_page_is_a_file_that_is_removed_when_it_was_read(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    job = sf.read_job(CAMPAIGNS, api=ReadApi.REST)
    assert queries(sandbox) == []
    with disposing(job):
        assert sorted(names(job.pages(tmp_path))) == MANY
    assert job.records_processed == len(MANY)
    assert len(queries(sandbox)) == 3
    assert list(tmp_path.iterdir()) == []
    assert not [call for call in sandbox.requests if "/jobs/" in call.path]


@THREE_PAGES
@pytest.mark.parametrize("read_before", [1, 2])
def test_a_later_run_resumes_after_the_last_page(
    sf: Salesforce, tmp_path: Path, read_before: int
) -> None:
    pages = sf.read_job(CAMPAIGNS, api=ReadApi.REST).pages(tmp_path)
    before: list[str] = []
    for page in itertools.islice(pages, read_before):
        before += names(iter([page]))
        locator = page.next_locator
    pages.close()
    job = sf.open_read_job("", CAMPAIGNS, api=ReadApi.REST)
    rest = names(job.pages(tmp_path, start=locator))
    assert sorted(before + rest) == MANY
    assert len(rest) == len(MANY) - 200 * read_before


def test_deleted_rows_are_read_on_request(sf: Salesforce, tmp_path: Path) -> None:
    gone = next(iter(sf.query("SELECT Id, Name FROM Account")))
    assert sf.delete("Account", [{"Id": gone["Id"]}]).succeeded == 1
    query = "SELECT Id, Name FROM Account"
    left = sf.read_job(query, api=ReadApi.REST).pages(tmp_path)
    assert sorted(names(left)) == sorted(set(ACCOUNTS) - {gone["Name"]})
    every = sf.read_job(query, api=ReadApi.REST, include_deleted=True).pages(tmp_path)
    assert sorted(names(every)) == ACCOUNTS


def test_names_in_another_case_find_their_values(sf: Salesforce, tmp_path: Path) -> None:
    sf.insert("Contact", [{"LastName": "Child", "Account.Ext_Id__c": "E003"}])
    query = "select lastname, ACCOUNT.name from contact"
    pages = sf.read_job(query, api=ReadApi.REST).pages(tmp_path)
    assert names(pages, "ACCOUNT.name") == [ACCOUNTS[2]]


def test_no_rows_are_no_rows(sf: Salesforce, tmp_path: Path) -> None:
    job = sf.read_job("SELECT Id, Name FROM Contact", api=ReadApi.REST)
    assert names(job.pages(tmp_path)) == []


@THREE_PAGES
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "expired_session"},
        {"kind": "lost"},
        {"kind": "cut", "after_bytes": 1000},
        {"kind": "answer", "status": 503},
        {"kind": "answer", "status": 200, "body": {"done": False, "records": []}},
    ],
)
@pytest.mark.parametrize("path", ["*/query", "*/query/*"])
def test_a_request_that_fails_for_a_passing_reason_is_sent_again(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path, path: str, fault: dict[str, Any]
) -> None:
    sandbox.control.add_fault(path=path, method="GET", **fault)
    job = sf.read_job(CAMPAIGNS, api=ReadApi.REST)
    assert sorted(names(job.pages(tmp_path))) == MANY
    assert sandbox.control.faults == []
    assert len(queries(sandbox)) == 4


@THREE_PAGES
def test_a_result_that_the_server_has_removed_is_an_error_that_says_what_to_do(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    gone = [{"errorCode": "INVALID_QUERY_LOCATOR", "message": "invalid query locator"}]
    sandbox.control.add_fault(kind="answer", path="*/query/*", status=400, body=gone)
    with pytest.raises(NotFound, match=r"Query Campaign by REST: .*Run the query again") as caught:
        names(sf.read_job(CAMPAIGNS, api=ReadApi.REST).pages(tmp_path))
    assert caught.value.code == "INVALID_QUERY_LOCATOR"
    assert list(tmp_path.iterdir()) == []


def test_fewer_rows_than_announced_are_an_error(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    describe = as_json({"name": "Account", "fields": [{"name": "Name"}]})
    server.script.extend(
        [describe, as_json({"totalSize": 2, "done": True, "records": [{"Name": 1}]})]
    )
    job = Salesforce(transport).read_job("SELECT Name FROM Account", api=ReadApi.REST)
    with pytest.raises(RowCountMismatch, match="Account have 1 rows, but Salesforce announced 2"):
        names(job.pages(tmp_path))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT COUNT() FROM Account",
        "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
        "SELECT FIELDS(ALL) FROM Account",
        "SELECT Id, toLabel(Type) FROM Account",
    ],
)
def test_a_query_of_more_than_fields_is_refused_before_any_request(
    server: ScriptedServer, transport: Transport, query: str
) -> None:
    with pytest.raises(DataError, match="A query of Account by REST selects fields only"):
        undescribing(transport).read_job(query, api=ReadApi.REST)
    assert server.seen == []


def test_a_compound_value_is_refused_with_the_way_out(sf: Salesforce, tmp_path: Path) -> None:
    sf.insert("Account", [{"Name": "Here", "BillingCity": "Kiel"}])
    job = sf.read_job("SELECT BillingAddress FROM Account", api=ReadApi.REST)
    with pytest.raises(DataError, match="BillingCity instead of BillingAddress"):
        names(job.pages(tmp_path))


# Select lists that are too long for one URL


def wide_describe() -> dict[str, Any]:
    text = {"type": "string", "length": 255, "createable": True, "updateable": True}
    stamp = {"type": "datetime", "createable": False, "updateable": False}
    fields = [
        {"name": "Id", "type": "id", "createable": False, "updateable": False},
        {"name": "IsDeleted", "type": "boolean", "createable": False, "updateable": False},
        {"name": "SystemModstamp", **stamp},
        *({"name": name, **text} for name in WIDE),
    ]
    rights = dict.fromkeys(("createable", "updateable", "deletable", "queryable"), True)
    return {"name": "Wide__c", "label": "Wide", "keyPrefix": "a0W", **rights, "fields": fields}


@pytest.fixture(scope="module")
def org_time() -> HandClock:
    return HandClock()


@pytest.fixture(scope="module")
def wide_org(tmp_path_factory: pytest.TempPathFactory, org_time: HandClock) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("describe")
    (folder / "Wide__c.json").write_text(json.dumps(wide_describe()))
    with Sandbox(describe=folder, sample=False, clock=org_time) as sandbox:
        yield sandbox


ROWS = 7


@pytest.fixture
def wide(wide_org: Sandbox) -> Iterator[Salesforce]:
    """An object whose fields need three URLs, with rows that differ in the first and last field."""
    wide_org.control.reset()
    wide_org.control.jobs_at_once()
    rows = [{WIDE[0]: f"first {n}", WIDE[-1]: f"last {n}"} for n in range(ROWS)]
    wide_org.control.seed({"Wide__c": rows})
    settings = {"instance_url": wide_org.url, "access_token": wide_org.access_token}
    with Salesforce.from_settings(settings, clock=FakeClock()) as sf:
        yield sf


def wide_rows(sf: Salesforce, spool: Path, *, rest: str = "") -> list[tuple[str, str]]:
    job = sf.read_job(soql.select(WIDE, "Wide__c") + rest, api=ReadApi.REST)
    found = []
    for page in job.pages(spool):
        assert page.next_locator is None
        rows = list(decode_rows(read_chunks(page.path)))
        page.check_rows(len(rows))
        assert all(list(row) == WIDE for row in rows)
        found += [(row[WIDE[0]], row[WIDE[-1]]) for row in rows]
    assert job.records_processed == len(found)
    return sorted(found)


WHOLE = [(f"first {n}", f"last {n}") for n in range(ROWS)]


def test_a_select_list_of_several_urls_is_joined_by_id(
    wide_org: Sandbox, wide: Salesforce, tmp_path: Path
) -> None:
    assert wide_rows(wide, tmp_path) == WHOLE
    assert len(queries(wide_org)) == 3
    assert {call.status for call in wide_org.requests} == {200}
    assert list(tmp_path.iterdir()) == []


def test_a_proxy_that_takes_shorter_urls_gets_shorter_urls(
    wide_org: Sandbox, wide: Salesforce, tmp_path: Path
) -> None:
    wide_org.control.add_fault(kind="answer", path="*/query", status=414, skip=1)
    wide_org.control.add_fault(kind="answer", path="*/query", status=431, skip=2)
    assert wide_rows(wide, tmp_path) == WHOLE
    assert wide_org.control.faults == []
    assert list(tmp_path.iterdir()) == []


def test_an_org_that_takes_no_url_at_all_is_an_error(
    wide_org: Sandbox, wide: Salesforce, tmp_path: Path
) -> None:
    wide_org.control.add_fault(kind="answer", path="*/query", status=414, times=3)
    with pytest.raises(ApiError, match="414"):
        wide_rows(wide, tmp_path)
    assert wide_org.control.faults == []


def test_a_condition_too_long_for_a_url_is_an_error(wide: Salesforce, tmp_path: Path) -> None:
    condition = " OR ".join(f"{WIDE[0]} = '{n:05d}'" for n in range(400))
    with pytest.raises(DataError, match="The condition of a query of Wide__c is too long"):
        wide_rows(wide, tmp_path, rest=f" WHERE {condition}")


def after_each_part(
    monkeypatch: pytest.MonkeyPatch, changes: dict[int, Callable[[], object]]
) -> list[str]:
    """Change rows after queries with these numbers; the queries that were made, in order."""
    made: list[str] = []
    really = RestAnswers.rows

    def rows(answers: RestAnswers, soql: str) -> Iterator[dict[str, Any]]:
        made.append(soql)
        yield from list(really(answers, soql))
        changes.get(len(made), lambda: None)()

    monkeypatch.setattr(RestAnswers, "rows", rows)
    return made


def ids(sf: Salesforce) -> list[str]:
    query = f"{soql.select(['Id'], 'Wide__c')} ORDER BY {WIDE[0]}"
    return [str(row["Id"]) for row in sf.query(query)]


def test_rows_that_change_appear_or_go_between_the_parts_are_whole(
    wide: Salesforce,
    org_time: HandClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "sfbulk")
    keys = ids(wide)
    changed = {"Id": keys[2], WIDE[0]: "changed first", WIDE[-1]: "changed last"}

    def change() -> None:
        org_time.pass_seconds(1)
        wide.update("Wide__c", [changed])
        wide.delete("Wide__c", [{"Id": keys[5]}])
        wide.insert("Wide__c", [{WIDE[0]: "new first", WIDE[-1]: "new last"}])

    after_each_part(monkeypatch, {1: change})
    left = [pair for n, pair in enumerate(WHOLE) if n not in (2, 5)]
    whole = [("changed first", "changed last"), *left, ("new first", "new last")]
    assert wide_rows(wide, tmp_path) == sorted(whole)
    said = [record.getMessage() for record in caplog.records]
    assert "Wide__c: 3 rows were changed between the parts of the query and are read again" in said
    assert "Wide__c: 1 rows were deleted while the query was read, and are left out" in said


def test_a_row_that_leaves_the_condition_between_the_parts_is_not_lost(
    wide: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    leaving = {"Id": ids(wide)[3], WIDE[0]: "elsewhere", WIDE[-1]: "last"}
    after_each_part(monkeypatch, {1: lambda: wide.update("Wide__c", [leaving])})
    found = wide_rows(wide, tmp_path, rest=f" WHERE {WIDE[0]} LIKE 'first%'")
    assert found == sorted([("elsewhere", "last"), *(p for n, p in enumerate(WHOLE) if n != 3)])


def test_rows_are_read_again_until_they_are_whole(
    wide: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, org_time: HandClock
) -> None:
    key = ids(wide)[0]
    number = itertools.count(1)

    def change() -> None:
        org_time.pass_seconds(1)
        n = next(number)
        again = {"Id": key, WIDE[0]: f"first again {n}", WIDE[-1]: f"last again {n}"}
        wide.update("Wide__c", [again])

    after_each_part(monkeypatch, {1: change, 4: change})
    assert ("first again 2", "last again 2") in wide_rows(wide, tmp_path)


def test_rows_that_never_stay_the_same_are_an_error(
    wide: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, org_time: HandClock
) -> None:
    key, number = ids(wide)[0], itertools.count(1)

    def change() -> None:
        org_time.pass_seconds(1)
        wide.update("Wide__c", [{"Id": key, WIDE[0]: f"again {next(number)}"}])

    after_each_part(monkeypatch, dict.fromkeys(range(20), change))
    with pytest.raises(JobError, match="Wide__c: 1 rows keep changing"):
        wide_rows(wide, tmp_path)


def test_a_limit_is_that_of_the_first_part(wide: Salesforce, tmp_path: Path) -> None:
    found = wide_rows(wide, tmp_path, rest=f" ORDER BY {WIDE[0]} LIMIT 3")
    assert found == WHOLE[:3]


def test_many_rows_are_read_again_in_urls_that_are_not_too_long(
    wide_org: Sandbox, wide: Salesforce, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def add() -> None:
        rows = [{WIDE[0]: f"new {n:03d}", WIDE[-1]: f"new {n:03d}"} for n in range(300)]
        wide_org.control.seed({"Wide__c": rows})

    made = after_each_part(monkeypatch, {2: add})
    found = wide_rows(wide, tmp_path)
    assert found == sorted([*WHOLE, *((f"new {n:03d}",) * 2 for n in range(300))])
    assert len(made) > 9
    assert {call.status for call in wide_org.requests} == {200}


# Counts of records


def test_the_records_of_many_objects_are_counted_in_one_call(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    assert sf.record_counts(["account", "Contact", "Nope__c"]) == {"account": len(ACCOUNTS)}
    assert [c.path for c in sandbox.requests if "recordCount" in c.path] == [
        "/services/data/v68.0/limits/recordCount"
    ]


def test_so_many_names_that_a_url_is_too_long_need_a_second_call(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    names = [f"An_Object_With_A_Long_Name_{number:04d}__c" for number in range(500)]
    assert sf.record_counts([*names, "Account"]) == {"Account": len(ACCOUNTS)}
    calls = [c for c in sandbox.requests if "recordCount" in c.path]
    assert [call.status for call in calls] == [200, 200]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 403, "body": [{"errorCode": "INSUFFICIENT_ACCESS", "message": "no"}]},
        {"status": 404},
        {"status": 200, "body": {"sObjects": None}},
        {"status": 200, "body": {"sObjects": [None, {"name": "Account"}, {"count": 1}]}},
        {"status": 200, "body": "a page"},
    ],
)
def test_counts_that_are_refused_or_not_understood_are_no_error(
    sandbox: Sandbox, sf: Salesforce, answer: dict[str, Any]
) -> None:
    sandbox.control.add_fault(kind="answer", path="*/recordCount", times=None, **answer)
    assert sf.record_counts(["Account"]) == {}
