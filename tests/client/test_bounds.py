"""Whatever a server sends, a request reads a bounded part of it, in a bounded time."""

from __future__ import annotations

import gzip
import zlib
from itertools import chain, repeat
from typing import TYPE_CHECKING

import pytest

from sfbulk.errors import ApiError, TransportError
from sfbulk.http.bounds import (
    DATA,
    DOCUMENT,
    LEAST_DATA_BYTES,
    MAX_HEADER_LINES,
    MAX_LINE_BYTES,
    PACE_SECONDS,
    Bounds,
    Meter,
    SlowAnswerError,
)
from sfbulk.http.wire import ERROR_BODY_BYTES, Request
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import Answer, FakeClock, ScriptedServer, as_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

READ = Request("GET", "/services/data/v68.0/x", "Read x")
CREATE = Request("POST", "/services/data/v68.0/x", "Create x", json={"a": 1})
SMALL = Request("GET", "/services/data/v68.0/x", "Read x", bounds=Bounds(1000, LEAST_DATA_BYTES))
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
JSON = {"Content-Type": "application/json"}
PACKED = {**JSON, "Content-Encoding": "gzip"}


def sent(*pieces: bytes, then: bytes = b"") -> Answer:
    """These pieces, and the last one again and again."""
    return Answer(pieces=lambda: chain(pieces, repeat(then) if then else ()))


def bomb(megabytes: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    zeros = (packer.compress(bytes(1_000_000)) for _ in range(megabytes))
    return b"".join([*zeros, packer.flush()])


def drop(chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


class HurriedClock(FakeClock):
    """Each look at it takes long."""

    def monotonic(self) -> float:
        self.sleep(PACE_SECONDS)
        return super().monotonic()


@pytest.fixture
def hurried(server: ScriptedServer) -> Iterator[Transport]:
    settings = {"instance_url": server.url, "access_token": "00Dxx!secret"}
    transport = Transport(parse_settings(settings), HurriedClock())
    yield transport
    transport.close()


def refusal(server: ScriptedServer, answer: Answer, ask: Callable[[], object]) -> TransportError:
    server.script.extend([answer] * 6)
    with pytest.raises(TransportError) as caught:
        ask()
    return caught.value


def test_a_gzip_bomb_is_unpacked_to_the_bound_and_not_asked_for_again(
    server: ScriptedServer, transport: Transport
) -> None:
    megabytes = DOCUMENT.most_bytes // 1_000_000 + 10
    answer = Answer(200, bomb(megabytes), PACKED)
    assert len(answer.body) < 100_000
    error = refusal(server, answer, lambda: transport.json(READ))
    assert str(error).startswith("Read x: the answer has more than 64,000,000 bytes")
    assert len(server.seen) == 1


def test_data_is_bounded_too(server: ScriptedServer, transport: Transport) -> None:
    answer = Answer(200, bomb(1), {"Content-Encoding": "gzip", "Content-Type": "text/csv"})
    error = refusal(server, answer, lambda: transport.send(SMALL, drop))
    assert "more than 1,000 bytes" in str(error)
    assert DATA.most_bytes == 10_000_000_000


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(sent(OK + b"\r\n", then=b"x" * 100), id="body without a length"),
        pytest.param(sent(CHUNKED, then=b"64\r\n" + b"x" * 100 + b"\r\n"), id="chunks"),
        pytest.param(sent(CHUNKED, b"FFFFFFFFF\r\n", then=b"x" * 100), id="huge chunk"),
        pytest.param(
            sent(OK + b"Content-Encoding: gzip\r\n\r\n", then=gzip.compress(b"")),
            id="empty gzip streams",
        ),
    ],
)
def test_an_endless_body_is_read_to_the_bound(
    server: ScriptedServer, transport: Transport, answer: Answer
) -> None:
    error = refusal(server, answer, lambda: transport.send(SMALL, drop))
    assert "more than 1,000 bytes" in str(error)
    assert len(server.seen) == 1


@pytest.mark.parametrize("size", [b"-1", b"-5", b"zz", b"", b"1_0_0x", "é".encode()])
def test_a_chunk_whose_size_is_no_size_is_an_answer_that_broke_off(
    server: ScriptedServer, transport: Transport, size: bytes
) -> None:
    server.script.extend([sent(CHUNKED, size + b"\r\n" + b"x" * 100), as_json({"ok": True})])
    assert transport.json(READ) == {"ok": True}


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        pytest.param(sent(OK + b"X: ", then=b"x" * 10_000), "header line of more than", id="long"),
        pytest.param(sent(b"", then=b"x" * 10_000), "header line of more than", id="status line"),
        pytest.param(sent(OK, then=b"X: y\r\n"), "more than 100 header lines", id="many"),
        pytest.param(
            sent(b"", then=b"HTTP/1.1 100 Continue\r\n\r\n"), "more than 100 header", id="continue"
        ),
        pytest.param(
            sent(CHUNKED, b"0\r\n", then=b"X: y\r\n"), "more than 100 header lines", id="trailers"
        ),
        pytest.param(sent(CHUNKED, b"0;", then=b"x" * 10_000), "", id="chunk's line"),
    ],
)
def test_endless_header_lines_are_an_error_that_names_the_request(
    server: ScriptedServer, transport: Transport, answer: Answer, what: str
) -> None:
    error = refusal(server, answer, lambda: transport.send(READ))
    assert str(error).startswith("Read x: ")
    assert what in str(error)
    assert not what or len(server.seen) == 1


