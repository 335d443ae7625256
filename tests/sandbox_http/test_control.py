"""The control plane over HTTP and in Python: the same verbs, the same effect."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import requests

from sfbulk_sandbox import Sandbox
from sfbulk_sandbox.clock import Clock
from tests.hand_clock import HandClock
from tests.sandbox_http.front_door import Org

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

NAMES = {"operation": "query", "query": "SELECT Name FROM Account"}


def control(org: Org, method: str, path: str, body: Any = None) -> requests.Response:
    """Call the control plane, which needs no session."""
    return requests.request(method, org.sandbox.control_url + path, json=body, timeout=30)


def test_requests_are_recorded_without_secrets(org: Org) -> None:
    org.get("/limits", params={"a": "b"})
    org.call("POST", "/jobs/query", json=NAMES)
    first, second = org.sandbox.requests
    assert (first.method, first.path) == ("GET", "/services/data/v68.0/limits")
    assert (first.query, first.status, first.body_bytes) == ({"a": "b"}, 200, 0)
    assert (second.method, second.status) == ("POST", 200)
    assert second.body_bytes == int(second.headers["content-length"])
    assert second.headers["content-type"] == "application/json"
    over_http = control(org, "GET", "/requests")
    assert [entry["path"] for entry in over_http.json()] == [first.path, second.path]
    assert org.sandbox.access_token not in over_http.text
    assert org.sandbox.access_token not in repr(org.sandbox.requests)


def test_requests_are_filtered_and_carry_a_digest_of_their_body(org: Org) -> None:
    body = json.dumps(NAMES).encode()
    org.get("/limits")
    org.get("/jobs/query/unknown")
    org.call("POST", "/jobs/query", data=body, headers={"Content-Type": "application/json"})
    (posted,) = org.sandbox.control.requests_like(method="P*T")
    assert (posted.body_bytes, posted.body_sha256) == (len(body), sha256(body).hexdigest())
    found = control(org, "GET", "/requests?path=*/jobs/*&status=404&method=GET").json()
    assert [entry["path"] for entry in found] == ["/services/data/v68.0/jobs/query/unknown"]
    for wrong in ("paht=x", "status=ok"):
        answer = control(org, "GET", f"/requests?{wrong}")
        assert answer.status_code == 400
        assert wrong.partition("=")[0] in answer.json()[0]["message"]


def test_the_list_of_requests_can_begin_anew(org: Org) -> None:
    org.get("/limits")
    assert control(org, "DELETE", "/requests").status_code == 204
    assert org.sandbox.requests == []


@pytest.mark.parametrize("over_http", [True, False])
def test_reset_puts_rows_jobs_sessions_and_script_back(org: Org, over_http: bool) -> None:
    sandbox = org.sandbox
    org.load("Account", "insert", b"Name\nx\n")
    first_job = org.json("GET", "/jobs/ingest")["records"][0]["id"]
    sandbox.control.end_sessions()
    sandbox.control.hold_jobs()
    sandbox.control.add_fault(kind="answer", status=500)
    if over_http:
        assert control(org, "POST", "/reset").status_code == 204
    else:
        sandbox.control.reset()
    assert org.json("GET", "/jobs/ingest")["records"] == []
    job = org.load("Account", "insert", b"Name\ny\n")
    assert job["state"] == "JobComplete"
    assert job["id"] != first_job or job["numberRecordsProcessed"] == 1
    count = org.json("GET", "/query", params={"q": "SELECT COUNT() FROM Account"})
    assert count["totalSize"] == 1


def test_rows_are_added_on_demand(org: Org) -> None:
    rows = {
        "Contact": [{"LastName": "B", "Account.Ext_Id__c": "A-1", "Email": None}],
        "Account": [{"Name": "A", "Ext_Id__c": "A-1", "NumberOfEmployees": 3}, {"Name": "C"}],
    }
    assert control(org, "POST", "/seed", rows).json() == {"Account": 2, "Contact": 1}
    csv_url = f"{org.sandbox.control_url}/seed/Account"
    answer = requests.post(csv_url, data='Name\n"Ümlaut,\r\nInc"\n'.encode(), timeout=30)
    assert answer.json() == {"Account": 1}
    assert org.sandbox.control.seed_csv("Account", "Name,Phone\nD,1\n") == {"Account": 1}
    soql = "SELECT Name, Account.NumberOfEmployees FROM Contact"
    (contact,) = org.json("GET", "/query", params={"q": soql})["records"]
    assert contact["Account"]["NumberOfEmployees"] == 3
    found = org.json("GET", "/query?q=SELECT+Name+FROM+Account+ORDER+BY+Name")["records"]
    assert [one["Name"] for one in found] == ["A", "C", "D", "Ümlaut,\r\nInc"]
    org.sandbox.control.reset()
    assert org.sandbox.org.counts()["Account"] == 0


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("", {"Account": [{"Name": "x"}, {"Nmae": "y"}]}, "Account.csv, line 1, column Nmae"),
        ("", {"Account": [{"Name": "x", "NumberOfEmployees": "y"}]}, "line 2, column NumberOf"),
        ("", {"Acount": [{"Name": "x"}]}, "Account"),
        ("", {"../Account": [{"Name": "x"}]}, "not a valid object name"),
        ("", {"Account": {"Name": "x"}}, "list of records"),
        ("", {"Account": []}, "at least one record"),
        (
            "",
            {"Contact": [{"LastName": "x", "Account": {"Name": "x"}}]},
            "Account: a value must be",
        ),
        ("", {}, "by object"),
        ("/Account", 7, "Account.csv"),
    ],
)
def test_rows_that_do_not_fit_are_refused_by_name(
    org: Org, path: str, body: Any, named: str
) -> None:
    answer = control(org, "POST", f"/seed{path}", body)
    assert answer.status_code == 400
    assert named in answer.json()[0]["message"]
    assert "/tmp" not in answer.text  # noqa: S108 - the folder is nobody's business
    assert org.sandbox.org.counts()["Account"] == 0


def test_sessions_end_over_http(org: Org) -> None:
    answer = control(org, "POST", "/sessions/end")
    assert answer.json() == {"ended": 1}
    assert org.get("/limits").status_code == 401


def test_progress_over_http_holds_counts_polls_and_releases(org: Org) -> None:
    assert control(org, "PUT", "/progress", {"policy": "hold"}).status_code == 204
    job_id = org.json("POST", "/jobs/query", json=NAMES)["id"]
    states = {org.json("GET", f"/jobs/query/{job_id}")["state"] for _ in range(5)}
    assert states == {"UploadComplete"}
    released = control(org, "POST", "/progress/release", {"job": job_id})
    assert released.json() == {"released": [job_id]}
    assert org.wait("query", job_id)["state"] == "JobComplete"

    assert control(org, "PUT", "/progress", {"policy": "after_polls", "polls": 1}).ok
    job_id = org.json("POST", "/jobs/query", json=NAMES)["id"]
    seen = [org.json("GET", f"/jobs/query/{job_id}")["state"] for _ in range(2)]
    assert seen == ["UploadComplete", "JobComplete"]

    assert control(org, "PUT", "/progress", {"policy": "hold"}).ok
    job_id = org.json("POST", "/jobs/query", json=NAMES)["id"]
    assert control(org, "PUT", "/progress", {"policy": "at_once"}).ok
    assert org.wait("query", job_id)["state"] == "JobComplete"


def test_the_page_size_is_set_over_http(org: Org) -> None:
    org.load("Account", "insert", b"Name\nx\ny\n")
    assert control(org, "PUT", "/pages", {"rows": 1}).status_code == 204
    job = org.run_query("SELECT Name FROM Account")
    page = org.get(f"/jobs/query/{job['id']}/results")
    assert page.headers["Sforce-NumberOfRecords"] == "1"


def test_a_scripted_answer_comes_instead_of_the_work(org: Org) -> None:
    body = [{"message": "Server Unavailable", "errorCode": "SERVER_UNAVAILABLE"}]
    fault = {
        "kind": "answer",
        "method": "POST",
        "path": "*/jobs/query",
        "times": 2,
        "status": 503,
        "headers": {"Retry-After": "7"},
        "body": body,
    }
    assert control(org, "POST", "/faults", fault).status_code == 204
    assert org.get("/jobs/query").status_code == 200
    for _ in range(2):
        answer = org.call("POST", "/jobs/query", json=NAMES)
        assert (answer.status_code, answer.json()) == (503, body)
        assert answer.headers["Retry-After"] == "7"
    assert org.json("GET", "/jobs/query")["records"] == []
    assert org.call("POST", "/jobs/query", json=NAMES).status_code == 200
    assert [one.status for one in org.sandbox.requests if one.method == "POST"] == [503, 503, 200]


def test_a_scripted_text_may_be_a_maintenance_page(org: Org) -> None:
    headers = {"Content-Type": "text/html"}
    org.sandbox.control.add_fault(kind="answer", status=200, headers=headers, body="<html></html>")
    answer = org.get("/limits")
    assert (answer.text, answer.headers["Content-Type"]) == ("<html></html>", "text/html")


def test_an_answer_is_lost_after_the_work_was_done(org: Org) -> None:
    org.sandbox.control.add_fault(kind="lost", method="POST", path="*/jobs/query")
    with pytest.raises(requests.ConnectionError):
        org.call("POST", "/jobs/query", json=NAMES)
    assert [one.status for one in org.sandbox.requests] == [0]
    assert len(org.json("GET", "/jobs/query")["records"]) == 1


@pytest.mark.parametrize("after_bytes", [0, 1, 37])
def test_a_connection_is_cut_after_so_many_bytes_of_the_answer(org: Org, after_bytes: int) -> None:
    org.load("Account", "insert", b"Name\nx\ny\nz\nlonger than the rest\n")
    job = org.run_query("SELECT Name FROM Account")
    path = f"/jobs/query/{job['id']}/results"
    org.sandbox.control.add_fault(kind="cut", path="*/results", after_bytes=after_bytes)
    headers = {"Accept-Encoding": "identity"}
    received: list[bytes] = []
    with org.get(path, headers=headers, stream=True) as answer:
        assert answer.status_code == 200
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            received.extend(answer.iter_content(1))
    whole = org.get(path, headers=headers).content
    assert b"".join(received) == whole[:after_bytes]


def test_a_cut_upload_answer_still_keeps_the_upload(org: Org) -> None:
    job_id = org.open_load("Account", "insert")["id"]
    org.sandbox.control.add_fault(kind="lost", method="PUT")
    with pytest.raises(requests.ConnectionError):
        org.upload(job_id, b"Name\nx\n")
    assert "numberRecordsProcessed" in org.json("GET", f"/jobs/ingest/{job_id}")


def test_a_delay_spends_time_of_the_clock() -> None:
    clock = HandClock()
    with Sandbox(sample=False, clock=clock) as sandbox:
        sandbox.control.add_fault(kind="delay", seconds=30)
        assert Org(sandbox).get("/limits").status_code == 200
    assert clock.slept == [30]


@pytest.fixture(scope="module")
def timed() -> Iterator[tuple[Org, HandClock]]:
    clock = HandClock()
    with Sandbox(sample=False, clock=clock) as sandbox:
        yield Org(sandbox), clock


def test_jobs_take_seconds_of_the_clock_side_by_side(timed: tuple[Org, HandClock]) -> None:
    org, clock = timed
    policy = {"policy": "after_seconds", "seconds": 2.5}
    assert control(org, "PUT", "/progress", policy).status_code == 204
    ids = [org.json("POST", "/jobs/query", json=NAMES)["id"] for _ in range(3)]

    def states() -> list[str]:
        return [org.json("GET", f"/jobs/query/{one}")["state"] for one in ids]

    assert states() == ["UploadComplete"] * 3
    clock.time += timedelta(seconds=2.4)
    assert states() == ["InProgress"] * 3
    clock.time += timedelta(seconds=0.1)
    assert org.json("GET", "/jobs/query")["records"][0]["state"] == "JobComplete"
    assert states() == ["JobComplete"] * 3
    org.sandbox.control.reset()
    assert org.run_query("SELECT Name FROM Account")["state"] == "JobComplete"


def test_every_answer_takes_a_latency(timed: tuple[Org, HandClock]) -> None:
    org, clock = timed
    assert control(org, "PUT", "/latency", {"seconds": 0.25}).status_code == 204
    for _ in range(2):
        org.get("/limits")
    org.sandbox.control.reset()
    org.get("/limits")
    assert clock.slept == [0.25, 0.25]


@pytest.mark.parametrize("scripted", [True, False])
def test_a_reset_drops_the_calls_that_wait(scripted: bool) -> None:
    class StoppedClock(Clock):
        def __init__(self) -> None:
            self.reached, self.go_on = threading.Event(), threading.Event()

        def sleep(self, seconds: float) -> None:
            assert seconds == 30
            self.reached.set()
            assert self.go_on.wait(30)

    clock = StoppedClock()
    with Sandbox(sample=False, clock=clock) as sandbox, ThreadPoolExecutor(1) as pool:
        org = Org(sandbox)
        if scripted:
            sandbox.control.add_fault(kind="delay", seconds=30)
        else:
            sandbox.control.set_latency(30)
        waiting = pool.submit(org.call, "POST", "/jobs/query", json=NAMES)
        assert clock.reached.wait(30)
        sandbox.control.reset()
        clock.go_on.set()
        with pytest.raises(requests.ConnectionError):
            waiting.result(30)
        assert org.json("GET", "/jobs/query")["records"] == []
        org.session.close()


def test_faults_strike_in_order_and_skip_what_they_are_told(org: Org) -> None:
    org.sandbox.control.add_fault(kind="answer", path="*/limits", skip=1, status=500)
    org.sandbox.control.add_fault(kind="answer", method="GET", status=502)
    assert [org.get("/limits").status_code for _ in range(3)] == [502, 500, 200]


def test_a_job_failure_waits_for_its_object_and_operation(org: Org) -> None:
    org.sandbox.control.add_fault(kind="job_failed", object="Contact", operation="insert")
    assert org.load("Account", "insert", b"Name\nx\n")["state"] == "JobComplete"
    assert len(org.sandbox.control.faults) == 1
    job = org.load("Contact", "insert", b"LastName\nx\n")
    assert (job["state"], job["numberRecordsProcessed"]) == ("Failed", 0)
    assert org.sandbox.control.faults == []


def test_pending_faults_are_listed_and_cleared_over_http(org: Org) -> None:
    org.sandbox.control.add_fault(kind="lost", path="*/limits")
    (pending,) = control(org, "GET", "/faults").json()
    assert (pending["kind"], pending["path"], pending["times"]) == ("lost", "*/limits", 1)
    assert control(org, "DELETE", "/faults").status_code == 204
    assert org.get("/limits").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/progress", {"policy": "hold", "poll": 3}),
        ("PUT", "/progress", {"policy": "after_seconds", "seconds": "3"}),
        ("PUT", "/progress", {"policy": "after_seconds", "seconds": 0}),
        ("POST", "/progress/release", {"id": "750"}),
        ("PUT", "/latency", {"seconds": -1}),
        ("PUT", "/latency", {"second": 1}),
        ("PUT", "/limits/app", {"name": "a,b"}),
        ("PUT", "/limits/app", {"name": "a", "max": 0}),
        ("PUT", "/sessions", {"second": 1}),
        ("PUT", "/refresh-token", {"rotates": True}),
        ("PUT", "/progress", {"policy": "never"}),
        ("PUT", "/progress", {"policy": "after_polls"}),
        ("PUT", "/progress", {"policy": "after_polls", "polls": 0}),
        ("PUT", "/pages", {"rows": True}),
    ],
)
def test_what_the_control_plane_does_not_understand_is_a_400(
    org: Org, method: str, path: str, body: dict[str, Any]
) -> None:
    answer = control(org, method, path, body)
    assert answer.status_code == 400
    assert answer.json()[0]["message"]


@pytest.mark.parametrize(
    "verb",
    [
        lambda sandbox: sandbox.control.add_fault(kind="fire"),
        lambda sandbox: sandbox.control.jobs_after_polls(0),
        lambda sandbox: sandbox.control.set_page_rows(0),
    ],
)
def test_the_python_verbs_refuse_nonsense(
    sandbox: Sandbox, verb: Callable[[Sandbox], None]
) -> None:
    with pytest.raises(ValueError, match=r"kind|poll|row"):
        verb(sandbox)


@pytest.fixture(scope="module")
def twins() -> Iterator[tuple[Org, Org]]:
    with Sandbox(sample=False, seed=7) as one, Sandbox(sample=False, seed=7) as other:
        yield Org(one), Org(other)


def test_the_same_seed_gives_the_same_ids_and_answers(twins: tuple[Org, Org]) -> None:
    def story(org: Org) -> list[object]:
        job = org.load("Account", "insert", b"Name\na\nb\nc\n")
        query = org.run_query("SELECT Id, Name FROM Account")
        return [
            org.sandbox.access_token,
            org.sandbox.client_secret,
            job["id"],
            org.results(job["id"], "successfulResults"),
            org.get(f"/jobs/query/{query['id']}/results").text,
            org.get(f"/jobs/query/{query['id']}/results?maxRecords=1").headers["Sforce-Locator"],
        ]

    one, other = twins
    assert story(one) == story(other)


def test_two_sandboxes_in_one_process_do_not_meet(twins: tuple[Org, Org]) -> None:
    one, other = twins
    one.sandbox.control.reset()
    other.sandbox.control.reset()
    one.load("Account", "insert", b"Name\nx\n")
    one.sandbox.control.end_sessions()
    count = other.json("GET", "/query", params={"q": "SELECT COUNT() FROM Account"})
    assert count["totalSize"] == 0
    assert other.sandbox.requests != one.sandbox.requests


def test_another_seed_gives_other_credentials(sandbox: Sandbox) -> None:
    with Sandbox(sample=False, seed=8) as other:
        line = other.ready_line()
    same = [name for name, value in sandbox.ready_line().items() if line[name] == value]
    assert same == []


def test_switches_are_moved_read_and_put_back_by_a_reset(org: Org) -> None:
    first = control(org, "GET", "/behaviour").json()
    assert (first["result_pages"], first["hard_delete"]) == ("chunks", "permitted")
    assert control(org, "PUT", "/behaviour", {"result_pages": "guide"}).status_code == 204
    org.sandbox.control.set_behaviour(hard_delete="refused")
    moved = {"result_pages": "guide", "hard_delete": "refused"}
    assert control(org, "GET", "/behaviour").json() == first | moved
    assert org.sandbox.control.behaviour == first | moved
    org.sandbox.control.reset()
    assert org.sandbox.control.behaviour == first


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"hard_delete": "refused", "result_page": "guide"}, "switches are result_pages, second"),
        ({"hard_delete": "refused", "result_pages": "Guide"}, "chunks or guide or refused"),
        ({"result_pages": None}, "result_pages must be chunks"),
        ({"result_pages": ["guide"]}, "result_pages must be chunks"),
    ],
)
def test_an_unknown_switch_or_choice_is_refused_and_moves_nothing(
    org: Org, body: dict[str, Any], named: str
) -> None:
    answer = control(org, "PUT", "/behaviour", body)
    assert answer.status_code == 400
    assert named in answer.json()[0]["message"]
    assert org.sandbox.control.behaviour["hard_delete"] == "permitted"
