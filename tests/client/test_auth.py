"""Sign-in flows without a network."""

from __future__ import annotations

import pytest

from sfbulk.auth import grant_from_reply, token_form
from sfbulk.errors import SignInError
from sfbulk.settings import parse_settings

REFRESH = {"client_id": "id", "client_secret": "shh", "refresh_token": "r"}


def test_the_form_holds_what_the_flow_needs() -> None:
    assert token_form(parse_settings(REFRESH).credentials) == {
        "grant_type": "refresh_token",
        "client_id": "id",
        "client_secret": "shh",
        "refresh_token": "r",
    }
    url = {"login_url": "https://acme.my.salesforce.com"}
    settings = REFRESH | url | {"auth_flow": "client_credentials"}
    assert token_form(parse_settings(settings).credentials) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "shh",
    }


def test_a_token_got_over_https_is_not_handed_to_plain_http() -> None:
    credentials = parse_settings(REFRESH).credentials
    reply = {"access_token": "t", "instance_url": "http://127.0.0.1:8080"}
    with pytest.raises(SignInError, match="not https"):
        grant_from_reply(credentials, reply)


def test_the_instance_is_scheme_and_host_only() -> None:
    credentials = parse_settings(REFRESH).credentials
    reply = {"access_token": "t", "instance_url": "https://Acme.my.salesforce.com:443/"}
    assert grant_from_reply(credentials, reply).instance_url == "https://acme.my.salesforce.com"
