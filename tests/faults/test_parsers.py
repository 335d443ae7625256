"""No bytes from outside crash a parser, hang it, or are read as another value.

The inputs are made from a seed, which a failure shows with the input. `make test-faults` tries
many more of them than `make test`.
"""

from __future__ import annotations

import gzip
import random
import sys
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pytest

from sfbulk.errors import SalesforceError
from sfbulk.http.wire import Request
from sfbulk.settings import parse_settings
from sfbulk.transport import Transport
from tests.client.scripted import Answer, FakeClock, ScriptedServer
from tests.faults.mutations import mutated
from tests.faults.parser_seeds import SEEDS
from tests.faults.parsers import PARSERS

if TYPE_CHECKING:
    from collections.abc import Iterator

QUICK, ALL = 150, 20_000
MANY_ANSWERS = 5_000
# Each takes some milliseconds.
FEWER = {"soql": 4_000}
SEED = 13
LONGEST_SECONDS = 10
"""For an input of at most some kilobytes."""


def tried(name: str, count: int, seed: int) -> int:
    """How many of the inputs the parser accepts; it fails on none."""
    accepted = 0
    source = random.Random(f"{name} {seed}")  # noqa: S311 - a seed makes it repeatable
    for number, data in enumerate(mutated(source, SEEDS[name], count)):
        with showing(f"{name}, seed {seed}, input {number}: {data[:2_000]!r}"):
            accepted += PARSERS[name](data)
    return accepted


@contextmanager
def showing(what: str) -> Iterator[None]:
    """Show the input with whatever the parser fails."""
    began = time.process_time()
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a failure
        pytest.fail(f"{error!r} for {what}")
    assert time.process_time() - began < LONGEST_SECONDS, what


@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_reads_an_input_or_refuses_it_by_a_declared_error(name: str) -> None:
    assert 0 < tried(name, QUICK, SEED) <= QUICK


ANSWERS = [
    b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n\r\n{"a": 1}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=y\r\n{}  \r\n0\r\nX: y\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nSforce-Limit-Info: api-usage=1/2\r\n\r\n{}",
    (
        b"HTTP/1.0 400 Bad Request\r\nRetry-After: 5\r\nDate: Mon, 23 Nov 2026 10:00:00 GMT\r\n\r\n"
        b'[{"errorCode": "X", "message": "no"}]'
    ),
    b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b'{"a": 1}', mtime=0),
    b"HTTP/1.1 302 Found\r\nLocation: https://elsewhere.example/\r\n\r\n",
]


def answered(count: int, seed: int) -> int:
    """How many of the answers are one; each other one is an error of ours."""
    request = Request("GET", "/services/data/v68.0/x", "Read x", attempts=1)
    whole = 0
    with ScriptedServer() as server:
        settings = {"instance_url": server.url, "access_token": "00Dxx!secret"}
        transport = Transport(parse_settings(settings), FakeClock())
        source = random.Random(f"answers {seed}")  # noqa: S311 - as above
        for number, data in enumerate(mutated(source, ANSWERS, count)):
            server.script.append(Answer(pieces=partial(iter, [data])))
            with showing(f"answer {number}, seed {seed}: {data[:2_000]!r}"):
                try:
                    whole += transport.json(request) is not None
                except SalesforceError as error:
                    assert str(error).startswith("Read x: ")  # noqa: PT017 - most inputs raise nothing, so pytest.raises does not fit
        transport.close()
    return whole


def test_any_bytes_of_an_answer_are_an_answer_or_an_error_of_ours() -> None:
    assert 0 < answered(QUICK, SEED) < QUICK


@pytest.mark.slow
def test_each_of_many_answers_is_one_or_an_error_of_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    whole = answered(MANY_ANSWERS, SEED + 1)
    with capsys.disabled():
        sys.stdout.write(f"answers: {MANY_ANSWERS:,}, seed {SEED + 1}, {whole:,} accepted\n")


LONG = {
    "headers": [b"9" * 60_000, b"api-usage=" * 6_000, b"api-usage=1/2(appName=" * 3_000],
    "error_bodies": [b"<title>" * 9_000, b"<html><title" + b" " * 60_000, b'{"a":' * 12_000],
    "soql": [
        b"SELECT Id FROM Account WHERE '" + rb"\'" * 40_000,
        b"SELECT Id FROM Account WHERE " + b"(" * 90_000,
        b"SELECT " + b"a," * 20_000,
        b"SELECT Id FROM Account LIMIT " + b"9" * 5_000,
    ],
    "sandbox_soql": [
        b"SELECT Id FROM Account WHERE Name = '" + rb"\'" * 40_000,
        b"SELECT Id FROM Account WHERE " + b"NOT (" * 9_000 + b"Id = null" + b")" * 9_000,
        b"SELECT " + b"(SELECT " * 900 + b"Id" + b" FROM a)" * 900 + b" FROM Account",
        b"SELECT Id FROM Account LIMIT " + b"9" * 5_000,
        b"SELECT Id FROM Account WHERE Amount > 1e999999999",
    ],
    "json_lines": [b'"' * 300_000, b'{"a":"' + b'\\"' * 300_000, b"9" * 300_000],
    "singer_lines": [b'{"type":"STATE","value":' + b"[" * 50_000 + b"]" * 50_000 + b"}"],
    "xml": [b"<a>" * 100_000 + b"</a>" * 100_000, b"<a " + b'b="1" ' * 30_000],
    "bulk1_results": [b"<a>" * 9_000 + b"</a>" * 9_000, b"[" * 50_000, b'[{"a":' * 20_000],
    "csv_decoder": [b'"a"\n"' + b"\n" * 300_000, b"," * 300_000, b'"' * 300_001],
}


@pytest.mark.parametrize(
    ("name", "data"), [(name, data) for name, inputs in LONG.items() for data in inputs]
)
def test_a_long_input_is_read_or_refused_in_time(name: str, data: bytes) -> None:
    with showing(name):
        PARSERS[name](data)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_reads_or_refuses_each_of_many_inputs(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    count = FEWER.get(name, ALL)
    accepted = tried(name, count, SEED + 1)
    with capsys.disabled():
        sys.stdout.write(f"{name}: {count:,} inputs, seed {SEED + 1}, {accepted:,} accepted\n")
    assert accepted
