"""What a server says reaches no log with a secret in it, and forges no line of one."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from singer_sdk import metrics
from singer_sdk.logging import ConsoleFormatter, StructuredFormatter

from sfbulk.errors import ApiError
from sfbulk.safe import keep_secret, make_log_safe
from tests.client.scripted import ScriptedServer, as_json
from tests.faults.commands import forked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "00D000000000001!AQEAQsessionid"
FORGED = "2026-11-28 12:00:00,000 | ERROR    | tap-sfbulk | all is well"
HOSTILE = f"no\x1b[2K\r\n{FORGED}\u2028{FORGED}\u202e {TOKEN} {quote(TOKEN)} " + "long " * 5_000


@pytest.fixture
def written() -> Iterator[tuple[logging.Logger, logging.StreamHandler[io.StringIO]]]:
    before = logging.getLogRecordFactory()
    make_log_safe()
    logger = logging.getLogger("test-safe-log")
    logger.setLevel(logging.DEBUG)
    handler = logging.StreamHandler(io.StringIO())
    logger.addHandler(handler)
    keep_secret(TOKEN)
    yield logger, handler
    logger.removeHandler(handler)
    logging.setLogRecordFactory(before)


def assert_safe(text: str) -> None:
    assert TOKEN not in text
    assert "AQEAQsessionid" not in text
    assert quote(TOKEN) not in text
    assert not {"\x1b", "\r", "\u2028", "\u202e"} & set(text)
    assert FORGED not in text.splitlines()


@pytest.mark.parametrize("formatter", [ConsoleFormatter(), StructuredFormatter()])
def test_a_line_and_a_traceback_are_safe_in_each_format_of_the_sdk(
    written: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
    formatter: logging.Formatter,
) -> None:
    logger, handler = written
    handler.setFormatter(formatter)
    try:
        try:
            int(HOSTILE)
        except ValueError as cause:
            raise RuntimeError(HOSTILE) from cause
    except RuntimeError:
        logger.exception("It said %s", HOSTILE)
    logger.info(HOSTILE)
    assert_safe(handler.stream.getvalue())
    if isinstance(formatter, StructuredFormatter):
        lines = [json.loads(line) for line in handler.stream.getvalue().splitlines()]
        assert len(lines) == 2
        assert_safe(str(lines))
        assert lines[0]["exception"]["type"] == "RuntimeError"
        assert lines[0]["exception"]["cause"]["type"] == "ValueError"
        assert lines[0]["exception"]["traceback"][0]["line"].strip().startswith("raise Runtime")


def test_metrics_stay_what_they_are(
    written: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, handler = written
    handler.setFormatter(StructuredFormatter())
    metrics.log(logger, metrics.Point("counter", metrics.Metric.RECORD_COUNT, 5, {"stream": "A"}))
    info = json.loads(handler.stream.getvalue())["metric_info"]
    assert (info["metric"], info["value"], info["tags"]) == ("record_count", 5, {"stream": "A"})


def test_a_record_that_does_not_fit_its_arguments_is_written_all_the_same(
    written: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    logger, handler = written
    logger.info("%d rows", "many")
    assert handler.stream.getvalue() == "%d rows\n"


def test_an_error_has_a_safe_text_also_for_a_program(
    written: tuple[logging.Logger, logging.StreamHandler[io.StringIO]],
) -> None:
    del written
    error = ApiError(f"Describe A: {HOSTILE}", code=HOSTILE, detail=HOSTILE, request_id=HOSTILE)
    assert_safe(f"{error} {error.code} {error.request_id}")
    assert TOKEN not in error.detail


COMMANDS = {
    "tap-sfbulk": ["--discover"],
    "target-sfbulk": [],
    "sfbulk.cli.main:main": ["describe", "Account"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_a_server_that_sends_the_token_back_puts_it_into_no_log(
    command: str, tmp_path: Path
) -> None:
    said = [{"errorCode": f"INVALID_{TOKEN}", "message": HOSTILE}]
    with ScriptedServer(as_json(said, 400, X_Request_Id=TOKEN) for _ in range(9)) as server:
        settings = {"instance_url": server.url, "access_token": TOKEN}
        if command == "target-sfbulk":
            settings |= {"output_dir": str(tmp_path / "output"), "operation": "insert"}
        config = tmp_path / "config.json"
        config.write_text(json.dumps(settings))
        line = ["--config", str(config), *COMMANDS[command]]
        if command.startswith("sfbulk."):
            line.insert(0, "--verbose")
        schema: dict[str, object] = {"type": "SCHEMA", "stream": "Account", "key_properties": []}
        schema["schema"] = {"properties": {"Name": {"type": "string"}}}
        stdin = json.dumps(schema).encode() + b"\n"
        done = forked(command).run_line(tmp_path, line, stdin=stdin, hurried=True)
        assert server.seen
    assert done.code == 1
    assert "[secret]" in done.reason, done.log
    assert len(done.reason) < 3_000
    assert_safe(done.log)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path != config:
            assert TOKEN.encode() not in path.read_bytes(), path
