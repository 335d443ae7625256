"""Tokens and secrets go to the org's own host only, over a connection that is checked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from sfbulk import Salesforce
from sfbulk.errors import SalesforceError, SignInError, TransportError
from sfbulk.http.wire import Request
from sfbulk.read.rest_answers import RestAnswers
from sfbulk_sandbox import Sandbox
from tests.client.scripted import Answer, ScriptedServer, as_json
from tests.sandbox_http.certificates import make_certificate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk.transport import Transport

PATH = "/services/data/v68.0/x"
REQUESTS = {
    "read": Request("GET", PATH, "Read x"),
    "create": Request("POST", PATH, "Create x", json={"a": 1}),
    "upload": Request("PUT", PATH, "Upload x", body=b"Name\nsecret\n"),
    "delete": Request("DELETE", PATH, "Delete x"),
    "bulk 1": Request("POST", PATH, "Add batch", body=b"Name\nsecret\n", bulk1=True),
}
UNSAFE = [
    "http://evil.example",
    "https://user:word@acme.my.salesforce.com",
    "https://acme.my.salesforce.com@evil.example",
    "https://acme.my.salesforce.com\\@evil.example",
    "https://acme.my.salesforce.com\\.evil.example",
    "https://acme.my.salesforce.com/services",
    "https://acme.my.salesforce.com?x",
    "https://acme.my.salesforce.com#x",
    "https://acme.my.salesforce.com:port",
    "https://acme.my.salesforce.com:99999",
    "https://acme my.salesforce.com",
    "https://acme%2emy.salesforce.com",
    "https://[::1",
    # It becomes the name of a folder, too.
    "https://..",
    "//evil.example",
    "ftp://127.0.0.1",
    "javascript:alert(1)",
    "evil.example",
    "",
]


@pytest.fixture
def elsewhere() -> Iterator[ScriptedServer]:
    """Another host, as far as tokens are concerned: it has another port."""
    with ScriptedServer([as_json({})] * 9) as server:
        yield server
        assert server.seen == []


@pytest.mark.parametrize("status", [300, 301, 302, 303, 305, 307, 308, 399])
@pytest.mark.parametrize("kind", REQUESTS)
def test_no_redirect_is_followed(
    server: ScriptedServer,
    transport: Transport,
    elsewhere: ScriptedServer,
    status: int,
    kind: str,
) -> None:
    targets = [elsewhere.url + PATH, elsewhere.url.removeprefix("http:"), "/other", ""]
    for count, target in enumerate(targets, start=1):
        server.script.append(Answer(status, headers={"Location": target}))
        with pytest.raises(TransportError, match="redirects to"):
            transport.send(REQUESTS[kind])
        assert len(server.seen) == count


def test_the_page_that_follows_is_asked_of_the_org(
    server: ScriptedServer, transport: Transport, elsewhere: ScriptedServer
) -> None:
    host = elsewhere.url.removeprefix("http://")
    for address in (elsewhere.url + "/q/01g-200", f"@{host}/01g-200", f"//{host}/q/01g-200"):
        page = {"records": [{"Id": "1"}], "done": False, "totalSize": 2, "nextRecordsUrl": address}
        server.script += [as_json(page), as_json({"records": [], "done": True, "totalSize": 2})]
        answers = RestAnswers(transport, "Account", include_deleted=False)
        locator = answers.first("SELECT Id FROM Account").next_locator
        assert locator == "01g-200"
        answers.following(locator)
        assert server.seen[-1].path.startswith("/services/data/v68.0/query/01g-200")


@pytest.mark.parametrize("url", UNSAFE)
def test_a_sign_in_that_names_an_unsafe_address_is_not_used(
    server: ScriptedServer, renewing: Transport, url: str
) -> None:
    server.script.append(as_json({"access_token": "00D!hidden-one", "instance_url": url}))
    with pytest.raises(SignInError) as caught:
        renewing.json(REQUESTS["read"])
    assert "hidden-one" not in str(caught.value)
    assert len(server.seen) == 1


@pytest.mark.parametrize("url", UNSAFE)
@pytest.mark.parametrize("setting", ["instance_url", "login_url"])
def test_settings_with_an_unsafe_address_are_refused(setting: str, url: str) -> None:
    settings = {
        "instance_url": {"instance_url": url, "access_token": "00D!x"},
        "login_url": {"login_url": url, "client_id": "x", "client_secret": "y"},
    }
    # An empty text is a setting that is not set.
    if (setting, url) == ("login_url", ""):
        return
    with pytest.raises(SalesforceError, match=setting):
        Salesforce.from_settings(settings[setting])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


@pytest.mark.parametrize("name", [None, "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_certificate_must_be_trusted_and_can_be_by_the_environment(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, name: str | None
) -> None:
    for other in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(other, raising=False)
    if name:
        monkeypatch.setenv(name, str(certificate[0]))
    with Sandbox(sample=False, certificate=certificate[0], key=certificate[1]) as sandbox:
        settings = {"instance_url": sandbox.url, "access_token": sandbox.access_token}
        with Salesforce.from_settings(settings) as salesforce:
            if name:
                assert salesforce.describe("Account")
                return
            with pytest.raises(TransportError, match="certificate is not trusted"):
                salesforce.describe("Account")
        assert sandbox.requests == []


def test_a_netrc_file_is_not_used_for_a_sign_in(
    server: ScriptedServer, renewing: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    token = {"access_token": "00D!x", "instance_url": server.url}
    server.script += [as_json(token), as_json({})]
    assert renewing.json(REQUESTS["read"]) == {}
    assert "Authorization" not in server.seen[0].headers
    assert "someone" not in json.dumps([dict(seen.headers) for seen in server.seen])
