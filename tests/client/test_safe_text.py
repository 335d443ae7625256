"""What a server says is shown without secrets, without control characters, and not too long."""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk.safe import (
    escaped,
    escaped_json,
    forget_secrets,
    keep_secret,
    quoted,
    safe_text,
    without_secrets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = '00D000000000001!AQEAQ.Zz_9+/é"&<x>'

FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in a URL": lambda text: quote(text, safe=""),
    "in a URL in a URL": lambda text: quote(quote(text, safe="")),
    "in a form": quote_plus,
    "in a URL of latin-1": lambda text: quote(text, safe="", encoding="latin-1", errors="ignore"),
    "in JSON": json.dumps,
    "in JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "in JSON of PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "in XML": html.escape,
    "in base64": lambda text: base64.b64encode(text.encode()).decode(),
    "after a name in base64": lambda text: base64.b64encode(f"me:{text}".encode()).decode(),
    "in base64 for URLs": lambda text: base64.urlsafe_b64encode(f"m:{text}".encode()).decode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_cut_out_in_each_form_in_which_a_server_may_send_it_back(form: str) -> None:
    keep_secret(TOKEN)
    said = FORMS[form](TOKEN)
    shown = without_secrets(f"before {said} after")
    assert "[secret]" in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")
    # What base64 mixes with other bytes may be left of it.
    assert len(shown) - len("before  after") <= len("[secret]") + 6


@given(st.text(min_size=8).filter(str.strip), st.text(max_size=40), st.sampled_from(sorted(FORMS)))
def test_a_secret_of_any_characters_is_cut_out(secret: str, around: str, form: str) -> None:
    forget_secrets()
    secret = "".join(each for each in secret if each.isprintable() and ord(each) < 0x10000)
    secret = secret.strip() + "x1!y2zzz"
    keep_secret(secret)
    # `latin-1` does not have every character.
    said = FORMS["as it is" if form == "in a URL of latin-1" else form](secret)
    assert said not in without_secrets(f"{around}{said}{around}")


def test_the_lines_of_a_key_and_the_half_of_a_session_id_are_cut_out_too() -> None:
    key = (
        "-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBg\\nkqhkiG9w0BAQEF\\n-----END PRIVATE KEY-----"
    )
    keep_secret(key)
    keep_secret("00D000000000001!AQEAQsession")
    shown = without_secrets("kqhkiG9w0BAQEF / MIIEvQIBADANBg / AQEAQsession / PRIVATE KEY")
    assert shown == "[secret] / [secret] / [secret] / PRIVATE KEY"


def test_a_short_password_is_cut_out_where_it_is_a_word() -> None:
    keep_secret("field")
    assert (
        without_secrets("field: no such Subfield, 'field'")
        == "[secret]: no such Subfield, '[secret]'"
    )


def test_a_secret_is_cut_out_before_a_text_is_shortened() -> None:
    keep_secret(TOKEN)
    for before in range(560, 640):
        shown = quoted("." * before + TOKEN + "." * 2_000)
        assert "AQEA" not in shown
        assert "00D0" not in shown


def test_a_long_text_keeps_its_beginning_and_its_end_and_says_how_much_is_left_out() -> None:
    shown = quoted("SELECT " + "Name, " * 2_000 + "ERROR at Row:1: No such column 'Nmae'")
    assert len(shown) < 1_050
    assert shown.startswith("SELECT Name, ")
    assert shown.endswith("No such column 'Nmae'")
    assert "characters left out" in shown


@given(st.text())
def test_a_text_that_is_shown_has_no_control_character_and_can_be_written(text: str) -> None:
    shown = safe_text(text)
    assert not {"Cc", "Zl", "Zp", "Cs"} & {unicodedata.category(each) for each in shown}
    assert not {"RLO", "LRO", "RLE", "LRE", "PDF", "RLI", "LRI", "FSI", "PDI"} & {
        unicodedata.bidirectional(each) for each in shown
    }
    shown.encode()
    assert len(shown.splitlines()) <= 1


def test_control_characters_are_shown_as_escapes() -> None:
    assert escaped("a\x1b[31mred\u202e\x9b\nb\x7f") == r"a\x1b[31mred\u202e\x9b\nb\x7f"


@given(st.recursive(st.text(), lambda inner: st.dictionaries(st.text(), inner)))
def test_a_json_document_stays_what_it_is_without_control_characters(document: object) -> None:
    text = escaped_json(json.dumps(document, indent=2, ensure_ascii=False))
    assert json.loads(text) == document
    assert escaped(text.replace("\n", "")) == text.replace("\n", "")
