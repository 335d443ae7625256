"""Every document of the protocol in any other form: it is read, or it is one of our errors.

What is read, and what an error says, can always be written to a file or a log.
"""

from __future__ import annotations

import json
from dataclasses import asdict, is_dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sfbulk import Salesforce
from sfbulk.bulk2 import pages
from sfbulk.errors import SalesforceError
from sfbulk.jobs.read_api import ReadApi
from sfbulk.load.journal_entries import LoadName, LostFile, Phase
from sfbulk.load.unrecorded_jobs import UnrecordedJobs
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.odd_answers import json_bodies, xml_bodies
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.client.scripted import Seen

END = datetime(2026, 11, 23, tzinfo=timezone.utc)
JOB_ID, BATCH_ID, USER_ID = "750000000000001AAA", "751000000000001AAA", "005000000000001AAA"
TIME = "2026-11-22T00:00:00.000+0000"
FIELDS = [
    {"name": "Id", "type": "id", "label": "Id", "length": 18, "picklistValues": []},
    {
        "name": "Name",
        "type": "string",
        "label": "A",
        "length": 80,
        "defaultValue": "x",
        "referenceTo": ["User"],
        "filteredLookupInfo": {"controllingFields": ["a"], "dependent": True},
    },
    {"name": "Kind", "type": "picklist", "picklistValues": [{"value": "a", "label": "A"}]},
]
DESCRIBE: dict[str, Any] = {"name": "Odd", "label": "Odd", "fields": FIELDS}
JOB: dict[str, Any] = {
    "id": JOB_ID,
    "state": "JobComplete",
    "object": "Odd",
    "operation": "query",
    "apiVersion": 68.0,
    "createdDate": TIME,
    "systemModstamp": TIME,
    "createdById": USER_ID,
    "numberRecordsProcessed": 0,
    "totalProcessingTime": 5,
    "jobType": "V2Query",
}
LISTED = {"done": True, "records": [JOB | {"state": "Open"}], "nextRecordsUrl": None}
JOB1: dict[str, Any] = JOB | {"state": "Open", "contentType": "JSON", "numberBatchesTotal": "1"}
BATCH1: dict[str, Any] = {
    "id": BATCH_ID,
    "jobId": JOB_ID,
    "state": "Completed",
    "createdDate": TIME,
    "numberRecordsProcessed": 2,
    "numberRecordsFailed": 1,
}
RESULT = {"id": USER_ID, "success": True, "created": True, "errors": []}
REFUSED = {"statusCode": "X", "message": "no", "fields": ["Name"]}
RESULTS1 = [RESULT, RESULT | {"success": False, "errors": [REFUSED]}]
RECORD = {"attributes": {"type": "Odd", "url": "/x"}, "Id": USER_ID, "Name": "a"}
FOUND: dict[str, Any] = {"totalSize": 1, "done": True, "records": [RECORD]}
RESOURCES = {"identity": f"https://login.salesforce.com/id/00D000000000001AAA/{USER_ID}"}
GRANT = {"access_token": "00Dxx!secret", "instance_url": "@org@", "refresh_token": "5Aep861"}
ERROR = [{"errorCode": "INVALID_FIELD", "message": "No such column", "fields": ["Nmae"]}]
DATALOAD = 'xmlns="http://www.force.com/2009/06/asyncapi/dataload"'
SOAP = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


def xml(root: str, *documents: Mapping[str, Any], each: str = "") -> str:
    """A document of Bulk API 1.0; with `each`, its children of that name."""
    parts = ("".join(f"<{k}>{v}</{k}>" for k, v in one.items()) for one in documents)
    inner = "".join(f"<{each}>{part}</{each}>" if each else part for part in parts)
    return f"<{root} {DATALOAD}>{inner}</{root}>"


