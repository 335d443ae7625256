"""Signing in by JWT, rotating and revoking refresh tokens, sessions that end by time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import jwt
import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from sfbulk_sandbox import Sandbox
from tests.hand_clock import HandClock
from tests.sandbox_http.front_door import Org
from tests.sandbox_http.test_sign_in import app, sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
NOON = datetime(2026, 11, 24, 12, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def pem_of(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> str:
    return (
        key.public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )


def certificate_of(key: rsa.RSAPrivateKey) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, NOON, NOON)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


@pytest.fixture(scope="module")
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture(scope="module")
def timed_sandbox(clock: HandClock) -> Iterator[Sandbox]:
    with Sandbox(sample=False, clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def timed(timed_sandbox: Sandbox, clock: HandClock) -> Iterator[Sandbox]:
    clock.time = NOON
    yield timed_sandbox
    timed_sandbox.control.reset()


def assertion(sandbox: Sandbox, key: Any, **changes: Any) -> str:
    claims = {
        "iss": sandbox.client_id,
        "sub": sandbox.username,
        "aud": "https://login.salesforce.com",
        "exp": int((NOON + timedelta(minutes=3)).timestamp()),
    }
    claims |= changes
    present = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(present, key, algorithm="RS256")


def sign_in_by(sandbox: Sandbox, token: str) -> requests.Response:
    return sign_in(sandbox, {"grant_type": GRANT, "assertion": token})


@pytest.mark.parametrize("form", ["public key", "certificate"])
def test_an_assertion_signed_with_the_registered_key_opens_a_session(
    timed: Sandbox, key: rsa.RSAPrivateKey, form: str
) -> None:
    timed.control.register_jwt_key(pem_of(key) if form == "public key" else certificate_of(key))
    answer = sign_in_by(timed, assertion(timed, key))
    assert answer.status_code == 200, answer.text
    assert list(answer.json()) == ["access_token", "scope", "instance_url", "id", "token_type"]
    org = Org(timed)
    org.session.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    assert org.get("/limits").status_code == 200


@pytest.mark.parametrize(
    ("changes", "error", "description"),
    [
        ({"iss": "other"}, "invalid_client_id", "client identifier invalid"),
        ({"aud": "https://example.com"}, "invalid_grant", "Audience validation failed"),
        (
            {"exp": int((NOON - timedelta(minutes=4)).timestamp())},
            "invalid_grant",
            "expired authorization code",
        ),
        ({"exp": "1795500000"}, "invalid_grant", "expired authorization code"),
        ({"exp": "soon"}, "invalid_grant", "expired authorization code"),
        ({"sub": "x@example.com"}, "invalid_grant", "user hasn't approved this consumer"),
        ({"exp": None}, "invalid_grant", "invalid assertion"),
        ({"sub": None}, "invalid_grant", "invalid assertion"),
    ],
)
def test_each_claim_of_an_assertion_is_checked(
    timed: Sandbox, key: rsa.RSAPrivateKey, changes: dict[str, Any], error: str, description: str
) -> None:
    timed.control.register_jwt_key(pem_of(key))
    answer = sign_in_by(timed, assertion(timed, key, **changes))
    assert answer.status_code == 400
    assert answer.json() == {"error": error, "error_description": description}


def test_the_time_of_an_assertion_may_be_text(timed: Sandbox, key: rsa.RSAPrivateKey) -> None:
    timed.control.register_jwt_key(pem_of(key))
    later = str(int((NOON + timedelta(minutes=3)).timestamp()))
    assert sign_in_by(timed, assertion(timed, key, exp=later)).status_code == 200


def test_clocks_may_differ_by_three_minutes(
    timed: Sandbox, key: rsa.RSAPrivateKey, clock: HandClock
) -> None:
    timed.control.register_jwt_key(pem_of(key))
    token = assertion(timed, key)
    clock.time = NOON + timedelta(minutes=5, seconds=59)
    assert sign_in_by(timed, token).status_code == 200
    clock.time = NOON + timedelta(minutes=6)
    assert sign_in_by(timed, token).status_code == 400


def test_the_signature_is_really_verified(timed: Sandbox, key: rsa.RSAPrivateKey) -> None:
    timed.control.register_jwt_key(pem_of(key))
    good = assertion(timed, key)
    other = assertion(timed, rsa.generate_private_key(65537, 2048))
    unsigned = jwt.encode(jwt.decode(good, options={"verify_signature": False}), "", "none")
    forged = jwt.encode(
        jwt.decode(good, options={"verify_signature": False}), "s" * 32, algorithm="HS256"
    )
    for token in (other, unsigned, forged, good[:-8], "no token", ""):
        answer = sign_in_by(timed, token)
        assert answer.status_code == 400
        assert answer.json()["error_description"] == "invalid assertion", token


def test_without_a_registered_key_the_refusal_says_how_to_give_one() -> None:
    with Sandbox(sample=False) as sandbox:
        answer = sign_in_by(sandbox, "x")
    assert answer.status_code == 400
    assert "PUT /sandbox/jwt-key" in answer.json()["error_description"]


def test_the_control_plane_takes_a_key_and_says_what_is_wrong_with_another(
    timed: Sandbox, key: rsa.RSAPrivateKey
) -> None:
    url = f"{timed.control_url}/jwt-key"
    assert requests.put(url, data=certificate_of(key), timeout=30).status_code == 204
    assert sign_in_by(timed, assertion(timed, key)).status_code == 200
    for body in ("no key", pem_of(ec.generate_private_key(ec.SECP256R1()))):
        answer = requests.put(url, data=body, timeout=30)
        assert answer.status_code == 400
        assert "key" in answer.json()[0]["message"]


def refresh(sandbox: Sandbox, token: str) -> requests.Response:
    form = {"grant_type": "refresh_token", "refresh_token": token, **app(sandbox)}
    return sign_in(sandbox, form)


def test_a_rotated_refresh_token_replaces_the_old_one(timed: Sandbox) -> None:
    answer = requests.put(f"{timed.control_url}/refresh-token", json={"rotate": True}, timeout=30)
    assert answer.status_code == 204
    first = timed.refresh_token
    second = refresh(timed, first).json()["refresh_token"]
    assert second != first
    assert timed.refresh_token == second
    again = refresh(timed, first)
    assert again.status_code == 400
    assert again.json() == {
        "error": "invalid_grant",
        "error_description": "expired access/refresh token",
    }
    assert refresh(timed, second).json()["refresh_token"] not in {first, second}


def test_a_revoked_access_token_is_refused(timed: Sandbox) -> None:
    org = Org(timed)
    url = f"{timed.url}/services/oauth2/revoke"
    answer = requests.post(url, data={"token": timed.access_token}, timeout=30)
    assert (answer.status_code, answer.content) == (200, b"")
    assert org.get("/limits").status_code == 401
    assert requests.post(url, data={"token": timed.access_token}, timeout=30).status_code == 400


def test_a_revoked_refresh_token_takes_its_sessions_along(timed: Sandbox) -> None:
    org = Org(timed)
    token = timed.refresh_token
    url = f"{timed.url}/services/oauth2/revoke"
    assert requests.get(url, params={"token": token}, timeout=30).status_code == 200
    assert org.get("/limits").status_code == 401
    assert refresh(timed, token).status_code == 400
    timed.control.reset()
    assert refresh(timed, token).status_code == 200


def test_a_session_ends_when_it_was_not_used_for_so_long(timed: Sandbox, clock: HandClock) -> None:
    org = Org(timed)
    answer = requests.put(f"{timed.control_url}/sessions", json={"seconds": 60}, timeout=30)
    assert answer.status_code == 204
    for _ in range(3):
        clock.time += timedelta(seconds=59)
        assert org.get("/limits").status_code == 200
    clock.time += timedelta(seconds=60)
    assert org.get("/limits").status_code == 401
    requests.put(f"{timed.control_url}/sessions", json={"seconds": None}, timeout=30)
    timed.control.reset()
    clock.time += timedelta(days=9)
    assert org.get("/limits").status_code == 200


@pytest.mark.parametrize("body", [{}, {"seconds": 0}, {"seconds": "9"}])
def test_a_session_life_must_be_a_number_or_null(timed: Sandbox, body: dict[str, Any]) -> None:
    answer = requests.put(f"{timed.control_url}/sessions", json=body, timeout=30)
    assert answer.status_code == 400


def test_the_replies_have_the_keys_of_help_s_examples_in_their_order(timed: Sandbox) -> None:
    start = ["id", "issued_at", "instance_url", "signature", "access_token", "token_type"]
    assert list(refresh(timed, timed.refresh_token).json()) == [*start, "scope"]
    form = {"grant_type": "client_credentials", **app(timed)}
    assert list(sign_in(timed, form).json()) == [
        "access_token",
        "signature",
        "scope",
        "instance_url",
        "id",
        "token_type",
        "issued_at",
    ]


IDENTITY_KEYS = [
    "id",
    "asserted_user",
    "user_id",
    "organization_id",
    "username",
    "nick_name",
    "display_name",
    "email",
    "email_verified",
    "first_name",
    "last_name",
    "timezone",
    "photos",
    "addr_street",
    "addr_city",
    "addr_state",
    "addr_country",
    "addr_zip",
    "mobile_phone",
    "mobile_phone_verified",
    "is_lightning_login_user",
    "status",
    "urls",
    "active",
    "user_type",
    "language",
    "locale",
    "utcOffset",
    "last_modified_date",
    "is_app_installed",
]
URL_KEYS = [
    "enterprise",
    "metadata",
    "partner",
    "rest",
    "sobjects",
    "search",
    "query",
    "recent",
    "profile",
    "feeds",
    "groups",
    "users",
    "feed_items",
    "custom_domain",
]


def test_the_identity_url_has_every_key_of_the_rest_guide(timed: Sandbox) -> None:
    org = Org(timed)
    url = f"/services/../id/{timed.org.id}/{timed.org.user_id}"
    identity = org.json("GET", url)
    assert list(identity) == IDENTITY_KEYS
    assert sorted(identity["urls"]) == sorted(URL_KEYS)
    assert identity["urls"]["rest"] == f"{timed.url}/services/data/v{{version}}/"
    latest = org.json("GET", url + "?version=latest")["urls"]
    assert latest["query"] == f"{timed.url}/services/data/v68.0/query/"
    assert latest["partner"] == f"{timed.url}/services/Soap/u/68.0/{timed.org.id[:15]}"