def test_as_many_header_lines_as_are_allowed_are_read(
    server: ScriptedServer, transport: Transport
) -> None:
    # The status line and the empty line count too.
    lines = b"".join(b"X-%d: y\r\n" % number for number in range(MAX_HEADER_LINES - 4))
    long = b"X-Long: " + b"x" * (MAX_LINE_BYTES - 10) + b"\r\n"
    server.script.append(sent(OK + lines + long + b"Content-Length: 2\r\n\r\n{}"))
    assert transport.json(READ) == {}


@pytest.mark.parametrize(
    "lines",
    [b"X y\r\n", b" X: y\r\n", b"\xff\r\n", b"X: y\r\nWhere is it\r\n", b": y\r\n", b"a b: c\r\n"],
)
def test_headers_with_a_line_that_is_none_are_an_error(
    server: ScriptedServer, transport: Transport, caplog: pytest.LogCaptureFixture, lines: bytes
) -> None:
    broken = sent(OK + lines + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")
    server.script.extend([broken, as_json({"ok": True})])
    # What follows such a line is no header to the library: the chunks would be read as a body.
    assert transport.json(READ) in ({"ok": True}, {})
    assert "parse headers" not in caplog.text


@pytest.mark.parametrize("location", ["http://[::1", "h\xa8tps://x/", "//\udcff", "", "\x00", "x"])
def test_a_redirect_to_anywhere_is_one_error(
    server: ScriptedServer, transport: Transport, location: str
) -> None:
    line = b"Location: " + location.encode("latin-1", "replace") + b"\r\n"
    answer = sent(b"HTTP/1.1 302 Found\r\n" + line + b"Content-Length: 0\r\n\r\n")
    error = refusal(server, answer, lambda: transport.json(READ))
    assert "redirects to" in str(error)


def test_a_document_that_drips_ends_in_time_and_is_asked_for_once_more(
    server: ScriptedServer, hurried: Transport
) -> None:
    answer = sent(OK + b"Content-Length: 1000000\r\n\r\n", then=b"x")
    error = refusal(server, answer, lambda: hurried.json(READ))
    assert "the answer has not ended after 10 minutes" in str(error)
    assert len(server.seen) == 2


def test_headers_that_drip_end_in_time_too(server: ScriptedServer, hurried: Transport) -> None:
    error = refusal(server, sent(OK + b"X: ", then=b"x"), lambda: hurried.json(READ))
    assert "the answer has not ended after 10 minutes" in str(error)


def test_data_that_drips_ends_in_time_too(server: ScriptedServer, hurried: Transport) -> None:
    answer = sent(OK + b"Content-Length: 1000000\r\n\r\n", then=b"x")
    error = refusal(server, answer, lambda: hurried.send(READ, drop))
    assert "less than 1,000,000 bytes of the answer have arrived in 10 minutes" in str(error)
    assert len(server.seen) == 2


def test_slow_data_is_read_until_it_gets_slower_than_the_bound(clock: FakeClock) -> None:
    meter = Meter(DATA, clock)
    meter.count(1)
    for arrived in (LEAST_DATA_BYTES, LEAST_DATA_BYTES, 10 * LEAST_DATA_BYTES):
        clock.sleep(PACE_SECONDS)
        meter.count(arrived)
    clock.sleep(PACE_SECONDS - 1)
    meter.count(1)
    clock.sleep(1)
    with pytest.raises(SlowAnswerError):
        meter.count(1)


@pytest.mark.parametrize("status", [400, 503])
def test_of_an_error_only_the_beginning_is_read(
    server: ScriptedServer, transport: Transport, status: int
) -> None:
    server.script.extend([Answer(status, bomb(50), PACKED)] * 6)
    with pytest.raises(ApiError) as caught:
        transport.json(READ)
    assert caught.value.status == status
    server.script.clear()
    text = "x" * (ERROR_BODY_BYTES - 100)
    server.script.append(as_json([{"errorCode": "X", "message": text}], 400))
    with pytest.raises(ApiError) as caught:
        transport.json(READ)
    assert caught.value.detail == text


def test_a_creation_whose_answer_is_too_large_is_uncertain(
    server: ScriptedServer, transport: Transport
) -> None:
    answer = Answer(201, bomb(DOCUMENT.most_bytes // 1_000_000 + 1), PACKED)
    error = refusal(server, answer, lambda: transport.json(CREATE))
    assert error.ambiguous
    assert "It is not known whether Salesforce carried it out" in str(error)
    assert len(server.seen) == 1


@pytest.mark.parametrize("coding", ["deflate", "br", "gzip, gzip", "zstd"])
def test_a_compression_that_was_not_asked_for_is_not_unpacked(
    server: ScriptedServer, transport: Transport, coding: str
) -> None:
    packed = Answer(200, zlib.compress(bytes(1_000_000)), {**JSON, "Content-Encoding": coding})
    server.script.extend([packed, as_json({"ok": True})])
    assert transport.json(READ) == {"ok": True}
    asked: Iterable[str] = (seen.headers["Accept-Encoding"] for seen in server.seen)
    assert list(asked) == ["gzip", "identity"]


@pytest.mark.parametrize("coding", ["identity", "utf-8", "none", ""])
def test_words_that_name_no_compression_mean_nothing(
    server: ScriptedServer, transport: Transport, coding: str
) -> None:
    server.script.append(as_json({"ok": True}, Content_Encoding=coding))
    assert transport.json(READ) == {"ok": True}


def test_answers_through_a_proxy_are_bounded_too(
    server: ScriptedServer, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", server.url)
    transport = Transport(
        parse_settings({"instance_url": "http://127.0.0.1:9", "access_token": "x"}), clock
    )
    monkeypatch.setattr("sfbulk.http.wire.is_loopback", lambda _host: False)
    error = refusal(server, sent(OK, then=b"X: y\r\n"), lambda: transport.json(READ))
    assert "more than 100 header lines" in str(error)
    transport.close()
