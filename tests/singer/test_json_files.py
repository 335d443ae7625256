"""A JSON file named in an option is an object in UTF-8, or an error that does not quote it."""

from __future__ import annotations

import io

import click
import pytest

from sfbulk_singer.json_files import json_object

SECRET = "do-not-show-me"


def test_an_object_is_read() -> None:
    assert json_object("--config c.json", io.StringIO('{"a": {"b": 1}}')) == {"a": {"b": 1}}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (f"{SECRET}: [".encode(), "--config c.json is not JSON: "),
        (f'["{SECRET}"]'.encode(), "--config c.json is not a JSON object."),
        (SECRET.encode() + b"\xff", "--config c.json is not UTF-8."),
        (b"[" * 100_000, "--config c.json is nested too deeply."),
        (b"", "--config c.json is not JSON: "),
    ],
)
def test_anything_else_is_named_and_not_quoted(content: bytes, problem: str) -> None:
    file = io.TextIOWrapper(io.BytesIO(content), encoding="utf-8")
    with pytest.raises(click.UsageError) as refused:
        json_object("--config c.json", file)
    assert refused.value.message.startswith(problem)
    assert SECRET not in refused.value.message
