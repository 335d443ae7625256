"""Connections that are reset, and answers that are framed wrongly, as a client meets them."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from tests.sandbox_http.front_door import Org

FIVE = "Name\n" + "".join(f"Account {number}\n" for number in range(5))
PAGE = "<html><title>\u30e1\u30f3\u30c6\u30ca\u30f3\u30b9</title></html>"


def read_all(client: socket.socket) -> None:
    while client.recv(65536):
        pass


@pytest.fixture
def results(org: Org) -> str:
    """The path of a query's results."""
    org.sandbox.control.seed_csv("Account", FIVE)
    job = org.run_query("SELECT Name FROM Account")
    return f"/jobs/query/{job['id']}/results"


@pytest.mark.parametrize("kind", ["closed", "lost", "cut"])
@pytest.mark.parametrize("reset", [False, True])
def test_a_connection_is_closed_or_reset(org: Org, kind: str, *, reset: bool) -> None:
    """The bare socket, since HTTP libraries give both one name."""
    org.sandbox.control.add_fault(kind=kind, reset=reset)
    address = ("127.0.0.1", int(org.sandbox.url.rpartition(":")[2]))
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(b"GET /services/data HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        if reset:
            with pytest.raises(ConnectionResetError):
                read_all(client)
        else:
            read_all(client)


def test_an_answer_lacks_its_last_lines_and_is_framed_as_if_it_were_whole(
    org: Org, results: str
) -> None:
    whole = org.get(results).text
    org.sandbox.control.add_fault(kind="shortened", lines=2)
    org.sandbox.control.add_fault(kind="shortened", lines=1, bytes=3)
    org.sandbox.control.add_fault(kind="shortened", lines=100)
    lines = whole.splitlines(keepends=True)
    assert org.get(results).text == "".join(lines[:-2])
    assert org.get(results).text == "".join(lines[:-1])[:-3]
    assert org.get(results).text == ""
    assert org.get(results).text == whole


@pytest.mark.parametrize("by", [1, 1000])
def test_a_content_length_is_too_large(org: Org, results: str, by: int) -> None:
    org.sandbox.control.add_fault(kind="wrong_length", by=by)
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        org.get(results)
    assert org.get(results).ok


@pytest.mark.parametrize("by", [-5, -100_000])
def test_a_content_length_is_too_small(org: Org, results: str, by: int) -> None:
    whole = org.get(results).content
    org.sandbox.control.add_fault(kind="wrong_length", by=by)
    assert org.get(results).content == whole[: max(0, len(whole) + by)]
    address = ("127.0.0.1", int(org.sandbox.url.rpartition(":")[2]))
    org.sandbox.control.add_fault(kind="wrong_length", by=by)
    with socket.create_connection(address, timeout=30) as client:
        client.sendall(b"GET /services/data HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        versions = requests.get(f"{org.sandbox.url}/services/data", timeout=30).content
        answer = b""
        while not answer.endswith(versions):
            arrived = client.recv(65536)
            assert arrived, "the rest of the body follows all the same"
            answer += arrived


def test_an_answer_pauses_in_its_body(org: Org, results: str) -> None:
    org.sandbox.control.add_fault(kind="stalled", after_bytes=3, seconds=0.4)
    org.sandbox.control.add_fault(kind="stalled", after_bytes=3, seconds=0.1)
    with org.session.get(org.base + results, timeout=0.2, stream=True) as answer:
        assert answer.status_code == 200
        parts = answer.iter_content(3)
        assert next(parts) == b'"Na'
        with pytest.raises(requests.ConnectionError, match="Read timed out"):
            next(parts)
    assert org.get(results).content.endswith(b"\n")


@pytest.mark.parametrize("encoding", ["shift_jis", "utf-16", "utf-8"])
def test_a_page_has_another_encoding(org: Org, encoding: str) -> None:
    headers = {"Content-Type": f"text/html; charset={encoding}"}
    org.sandbox.control.add_fault(kind="answer", body=PAGE, encoding=encoding, headers=headers)
    answer = org.get("/limits")
    assert (answer.status_code, answer.text) == (500, PAGE)


def test_a_body_that_its_encoding_cannot_hold_is_refused(org: Org) -> None:
    for encoding in ("ascii", "no-such"):
        with pytest.raises(ValueError, match=encoding):
            org.sandbox.control.add_fault(kind="answer", body=PAGE, encoding=encoding)