class Org(ScriptedServer):
    """Answers each path by its last words; the first answer that fits."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, Answer] = {}

    def answer(self, seen: Seen) -> Answer:
        path = seen.path.partition("?")[0]
        return next((a for end, a in self.answers.items() if path.endswith(end)), Answer(404))


@pytest.fixture(scope="module")
def org() -> Iterator[Org]:
    with Org() as org, pytest.MonkeyPatch.context() as patch:
        # Most examples are sent again until there are no more attempts.
        patch.setattr("sfbulk.transport.MAX_ATTEMPTS", 1)
        patch.setattr(pages, "LISTED_FROM_ROWS", 1)
        yield org


def signed_in(org: Org, **given: str) -> Transport:
    given = given or {"instance_url": org.url, "access_token": "00Dxx!secret"}
    return Transport(parse_settings(given), FakeClock())


@pytest.fixture(scope="module")
def sf(org: Org) -> Iterator[Salesforce]:
    with Salesforce(signed_in(org)) as sf:
        yield sf


class Case(NamedTuple):
    path: str
    """The end of the path that gives the odd answer."""
    document: Any
    """What Salesforce answers: JSON, or the text of an XML document."""
    ask: Callable[[Org, Salesforce], object]
    others: Mapping[str, Any] = {}
    status: int = 200


def described(_: Org, sf: Salesforce) -> object:
    (found,) = sf.describe_many(["Odd"]).values()
    return found


def rest_rows(_: Org, sf: Salesforce) -> object:
    with TemporaryDirectory() as folder:
        read = sf.read_job("SELECT Id, Name FROM Odd", api=ReadApi.REST).pages(Path(folder))
        return [page.path.read_text("utf-8") for page in read]


def bulk_rows(_: Org, sf: Salesforce) -> object:
    with TemporaryDirectory() as folder:
        read = sf.open_query_job(JOB_ID).pages(Path(folder))
        return [page.path.read_text("utf-8") for page in read]


def unrecorded(org: Org, sf: Salesforce) -> None:
    del sf
    file = LostFile(
        entry=1,
        load=1,
        name=LoadName("Odd", "Odd", "query", ""),
        phase=Phase.BEGUN,
        begun="2026-11-22T00:00:00+00:00",
        job_id=None,
        batch_id=None,
        path=Path("a.csv"),
        columns=(),
        folder="",
        covered=0,
    )
    UnrecordedJobs(signed_in(org)).abort(file)


def token(org: Org, sf: Salesforce) -> object:
    del sf
    with Salesforce(signed_in(org, login_url=org.url, client_id="i", client_secret="s")) as new:
        return new.instance_url


def refreshed(org: Org, sf: Salesforce) -> object:
    del sf
    kept: list[str] = []
    given = {"login_url": org.url, "client_id": "i", "refresh_token": "old"}
    with Salesforce(Transport(parse_settings(given), FakeClock(), kept.append)) as new:
        return new.instance_url, kept


def by_password(org: Org, sf: Salesforce) -> object:
    del sf
    with Salesforce(signed_in(org, login_url=org.url, username="u", password="p")) as new:
        return new.instance_url


def bulk1_results(_: Org, sf: Salesforce) -> object:
    job = sf.bulk1.job(JOB_ID)
    return [*job.batches(), *job.row_results(BATCH_ID)]


def bulk1_rows(_: Org, sf: Salesforce) -> object:
    job = sf.bulk1.job(JOB_ID)
    return [list(job.rows(BATCH_ID, one)) for one in job.result_ids(BATCH_ID)]


OPEN1 = {f"/job/{JOB_ID}": JOB1, "/batch": {"batchInfo": [BATCH1]}}
OPEN1_XML = {f"/job/{JOB_ID}": JOB1 | {"contentType": "XML"}, "/batch": {"batchInfo": [BATCH1]}}
LIST_OF = {"resultChunks": [{"resultLink": "/x?locator=one"}], "nextRecordsUrl": None, "done": True}
PAGE = Answer(200, b'"Id"\n"x"\n', {"Sforce-Locator": "null", "Sforce-NumberOfRecords": "1"})
COUNTED = JOB | {"numberRecordsProcessed": 1}
HOUR = timedelta(hours=1)
RESULT_FILE = f"/result/752{'0' * 15}"
RESULTS = {**OPEN1, "/result": RESULTS1}
ROWS = {**OPEN1, RESULT_FILE: [RECORD]}

CASES: dict[str, Case] = {
    "describe": Case("/Odd/describe", DESCRIBE, described),
    "composite": Case(
        "/composite",
        {
            "compositeResponse": [
                {"httpStatusCode": 200, "httpHeaders": {"Last-Modified": "x"}, "body": DESCRIBE},
                {"httpStatusCode": 404, "httpHeaders": {"Retry-After": "5"}, "body": ERROR},
            ]
        },
        lambda _, sf: sf.describe_many(["Odd", "Other"]),
        {"/Odd/describe": DESCRIBE},
    ),
    "list of objects": Case(
        "/sobjects", {"sobjects": [DESCRIBE]}, lambda _, sf: sf.describe_global()
    ),
    "limits": Case(
        "/limits", {"A": {"Max": 5, "Remaining": "3", "App": {"Max": 1}}}, lambda _, sf: sf.limits()
    ),
    "record counts": Case(
        "/recordCount",
        {"sObjects": [{"name": "Odd", "count": 3}]},
        lambda _, sf: sf.record_counts(["Odd"]),
    ),
    "updated": Case(
        "/updated",
        {"ids": [USER_ID], "latestDateCovered": TIME},
        lambda _, sf: sf.updated("Odd", END - HOUR, END),
    ),
    "deleted": Case(
        "/deleted",
        {
            "deletedRecords": [{"id": USER_ID, "deletedDate": TIME}],
            "earliestDateAvailable": TIME,
            "latestDateCovered": TIME,
        },
        lambda _, sf: sf.deleted("Odd", END - HOUR, END),
    ),
    "API versions": Case(
        "/services/data",
        [{"label": "a", "url": "/x", "version": "68.0"}],
        lambda _, sf: sf.api_versions(),
    ),
    "resources": Case("/v68.0/", RESOURCES, lambda _, sf: [sf.user(), sf.organization()]),
    "user": Case(
        "/query",
        FOUND | {"records": [{"Username": "u", "Name": "n", "Profile": {"Name": "p"}}]},
        lambda _, sf: [sf.user(), sf.organization()],
        {"/v68.0/": RESOURCES},
    ),
    "permission": Case(
        "/query",
        FOUND | {"records": [{"PermissionsApiEnabled": True}]},
        lambda _, sf: sf.permissions(None, ["ApiEnabled"]),
    ),
    "created job": Case("/jobs/query", JOB, lambda _, sf: sf.query_job("SELECT Id FROM Odd").info),
    "opened job": Case(
        f"/jobs/query/{JOB_ID}", JOB, lambda _, sf: [sf.open_query_job(JOB_ID).info]
    ),
    "completed job": Case(
        f"/jobs/query/{JOB_ID}", COUNTED, bulk_rows, {"/resultPages": LIST_OF, "/results": PAGE}
    ),
    "list of result pages": Case(
        "/resultPages", LIST_OF, bulk_rows, {f"/jobs/query/{JOB_ID}": COUNTED, "/results": PAGE}
    ),
    "list of jobs": Case("/jobs/query", LISTED, lambda _, sf: sf.jobs(), {"/jobs/ingest": LISTED}),
    "list of unrecorded jobs": Case(
        "/jobs/ingest", LISTED, unrecorded, {"/v68.0/": RESOURCES, JOB_ID: JOB}
    ),
    "page of records": Case("/query", FOUND, rest_rows, {"/describe": DESCRIBE}),
    "count of records": Case("/query", FOUND, lambda _, sf: sf.count("Odd")),
    "ids by a key": Case(
        "/query", FOUND, lambda _, sf: sf.ids_by("Odd", "Name"), {"/describe": DESCRIBE}
    ),
    "answer to a sign-in": Case("/oauth2/token", GRANT, token),
    "answer to a refresh token": Case("/oauth2/token", GRANT, refreshed),
    "refused sign-in": Case(
        "/oauth2/token", {"error": "invalid_grant", "error_description": "no"}, token, status=400
    ),
    "SOAP reply": Case(
        "/services/Soap/u/64.0",
        SOAP.format(
            "<loginResponse><result><passwordExpired>false</passwordExpired><serverUrl>"
            "https://acme.my.salesforce.com/services/Soap/u/64.0/00D</serverUrl>"
            "<sessionId>00Dxx!s</sessionId></result></loginResponse>"
        ),
        by_password,
    ),
    "SOAP fault": Case(
        "/services/Soap/u/64.0",
        SOAP.format(
            "<s:Fault><faultcode>s:INVALID_LOGIN</faultcode><faultstring>no</faultstring><detail>"
            "<f><exceptionCode>INVALID_LOGIN</exceptionCode></f></detail></s:Fault>"
        ),
        by_password,
        status=500,
    ),
    "job of Bulk API 1.0": Case(
        f"/job/{JOB_ID}", JOB1, lambda _, sf: [sf.bulk1.job(JOB_ID).info], OPEN1
    ),
    "job of Bulk API 1.0 in XML": Case(
        f"/job/{JOB_ID}",
        xml("jobInfo", JOB1),
        lambda _, sf: [sf.bulk1.job(JOB_ID).info],
        {"/batch": OPEN1["/batch"]},
    ),
    "list of batches": Case("/batch", {"batchInfo": [BATCH1]}, bulk1_results, RESULTS),
    "list of batches in XML": Case(
        "/batch",
        xml("batchInfoList", BATCH1, BATCH1, each="batchInfo"),
        lambda _, sf: sf.bulk1.job(JOB_ID).batches(),
        OPEN1,
    ),
    "batch in XML": Case(
        f"/batch/{BATCH_ID}",
        xml("batchInfo", BATCH1),
        lambda _, sf: sf.bulk1.job(JOB_ID).batch(BATCH_ID),
        OPEN1,
    ),
    "list of results": Case("/result", ["752000000000000000"], bulk1_rows, ROWS),
    "list of results in XML": Case(
        "/result", xml("result-list", {"result": "752000000000000000"}), bulk1_rows, ROWS
    ),
    "results of rows in JSON": Case("/result", RESULTS1, bulk1_results, OPEN1),
    "rows in JSON": Case(
        RESULT_FILE, [RECORD], bulk1_rows, {**OPEN1, "/result": ["752000000000000000"]}
    ),
    "rows in XML": Case(
        RESULT_FILE,
        xml("queryResult", {"type": "Odd", "Id": USER_ID, "Name": "a"}, each="records"),
        bulk1_rows,
        {**OPEN1_XML, "/result": ["752000000000000000"]},
    ),
    "error of REST": Case("/Odd/describe", ERROR, described, status=400),
    "error of Bulk API 1.0": Case(
        f"/job/{JOB_ID}",
        {"exceptionCode": "InvalidJob", "exceptionMessage": "Unable to find job"},
        lambda _, sf: sf.bulk1.job(JOB_ID),
        status=400,
    ),
    "error of Bulk API 1.0 in XML": Case(
        f"/job/{JOB_ID}",
        xml("error", {"exceptionCode": "InvalidJob", "exceptionMessage": "Unable to find job"}),
        lambda _, sf: sf.bulk1.job(JOB_ID),
        status=400,
    ),
}


def storable(value: object) -> None:
    """Fails for what no log or file can hold."""
    repr(value).encode()
    if is_dataclass(value) and not isinstance(value, type):
        value = asdict(value)
    json.dumps(value, ensure_ascii=False, default=str).encode()


def try_it(org: Org, sf: Salesforce, case: Case, body: bytes) -> None:
    others = {
        end: one if isinstance(one, Answer) else as_json(one) for end, one in case.others.items()
    }
    org.answers = {case.path: Answer(case.status, body), **others}
    # So that the answer counts and not what is kept of an earlier one.
    org.answers[case.path] = Answer(case.status, body.replace(b"@org@", org.url.encode()))
    try:
        storable(case.ask(org, sf))
    except SalesforceError as error:
        storable(error.message)


def bodies(case: Case) -> st.SearchStrategy[bytes]:
    return (
        xml_bodies(case.document) if isinstance(case.document, str) else json_bodies(case.document)
    )


COMMON: dict[str, Any] = {
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
}


@pytest.mark.parametrize("name", CASES)
@settings(max_examples=8, **COMMON)
@given(data=st.data())
def test_whatever_stands_in_a_document_it_is_read_or_one_of_our_errors(
    org: Org, sf: Salesforce, name: str, data: st.DataObject
) -> None:
    try_it(org, sf, CASES[name], data.draw(bodies(CASES[name])))


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@settings(max_examples=150, **COMMON)
@given(data=st.data())
def test_many_more_odd_documents(org: Org, sf: Salesforce, name: str, data: st.DataObject) -> None:
    try_it(org, sf, CASES[name], data.draw(bodies(CASES[name])))


@pytest.mark.parametrize("name", CASES)
def test_the_document_itself_is_read(org: Org, sf: Salesforce, name: str) -> None:
    """So that the cases are about documents that are understood."""
    case = CASES[name]
    text = case.document if isinstance(case.document, str) else json.dumps(case.document)
    if case.status == 200:
        found: list[object] = []
        sane = case._replace(ask=lambda org, sf: found.append(case.ask(org, sf)))
        try_it(org, sf, sane, text.encode())
        assert found
    else:
        try_it(org, sf, case, text.encode())
