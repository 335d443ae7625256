"""The request of each flow and how its answers are read, without a network."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timezone
from typing import Any, TypeVar

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

from sfbulk.auth.credentials import (
    ClientCredentials,
    JwtBearerCredentials,
    OAuthCredentials,
    OAuthPasswordCredentials,
    RefreshTokenCredentials,
)
from sfbulk.auth.jwt_bearer import assertion, audience
from sfbulk.auth.oauth import client_credentials_form, password_form, refresh_token_form, refusal
from sfbulk.auth.token import checked_token
from sfbulk.errors import ApiError, SignInError
from sfbulk.settings import parse_settings
from tests.client.keys import RSA_KEY, pem

T = TypeVar("T")
LOGIN = "https://login.salesforce.com"
APP = {"client_id": "id", "client_secret": "shh"}
JWT = {"client_id": "id", "username": "me@example.com", "private_key": pem(RSA_KEY)}
PASSWORD = {"username": "me@example.com", "password": "p w", "security_token": "T0k"}


def credentials(flow: type[T], settings: dict[str, Any]) -> T:
    parsed = parse_settings(settings).credentials
    assert isinstance(parsed, flow)
    return parsed


def test_the_form_has_what_the_flow_needs() -> None:
    my_domain = APP | {"login_url": "https://acme.my.salesforce.com"}
    assert client_credentials_form(credentials(ClientCredentials, my_domain)) == {
        "grant_type": "client_credentials",
        "client_id": "id",
        "client_secret": "shh",
    }
    refresh = credentials(RefreshTokenCredentials, APP | {"refresh_token": "r"})
    assert refresh_token_form(refresh, "r") == {
        "grant_type": "refresh_token",
        "client_id": "id",
        "client_secret": "shh",
        "refresh_token": "r",
    }
    password = credentials(OAuthPasswordCredentials, PASSWORD | {"client_id": "id"})
    assert password_form(password) == {
        "grant_type": "password",
        "client_id": "id",
        "username": "me@example.com",
        "password": "p wT0k",
    }


def test_a_token_from_https_is_not_sent_over_plain_http() -> None:
    with pytest.raises(SignInError, match="not https"):
        checked_token(None, LOGIN, "t", "http://127.0.0.1:8080")


def test_the_instance_is_scheme_and_host_only() -> None:
    token = checked_token(None, LOGIN, "t", "https://Acme.my.salesforce.com:443/")
    assert token.instance_url == "https://acme.my.salesforce.com"


def test_the_assertion_says_who_signs_in_and_its_signature_is_the_key_s() -> None:
    now = datetime(2026, 11, 23, 9, 0, tzinfo=timezone.utc)
    token = assertion(credentials(JwtBearerCredentials, JWT), now)
    # Read and verified without the library that made it.
    signed, _, signature = token.rpartition(".")
    RSA_KEY.public_key().verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
    assert header["alg"] == "RS256"
    assert claims == {
        "iss": "id",
        "sub": "me@example.com",
        "aud": LOGIN,
        "exp": int(now.timestamp()) + 180,
    }


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.mark.parametrize(
    ("login_url", "expected"),
    [
        ("https://login.salesforce.com", LOGIN),
        ("https://acme.my.salesforce.com", LOGIN),
        ("https://acme-dev-ed.develop.my.salesforce.com", LOGIN),
        ("https://test.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://test.salesforce.com"),
        ("https://acme--uat.SANDBOX.my.salesforce.com:443", "https://test.salesforce.com"),
        ("https://drop-nation-1.scratch.my.salesforce.com", "https://test.salesforce.com"),
        ("http://127.0.0.1:8080", LOGIN),
        ("https://sandbox.my.salesforce.com.example", LOGIN),
    ],
)
def test_the_audience_follows_the_login_host(login_url: str, expected: str) -> None:
    assert audience(login_url) == expected


@pytest.mark.parametrize(
    ("settings", "error", "description", "advice"),
    [
        (JWT, "invalid_grant", "user hasn't approved this consumer", "pre-authorized"),
        (JWT, "invalid_grant", "audience validation failed", "My Domain"),
        (JWT, "invalid_grant", "invalid assertion", "certificate"),
        (JWT, "invalid_grant", "expired authorization code", "clock"),
        (APP | {"refresh_token": "r"}, "invalid_grant", "expired access/refresh token", "_path"),
        (APP | {"refresh_token": "r"}, "invalid_client", "invalid client credentials", "client_"),
        (PASSWORD | APP, "invalid_grant", "authentication failure", "Summer '23"),
        (PASSWORD | APP, "inactive_user", "user is inactive", "activate"),
        (JWT, "rate_limit_exceeded", "", "wait"),
        (JWT, "something_new", "never seen", "Check the sign-in settings"),
    ],
)
def test_each_refusal_of_the_token_endpoint_says_what_to_do(
    settings: dict[str, Any], error: str, description: str, advice: str
) -> None:
    answer = ApiError("x", status=400, code=error, detail=description)
    refused = refusal(credentials(OAuthCredentials, settings), answer)
    said = f"{error} ({description})" if description else error
    assert f"sign-in: {said}. " in str(refused)
    assert advice in str(refused)
    assert refused.code == error
