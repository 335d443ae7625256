"""JSON text of other programs: every encoding, and one error for what is none."""

from __future__ import annotations

import json

import pytest

from sfbulk.http.json_text import UnusableJsonError, json_value

DOCUMENT = {"name": "Grüße 😀", "count": 5}


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32", "utf-32-be"]
)
def test_each_encoding_of_json_is_read(encoding: str) -> None:
    assert json_value(json.dumps(DOCUMENT, ensure_ascii=False).encode(encoding)) == DOCUMENT


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "not JSON"),
        (b"<html/>", "not JSON"),
        (b'{"a": 1', "not JSON"),
        (b'{"a": 1} {}', "not JSON"),
        (b'"\xed\xa0\x80"', "not JSON"),
        (b'"\xff"', "not JSON"),
        (b'{"a": NaN}', "NaN"),
        (b"[Infinity]", "Infinity"),
        (b"-Infinity", "-Infinity"),
        (b"9" * 5_000, "thousands of digits"),
        (b"[" * 200_000 + b"]" * 200_000, "too deeply"),
        (b"[" + b"[]," * 4_000_000 + b"[]]", "more than 4,000,000 values"),
        (b"[" + b"{}," * 4_000_000 + b"{}", "more than 4,000,000 values"),
        (b'["\\ud800", ' + b"[" * 200_000 + b"]" * 200_000 + b"]", "too deeply"),
    ],
)
def test_what_is_not_json_is_one_error_that_quotes_nothing(body: bytes, said: str) -> None:
    with pytest.raises(UnusableJsonError, match=said) as caught:
        json_value(body)
    assert len(str(caught.value)) < 100


def test_half_a_character_becomes_a_question_mark_and_a_whole_one_stays() -> None:
    body = b'{"a\\ud800": ["\\udc00\\ud800", {"b": "\\ud83d\\ude00"}, "\\\\ud800", 1, null]}'
    assert json_value(body) == {"a?": ["??", {"b": "😀"}, "\\ud800", 1, None]}
