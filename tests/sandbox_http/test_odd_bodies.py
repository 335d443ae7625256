"""Bodies that no client sends: too large, too deep, not what their headers say, with a DTD."""

from __future__ import annotations

import gzip
import tracemalloc
from typing import TYPE_CHECKING

import pytest
import requests

from tests.sandbox_http.front_door import faults_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sfbulk_sandbox import Sandbox
    from tests.sandbox_http.front_door import Org

DEEP = b'{"Name":' + b"[" * 100_000
# (https://en.wikipedia.org/wiki/Billion_laughs_attack), and a file of this machine.
ENTITIES = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><x>&b;</x>',
    b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
    b'<!DOCTYPE x SYSTEM "http://127.0.0.1:9/x.dtd"><x/>',
)
NO_XML = (
    b"<x",
    b"",
    b'<?xml version="1.0" encoding="Shift_JIS"?><x/>',
    b'<?xml version="1.0" encoding="no such"?><x/>',
)
NO_JSON = (
    b"{",
    b"text",
    b"",
    b"[]",
    b'{"Name":"\xe9"}',
    b'{"Name":NaN}',
    b'{"Name":-Infinity}',
    b'{"Name":' + b"9" * 5000 + b"}",
    b'{"Name":"\\ud800"}',
    b'{"\\uDFFF":"x"}',
    DEEP,
)
JSON_PATHS = (
    "/sobjects/Account",
    "/jobs/ingest",
    "/jobs/query",
    "/composite",
    "/composite/batch",
    "/composite/sobjects",
)
MEGABYTE = b" " * 1024 * 1024


@pytest.mark.parametrize("path", JSON_PATHS)
def test_what_is_not_json_is_refused_as_salesforce_does(org: Org, path: str) -> None:
    for body in NO_JSON:
        headers = {"Content-Type": "application/json"}
        answer = org.call("POST", path, data=body, headers=headers)
        assert answer.status_code == 400, body[:60]
        assert faults_of(answer)[0][0] == "JSON_PARSER_ERROR", body[:60]
    assert org.sandbox.org.counts()["Account"] == 0


@pytest.mark.parametrize("path", ["faults", "seed", "latency"])
def test_what_is_not_json_is_refused_by_the_control_plane(sandbox: Sandbox, path: str) -> None:
    method = "PUT" if path == "latency" else "POST"
    for body in NO_JSON:
        answer = requests.request(method, f"{sandbox.control_url}/{path}", data=body, timeout=30)
        assert answer.status_code == 400, body[:60]


@pytest.mark.parametrize("kind", ["json", "xml"])
def test_what_is_not_a_document_of_bulk_1_is_refused(sandbox: Sandbox, kind: str) -> None:
    for body in NO_JSON if kind == "json" else (*ENTITIES, *NO_XML, b"<a>" * 100_000):
        answer = requests.post(
            f"{sandbox.url}/services/async/68.0/job",
            data=body,
            headers={
                "X-SFDC-Session": sandbox.access_token,
                "Content-Type": f"application/{kind}",
            },
            timeout=30,
        )
        assert answer.status_code == 400, body[:60]
        assert "Invalid" in answer.text, body[:60]
        assert "root:" not in answer.text


def test_a_login_with_a_dtd_is_refused(sandbox: Sandbox) -> None:
    for body in (*ENTITIES, *NO_XML, b"<a>" * 100_000):
        answer = requests.post(f"{sandbox.url}/services/Soap/u/64.0", data=body, timeout=30)
        assert answer.status_code == 500
        assert "The envelope cannot be read" in answer.text, body[:60]
        assert "root:" not in answer.text
        if body in ENTITIES:
            assert "DOCTYPE is not allowed" in answer.text


def endless(size: int) -> Iterator[bytes]:
    for _ in range(size):
        yield MEGABYTE


LARGE: dict[str, tuple[Callable[[], bytes | Iterator[bytes]], dict[str, str]]] = {
    "declared": (lambda: MEGABYTE * 60, {}),
    "chunked": (lambda: endless(120), {}),
    "gzip": (lambda: gzip.compress(MEGABYTE * 200, 1), {"Content-Encoding": "gzip"}),
}


@pytest.mark.parametrize("form", LARGE)
@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/services/data/v68.0/sobjects/Account", "Maximum size of request is 52428800 bytes"),
        ("/services/oauth2/token", "Maximum size of request is 52428800 bytes"),
        ("/services/Soap/u/64.0", "Maximum size of request is 52428800 bytes"),
        ("/sandbox/seed", "Maximum size of request is 52428800 bytes"),
        ("/services/async/68.0/job", "Exceeded max size limit of 10000000"),
    ],
)
def test_a_body_that_is_too_large_is_refused_while_it_is_read(
    sandbox: Sandbox, path: str, refusal: str, form: str
) -> None:
    body, headers = LARGE[form]
    sent = body()
    token = sandbox.access_token
    signed_in = {"Authorization": f"Bearer {token}", "X-SFDC-Session": token}
    tracemalloc.start()
    try:
        answer = requests.post(
            sandbox.url + path,
            data=sent,
            headers={**signed_in, "Content-Type": "application/json", **headers},
            timeout=60,
        )
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code, refusal in answer.text) == (400, True)
    # The bytes kept, once in the list of blocks and once as a whole.
    assert peak < 130 * len(MEGABYTE)


@pytest.mark.parametrize(
    "body", [b"no gzip", gzip.compress(b'{"Name":"x"}')[:-3], b""], ids=["other", "cut", "empty"]
)
def test_a_body_that_is_not_gzip_is_refused(org: Org, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = org.call("POST", "/sobjects/Account", data=body, headers=headers)
    assert answer.status_code == 400


def test_a_body_of_several_gzip_streams_is_read(org: Org) -> None:
    body = gzip.compress(b'{"Name":') + gzip.compress(b'"x"}')
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    assert org.call("POST", "/sobjects/Account", data=body, headers=headers).status_code == 201


@pytest.mark.parametrize(
    "name",
    [
        "..",
        "%2e%2e",
        "%2e%2e%2fx",
        "a'b",
        "a%22b",
        "sqlite_master",
        "~org",
        "%00",
        "%ff",
        "K%E2%84%AA",
    ],
)
def test_a_name_in_a_path_is_an_object_or_nothing(org: Org, name: str) -> None:
    session, base = org.session, f"{org.sandbox.url}/services/data/v68.0/sobjects/"
    for rest in ("", "/describe", "/001X00000000001IAA", "/Ext_Id__c/%27%22"):
        request = session.prepare_request(requests.Request("GET", base + "x"))
        # As it is: the library would resolve the dots.
        request.url = base + name + rest
        assert session.send(request, timeout=30).status_code in (400, 404), rest
    seeded = requests.Request(
        "POST", f"{org.sandbox.control_url}/seed/x", data="Name\nA\n"
    ).prepare()
    seeded.url = f"{org.sandbox.control_url}/seed/{name}"
    assert session.send(seeded, timeout=30).status_code in (400, 404)
