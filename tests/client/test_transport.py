"""Requests against a server that answers from a script: retries, renewal, what is kept secret."""

from __future__ import annotations

import gzip
import logging
import socket
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from sfbulk.error_text import one_line
from sfbulk.errors import ApiError, SessionExpired, SignInError, TransportError
from sfbulk.http.retry import MAX_ATTEMPTS
from sfbulk.http.wire import Request
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import DROP, Answer, FakeClock, ScriptedServer, as_json, error

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.client.scripted import Seen

READ = Request("GET", "/services/data/v68.0/x", "Read x")
CREATE = Request("POST", "/services/data/v68.0/x", "Create x", json={"a": "é"})
EXPIRED = error(401, "INVALID_SESSION_ID", "Session expired or invalid")
TOKEN_LINE = "POST /services/oauth2/token"


def granted(server: ScriptedServer, suffix: str = "fresh") -> Answer:
    token = f"00Dxx!{suffix}"
    return as_json({"access_token": token, "instance_url": server.url, "token_type": "Bearer"})


def test_a_request_has_the_headers_that_salesforce_needs(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.append(as_json({"ok": True}))
    assert transport.json(CREATE) == {"ok": True}
    headers = server.seen[0].headers
    assert headers["Authorization"] == "Bearer 00Dxx!secret"
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["Accept"] == "application/json"
    assert headers["Content-Type"] == "application/json; charset=UTF-8"
    assert headers["User-Agent"].startswith("sfbulk/")
    assert server.seen[0].body == b'{"a": "\\u00e9"}'


def test_a_request_of_bulk_1_has_the_token_in_another_header(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.append(Answer(201, b"<jobInfo/>"))
    assert transport.async_path == "/services/async/68.0"
    request = replace(
        CREATE,
        json=None,
        body=b"<jobInfo/>",
        content_type="application/xml; charset=UTF-8",
        headers={"Sforce-Line-Ending": "LF"},
        bulk1=True,
    )
    assert transport.read(request, lambda _, reply: reply.content) == b"<jobInfo/>"
    headers = server.seen[0].headers
    assert headers["X-SFDC-Session"] == "00Dxx!secret"
    assert "Authorization" not in headers
    assert headers["Accept"] == "*/*"
    assert headers["Content-Type"] == "application/xml; charset=UTF-8"
    assert headers["Sforce-Line-Ending"] == "LF"


def test_the_session_error_of_bulk_1_renews_the_token(
    server: ScriptedServer, renewing: Transport
) -> None:
    refused = as_json(
        {"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}, 400
    )
    server.script.extend([granted(server, "1"), refused, granted(server, "2"), Answer(201)])
    renewing.send(replace(CREATE, bulk1=True))
    assert server.seen[3].headers["X-SFDC-Session"] == "00Dxx!2"


def test_a_netrc_file_does_not_replace_the_token(
    server: ScriptedServer, transport: Transport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server.script.append(as_json({}))
    transport.json(READ)
    assert server.seen[0].headers["Authorization"] == "Bearer 00Dxx!secret"


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    server: ScriptedServer, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    server.script.append(as_json({}))
    assert transport.json(READ) == {}


def test_cookies_are_not_sent_back(server: ScriptedServer, transport: Transport) -> None:
    server.script.extend([as_json({}, Set_Cookie="BrowserId=x; path=/"), as_json({})])
    transport.json(READ)
    transport.json(READ)
    assert "Cookie" not in server.seen[1].headers


def test_a_compressed_answer_is_unpacked(server: ScriptedServer, transport: Transport) -> None:
    server.script.append(Answer(200, gzip.compress(b'{"x": 1}'), {"Content-Encoding": "gzip"}))
    assert transport.json(READ) == {"x": 1}


@pytest.mark.parametrize(
    "trouble",
    [
        error(503, "SERVER_UNAVAILABLE"),
        Answer(503, b"<html><title>Down for maintenance</title></html>"),
        Answer(200, b"<html>We are setting things up</html>"),
        Answer(200, b'["a list"]'),
        Answer(502),
        DROP,
        Answer(200, b'{"whole": "answer"}', cut=5),
    ],
    ids=["busy", "maintenance", "page as success", "list", "gateway", "dropped", "cut"],
)
def test_a_read_is_retried_after_temporary_errors(
    server: ScriptedServer, transport: Transport, clock: FakeClock, trouble: Answer
) -> None:
    server.script.extend([trouble, trouble, as_json({"done": 1})])
    assert transport.json(READ) == {"done": 1}
    assert len(clock.slept) == 2


def test_a_read_gives_up_in_the_end(
    server: ScriptedServer, transport: Transport, clock: FakeClock
) -> None:
    server.script.extend([Answer(502)] * MAX_ATTEMPTS)
    with pytest.raises(ApiError, match="Read x: HTTP 502, no body"):
        transport.json(READ)
    assert len(server.seen) == MAX_ATTEMPTS
    assert len(clock.slept) == MAX_ATTEMPTS - 1


@pytest.mark.parametrize("trouble", [DROP, Answer(502), Answer(500), Answer(200, b"<html>")])
def test_a_creation_without_a_clear_answer_is_never_sent_again(
    server: ScriptedServer, transport: Transport, trouble: Answer
) -> None:
    server.script.append(trouble)
    with pytest.raises(
        TransportError, match="not known whether Salesforce carried it out"
    ) as caught:
        transport.json(CREATE)
    assert caught.value.ambiguous
    assert server.lines == ["POST /services/data/v68.0/x"]


def test_a_creation_that_was_refused_for_now_is_sent_again(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.extend([error(503, "SERVER_UNAVAILABLE"), as_json({"id": "750"})])
    assert transport.json(CREATE) == {"id": "750"}


def test_a_creation_is_sent_again_when_no_connection_was_made(clock: FakeClock) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}"
    settings = parse_settings({"instance_url": url, "access_token": "t"})
    transport = Transport(settings, clock)
    with pytest.raises(TransportError, match=r"Create x: no connection \(127.0.0.1\)") as caught:
        transport.json(CREATE)
    assert not caught.value.ambiguous
    assert len(clock.slept) == MAX_ATTEMPTS - 1


def test_the_server_may_ask_for_a_pause(
    server: ScriptedServer, transport: Transport, clock: FakeClock
) -> None:
    server.script.extend([error(503, "X", Retry_After="120"), as_json({})])
    transport.json(READ)
    assert clock.slept == [120.0]


def test_a_pause_of_an_hour_is_not_made(
    server: ScriptedServer, transport: Transport, clock: FakeClock
) -> None:
    server.script.append(error(503, "X", Retry_After="3600"))
    with pytest.raises(ApiError):
        transport.json(READ)
    assert clock.slept == []


def test_a_redirect_is_not_followed_and_the_token_stays(
    server: ScriptedServer, transport: Transport
) -> None:
    with ScriptedServer([as_json({})]) as elsewhere:
        target = elsewhere.url.replace("127.0.0.1", "localhost") + "/steal?x"
        server.script.append(Answer(302, headers={"Location": target}))
        with pytest.raises(TransportError, match=r"127\.0\.0\.1 redirects to localhost"):
            transport.json(READ)
        assert elsewhere.seen == []


def test_a_sign_in_is_not_redirected_either(server: ScriptedServer, renewing: Transport) -> None:
    with ScriptedServer([as_json({})]) as elsewhere:
        server.script.append(Answer(307, headers={"Location": elsewhere.url + "/steal"}))
        with pytest.raises(TransportError, match=r"redirects to .* login_url"):
            renewing.json(READ)
        assert elsewhere.seen == []
    assert server.lines == [TOKEN_LINE]


def test_a_download_that_breaks_off_starts_again(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    whole = b"row\n" * 300_000
    server.script.extend([Answer(200, whole, cut=700_000), Answer(200, whole)])
    file = tmp_path / "page.csv"

    def sink(chunks: Iterator[bytes]) -> None:
        with file.open("wb") as out:
            out.writelines(chunks)

    transport.send(READ, sink)
    assert file.read_bytes() == whole
    assert server.seen[0].headers["Accept"] == "text/csv"


@pytest.mark.parametrize(
    "media_type", ["text/html; charset=UTF-8", "TEXT/HTML", "Application/XHTML+XML"]
)
def test_a_web_page_is_not_taken_for_data(
    server: ScriptedServer, transport: Transport, media_type: str
) -> None:
    page = Answer(200, b"<html>", {"Content-Type": media_type})
    server.script.extend([page, Answer(200, b"data")])
    taken: list[bytes] = []
    transport.send(READ, taken.extend)
    assert taken == [b"data"]


def test_a_token_that_fits_no_header_is_not_shown(
    server: ScriptedServer, renewing: Transport
) -> None:
    server.script.append(granted(server, "line\nbreak"))
    with pytest.raises(SignInError, match="without a token") as caught:
        renewing.json(READ)
    shown = traceback.format_exception(caught.type, caught.value, caught.tb)
    assert "00Dxx" not in "".join(shown)


def test_a_full_disk_is_not_a_network_error(server: ScriptedServer, transport: Transport) -> None:
    def sink(chunks: Iterator[bytes]) -> None:
        next(chunks)
        raise OSError(28, "No space left on device")

    server.script.append(Answer(200, b"data"))
    with pytest.raises(OSError, match="No space left"):
        transport.send(READ, sink)
    assert len(server.seen) == 1


@pytest.mark.parametrize("as_file", [True, False])
def test_an_upload_is_sent_whole_again_after_the_session_was_renewed(
    server: ScriptedServer, renewing: Transport, tmp_path: Path, *, as_file: bool
) -> None:
    data = b'"A"\n' + b'"x"\n' * 100_000
    file = tmp_path / "job.csv"
    file.write_bytes(data)
    upload = Request("PUT", "/batches", "Upload", body=file if as_file else data)
    server.script.extend([granted(server), EXPIRED, granted(server, "second"), Answer(201)])
    assert renewing.send(upload).status == 201
    puts = [seen for seen in server.seen if seen.method == "PUT"]
    assert [seen.body == data for seen in puts] == [True, True]
    assert [seen.headers["Content-Length"] for seen in puts] == [str(len(data))] * 2
    assert [seen.headers["Content-Type"] for seen in puts] == ["text/csv"] * 2
    assert puts[1].headers["Authorization"] == "Bearer 00Dxx!second"


def test_an_expired_session_is_renewed_even_for_a_creation(
    server: ScriptedServer, renewing: Transport
) -> None:
    server.script.extend([granted(server), EXPIRED, granted(server), as_json({"id": "750"})])
    assert renewing.json(CREATE) == {"id": "750"}
    assert [line for line in server.lines if "token" in line] == [TOKEN_LINE] * 2


DEAD_TOKEN = [
    EXPIRED,
    error(401, "INVALID_JWT_FORMAT", "Invalid JWT"),
    error(401, "INVALID_AUTH_HEADER", "INVALID_HEADER_TYPE"),
    error(401, "a word of tomorrow"),
    as_json({"error": "invalid_token"}, 401),
    Answer(401, b"<html><title>Unauthorized</title></html>"),
    Answer(401),
    as_json({"exceptionCode": "InvalidSessionId", "exceptionMessage": "Invalid session id"}, 400),
    Answer(400, b"<error><exceptionCode>InvalidSessionId</exceptionCode></error>"),
]


@pytest.mark.parametrize("refusal", DEAD_TOKEN, ids=[str(n.body[:60]) for n in DEAD_TOKEN])
def test_a_token_that_is_refused_in_whatever_words_is_renewed_once_only(
    server: ScriptedServer, renewing: Transport, refusal: Answer
) -> None:
    server.script.extend([granted(server), refusal, granted(server, "new"), as_json({"ok": 1})])
    assert renewing.json(READ) == {"ok": 1}
    server.script.extend([refusal, granted(server, "newer"), refusal])
    with pytest.raises(SessionExpired, match="A new access token was refused too: check"):
        renewing.json(READ)
    assert len(server.seen) == 7


def test_a_401_that_a_new_token_cannot_fix_fails_at_once(
    server: ScriptedServer, renewing: Transport
) -> None:
    text = "This session is not valid for use with the REST API"
    server.script.extend([granted(server), error(401, "INVALID_SESSION_ID", text)])
    with pytest.raises(SessionExpired):
        renewing.json(READ)
    assert len(server.seen) == 2


def test_an_access_token_alone_cannot_be_renewed_and_says_so(
    server: ScriptedServer, transport: Transport
) -> None:
    server.script.append(EXPIRED)
    with pytest.raises(SignInError, match="cannot be renewed") as caught:
        transport.json(READ)
    assert "!secret" not in str(caught.value)
    assert len(server.seen) == 1


class Org(ScriptedServer):
    """Refuses the first token, from all threads at once, and accepts the second."""

    def __init__(self, threads: int) -> None:
        super().__init__()
        self.together = threading.Barrier(threads, timeout=30)
        self.sign_ins = 0

    def answer(self, seen: Seen) -> Answer:
        if seen.path == "/services/oauth2/token":
            self.sign_ins += 1
            return granted(self, str(self.sign_ins))
        if seen.headers["Authorization"] == "Bearer 00Dxx!1":
            self.together.wait()
            return EXPIRED
        return as_json({"ok": seen.headers["Authorization"]})


def test_threads_refused_together_sign_in_once(clock: FakeClock) -> None:
    threads = 6
    with Org(threads) as org, ThreadPoolExecutor(threads) as pool:
        settings = {"login_url": org.url, "client_id": "id", "client_secret": "shh"}
        transport = Transport(parse_settings(settings), clock)
        answers = list(pool.map(lambda _: transport.json(READ), range(threads)))
        transport.close()
    assert answers == [{"ok": "Bearer 00Dxx!2"}] * threads
    assert org.sign_ins == 2


def test_a_refused_sign_in_names_the_reason_and_is_not_tried_again(
    server: ScriptedServer, renewing: Transport
) -> None:
    refusal = {"error": "invalid_client", "error_description": "invalid client credentials"}
    server.script.append(as_json(refusal, 400))
    for _ in range(2):
        with pytest.raises(
            SignInError, match=r"invalid_client \(invalid client credentials\)"
        ) as e:
            renewing.json(READ)
        assert "shh" not in str(e.value)
        assert e.value.code == "invalid_client"
    assert server.lines == [TOKEN_LINE]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (as_json({"hello": 1}), "without a token"),
        (Answer(404, b"<html>"), "Check login_url"),
        (as_json({"access_token": "t", "instance_url": "http://evil.example"}), "https"),
        (as_json({"access_token": "t", "instance_url": "not a url"}), "must be a URL"),
    ],
)
def test_a_host_that_is_not_salesforce_has_a_clear_message(
    server: ScriptedServer, renewing: Transport, answer: Answer, said: str
) -> None:
    server.script.append(answer)
    with pytest.raises(SignInError, match=said):
        renewing.json(READ)


def test_a_sign_in_whose_answer_is_lost_is_sent_again(
    server: ScriptedServer, renewing: Transport
) -> None:
    server.script.extend([DROP, granted(server), as_json({})])
    assert renewing.json(READ) == {}


@pytest.mark.parametrize("expired_first", [False, True])
def test_a_creation_without_a_token_is_not_ambiguous(
    server: ScriptedServer, renewing: Transport, *, expired_first: bool
) -> None:
    server.script.extend([granted(server), EXPIRED] if expired_first else [])
    server.script.extend([DROP] * MAX_ATTEMPTS)
    with pytest.raises(TransportError, match="Sign in") as caught:
        renewing.json(CREATE)
    assert not caught.value.ambiguous
    assert server.lines[-1] == TOKEN_LINE


def test_a_sign_in_for_another_org_is_refused(server: ScriptedServer, clock: FakeClock) -> None:
    settings = {
        "login_url": server.url,
        "instance_url": "https://mine.my.salesforce.com",
        "client_id": "id",
        "client_secret": "shh",
    }
    server.script.append(granted(server))
    with pytest.raises(SignInError, match=r"instance_url is https://mine\.my"):
        Transport(parse_settings(settings), clock).json(READ)


def test_a_replaced_refresh_token_is_used_for_the_next_renewal(
    server: ScriptedServer, clock: FakeClock
) -> None:
    settings = {
        "login_url": server.url,
        "client_id": "id",
        "client_secret": "shh",
        "refresh_token": "old",
    }
    first = {"access_token": "1", "instance_url": server.url, "refresh_token": "new"}
    server.script.extend([as_json(first), EXPIRED, granted(server), as_json({})])
    transport = Transport(parse_settings(settings), clock)
    transport.json(READ)
    transport.close()
    forms = [seen.body.decode() for seen in server.seen if seen.line == TOKEN_LINE]
    assert ["refresh_token=old" in forms[0], "refresh_token=new" in forms[1]] == [True, True]


def test_neither_token_nor_secret_nor_data_reaches_the_log(
    server: ScriptedServer, renewing: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    upload = replace(READ, method="DELETE", body=b'"Name"\n"Jane Doe"\n')
    message = "Name: data value too large: Jane Doe"
    server.script.extend(
        [granted(server), error(503, "BUSY", message), EXPIRED, granted(server), as_json({})]
    )
    renewing.send(upload)
    assert "BUSY" in caplog.text
    for secret in ("shh", "00Dxx", "Jane Doe"):
        assert secret not in caplog.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [("301", "301 s"), ("172800", "2.0 days"), ("9" * 400, "more than 30 days")],
)
def test_a_pause_longer_than_is_waited_is_named_with_what_to_do(
    server: ScriptedServer, transport: Transport, clock: FakeClock, asked: str, said: str
) -> None:
    server.script.append(error(503, "SERVER_UNAVAILABLE", Retry_After=asked))
    with pytest.raises(ApiError) as refused:
        transport.send(Request("GET", "/services/data", "Ask"))
    assert f"asks to wait {said}" in one_line(refused.value)
    assert "the next run goes on" in one_line(refused.value)
    assert clock.slept == []
