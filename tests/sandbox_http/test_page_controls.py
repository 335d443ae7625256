"""The page's buttons, its account of requests, limits and faults, and who may press them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from tests.sandbox_http.page_reader import block, page, table, text

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org

QUERY = {"operation": "query", "query": "SELECT Id FROM Account"}


def press(sandbox: Sandbox, button: str, **form: str) -> requests.Response:
    headers = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}
    url = f"{sandbox.url}/page/{button}"
    return requests.post(url, data=form, headers=headers, allow_redirects=False, timeout=30)


def policy(sandbox: Sandbox) -> str:
    return text(block(page(sandbox, "/page/control"), "policy"))


def test_jobs_are_held_and_released_by_buttons(org: Org) -> None:
    answer = press(org.sandbox, "progress", policy="hold")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert policy(org.sandbox) == "Jobs wait until they are released."
    first, second = (org.json("POST", "/jobs/query", json=QUERY)["id"] for _ in range(2))
    assert "Release this job" in page(org.sandbox, f"/page/jobs/{first}")
    answer = press(org.sandbox, "release", job=first)
    assert answer.headers["location"] == f"/page/jobs/{first}"
    assert org.wait("query", first)["state"] == "JobComplete"
    assert org.json("GET", f"/jobs/query/{second}")["state"] == "UploadComplete"
    press(org.sandbox, "release", back="control")
    assert org.wait("query", second)["state"] == "JobComplete"


def test_how_long_jobs_take_is_set_by_a_form(sandbox: Sandbox) -> None:
    press(sandbox, "progress", policy="after_seconds", amount="2.5")
    assert policy(sandbox) == "Each job takes 2.5 seconds."
    answer = press(sandbox, "progress", policy="after_polls", amount="1", back="control")
    assert answer.headers["location"] == "/page/control"
    assert policy(sandbox) == "Jobs end after 1 poll."
    for amount in ("", "x", "nan", "inf", "-1", "0", "2.7"):
        answer = press(sandbox, "progress", policy="after_polls", amount=amount)
        assert answer.status_code == 400, amount
        assert "polls" in answer.text, amount
    assert press(sandbox, "progress", policy="never").status_code == 400
    press(sandbox, "progress", policy="at_once")
    assert policy(sandbox) == "Jobs are processed at once."


def test_a_reset_removes_rows_jobs_and_faults(org: Org) -> None:
    org.load("Account", "insert", b"Name\nA\n")
    org.sandbox.control.add_fault(kind="answer", path="/nowhere")
    assert press(org.sandbox, "reset", back="control").headers["location"] == "/page/control"
    assert org.sandbox.org.counts()["Account"] == 0
    assert table(page(org.sandbox), "ended") == []
    assert org.sandbox.control.faults == []


def test_it_shows_requests_limits_and_faults(org: Org) -> None:
    org.sandbox.control.forget_requests()
    org.get("/query", params={"q": "SELECT Id FROM Nothing"})
    org.sandbox.control.use_up("SingleEmail", 14)
    org.sandbox.control.add_fault(kind="row_error", object="<b>", every=10, attempts=2)
    html = page(org.sandbox, "/page/control")
    assert "1 request made" in html
    path = "/services/data/v68.0/query?q=SELECT+Id+FROM+Nothing"
    assert table(html, "log") == [["GET", "400", path, "0"]]
    limits = {cells[0]: cells[1:] for cells in table(html, "limits")}
    assert limits["SingleEmail"] == ["14", "15"]
    assert {"DailyApiRequests", "DailyBulkApiBatches", "DailyBulkV2QueryJobs"} < set(limits)
    fault = r'{"kind": "row_error", "object": "\u003cb\u003e", "every": 10, "attempts": 2}'
    assert fault in html
    press(org.sandbox, "clear-faults")
    assert org.sandbox.control.faults == []


FORGED = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://127.0.0.1"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Host": "evil.example"},
    {"Host": "evil.example", "Origin": "http://evil.example"},
    {"Host": "127.0.0.1.evil.example"},
    {"Host": "[::1"},
    {"Host": "user@127.0.0.1"},
    {"Host": "127.0.0.1/x"},
]


@pytest.mark.parametrize("headers", FORGED)
@pytest.mark.parametrize("path", ["/page/reset", "/sandbox/reset"])
def test_no_other_site_can_press_a_button(org: Org, path: str, headers: dict[str, str]) -> None:
    org.load("Account", "insert", b"Name\nA\n")
    answer = requests.post(org.sandbox.url + path, headers=headers, timeout=30)
    assert answer.status_code == 403
    assert "SANDBOX_CONTROL" in answer.text
    assert org.sandbox.org.counts()["Account"] == 1


@pytest.mark.parametrize("headers", FORGED)
def test_no_other_site_uses_a_session_that_it_knows(org: Org, headers: dict[str, str]) -> None:
    signed_in = {"Authorization": f"Bearer {org.sandbox.access_token}", **headers}
    record = org.json("POST", "/sobjects/Account", json={"Name": "A"})["id"]
    org.sandbox.control.forget_requests()
    base = f"{org.sandbox.url}/services/data/v68.0"
    calls = [
        ("DELETE", f"{base}/sobjects/Account/{record}"),
        ("POST", f"{base}/sobjects/Account"),
        ("POST", f"{org.sandbox.url}/services/oauth2/token"),
    ]
    if "Sec-Fetch-Site" not in headers:
        calls += [("GET", f"{base}/sobjects/Account/{record}"), ("OPTIONS", base)]
    for method, url in calls:
        # What a form of another site can send without asking first.
        kind = {"Content-Type": "text/plain"}
        answer = requests.request(
            method, url, headers={**kind, **signed_in}, data=b'{"Name": "B"}', timeout=30
        )
        assert (answer.status_code, record in answer.text) == (403, False), method
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert org.sandbox.org.counts()["Account"] == 1


@pytest.mark.parametrize("path", ["/", "/page/connect", "/page/query", "/sandbox/requests"])
def test_no_other_host_name_reads_what_is_in_the_org(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.url + path, headers={"Host": "evil.example"}, timeout=30)
    assert answer.status_code == 403
    assert sandbox.client_secret not in answer.text
    port = sandbox.url.rpartition(":")[2]
    local = {"Host": f"localhost:{port}", "Sec-Fetch-Site": "cross-site"}
    assert requests.get(sandbox.url + path, headers=local, timeout=30).status_code == 200


@pytest.mark.parametrize("path", ["/", "/page/connect", "/page/jobs/750"])
def test_the_page_takes_nothing_from_elsewhere(sandbox: Sandbox, path: str) -> None:
    answer = requests.get(sandbox.url + path, timeout=30)
    allowed = dict(
        part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";")
    )
    assert allowed.pop("default-src") == "'none'"
    assert set(allowed.values()) == {"'self'", "'none'"}
    assert "//" not in answer.text.replace(sandbox.url, "")
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("name", ["style.css", "copy.js", "icon.svg"])
def test_what_the_page_uses_is_there(sandbox: Sandbox, name: str) -> None:
    answer = requests.get(f"{sandbox.url}/page/{name}", timeout=30)
    assert answer.status_code == 200
    assert answer.content


def test_a_button_needs_a_post(sandbox: Sandbox) -> None:
    assert requests.get(f"{sandbox.url}/page/reset", timeout=30).status_code == 405


def test_the_page_is_no_recorded_call(org: Org) -> None:
    org.sandbox.control.forget_requests()
    for path in ("/", "/page/control", "/page/objects/Account", "/page/style.css", "/Page/Connect"):
        assert requests.get(org.sandbox.url + path, timeout=30).status_code == 200
    press(org.sandbox, "release")
    assert org.sandbox.requests == []
