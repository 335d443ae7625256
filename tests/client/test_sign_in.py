"""Every sign-in flow with `Salesforce`, against the sandbox."""

from __future__ import annotations

import logging
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sfbulk import Salesforce
from sfbulk.clock import SYSTEM_CLOCK
from sfbulk.errors import SignInError
from tests.client.fake_cli import FakeCli
from tests.client.keys import pem, public_pem
from tests.client.scripted import FakeClock
from tests.client.sign_in_settings import (
    client_credentials,
    jwt_bearer,
    oauth_password,
    oauth_password_without_secret,
    refresh_token,
    refresh_token_without_secret,
    soap_login,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

TOKEN, SOAP = "/services/oauth2/token", "/services/Soap/u/64.0"


FLOWS = {
    client_credentials: TOKEN,
    refresh_token: TOKEN,
    refresh_token_without_secret: TOKEN,
    jwt_bearer: TOKEN,
    soap_login: SOAP,
    oauth_password: TOKEN,
    oauth_password_without_secret: TOKEN,
}
flows = pytest.mark.parametrize(
    ("settings", "path"), FLOWS.items(), ids=[flow.__name__ for flow in FLOWS]
)


def sign_ins(sandbox: Sandbox, path: str) -> int:
    return sum(request.path == path for request in sandbox.requests)


@flows
def test_each_flow_signs_in_once_and_its_session_reads_and_loads(
    sandbox: Sandbox, settings: Callable[[Sandbox], dict[str, str]], path: str
) -> None:
    with Salesforce.from_settings(settings(sandbox)) as org:
        names = [row["Name"] for row in org.query("SELECT Name FROM Account")]
        summary = org.insert("Contact", [{"LastName": "Signed in"}])
    assert len(names) == 25
    assert summary.succeeded == 1
    assert sign_ins(sandbox, path) == 1


@flows
def test_a_session_that_ended_is_renewed_by_the_same_flow(
    sandbox: Sandbox, settings: Callable[[Sandbox], dict[str, str]], path: str
) -> None:
    with Salesforce.from_settings(settings(sandbox)) as org:
        org.describe_global()
        assert sandbox.control.end_sessions() > 0
        assert org.describe("Account").name == "Account"
    assert sign_ins(sandbox, path) == 2


@flows
def test_threads_refused_together_make_exactly_one_sign_in(
    sandbox: Sandbox, settings: Callable[[Sandbox], dict[str, str]], path: str
) -> None:
    threads, rounds = 12, 3
    together = threading.Barrier(threads, timeout=30)
    with Salesforce.from_settings(settings(sandbox)) as org, ThreadPoolExecutor(threads) as pool:
        org.describe_global()
        for round_ in range(1, rounds + 1):
            sandbox.control.end_sessions()

            def read(_: int) -> str:
                together.wait()
                return org.describe("Account").name

            assert set(pool.map(read, range(threads))) == {"Account"}
            assert sign_ins(sandbox, path) == 1 + round_


def test_an_org_that_has_soap_login_switched_off_says_what_to_do(sandbox: Sandbox) -> None:
    sandbox.control.set_behaviour(soap_login="refused")
    with (
        Salesforce.from_settings(soap_login(sandbox)) as org,
        pytest.raises(SignInError, match=r"INSUFFICIENT_ACCESS .*Use Any API Auth"),
    ):
        org.describe_global()
    assert sign_ins(sandbox, SOAP) == 1


def test_threads_of_both_bulk_apis_share_one_sign_in(sandbox: Sandbox) -> None:
    threads = 8
    together = threading.Barrier(threads, timeout=30)

    def create(number: int) -> str:
        together.wait()
        # Bulk API 1.0 tells of an ended session with 400, Bulk API 2.0 with 401.
        if number % 2:
            return org.bulk1.query_job("Account").id
        return org.query_job("SELECT Id FROM Account").id

    with (
        Salesforce.from_settings(client_credentials(sandbox)) as org,
        ThreadPoolExecutor(threads) as pool,
    ):
        org.describe_global()
        sandbox.control.end_sessions()
        assert len(set(pool.map(create, range(threads)))) == threads
    assert sign_ins(sandbox, TOKEN) == 2
    refused = {r.path for r in sandbox.requests if r.status in {400, 401}}
    assert refused <= {"/services/async/68.0/job", "/services/data/v68.0/jobs/query"}


@flows
def test_no_secret_shows_in_a_log_or_repr(
    sandbox: Sandbox,
    settings: Callable[[Sandbox], dict[str, str]],
    path: str,  # noqa: ARG001 - the flows' other half
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="sfbulk")
    given = settings(sandbox)
    with Salesforce.from_settings(given) as org:
        org.describe_global()
        sandbox.control.end_sessions()
        org.describe_global()
        shown = caplog.text + repr(org) + repr(vars(org._transport))
    assert "signing in again" in shown
    secrets = [v for n, v in given.items() if n not in {"login_url", "username", "client_id"}]
    assert [s for s in [*secrets, sandbox.access_token[:20]] if s in shown] == []


class Patient(FakeClock):
    """Waits for nothing, but has the right time, which an assertion needs."""

    def now(self) -> datetime:
        return SYSTEM_CLOCK.now()


FAULTS: list[dict[str, Any]] = [
    {"kind": "lost"},
    {"kind": "cut", "after_bytes": 40},
    {"kind": "answer", "status": 503, "body": "<html>Down for maintenance</html>"},
    {"kind": "answer", "status": 500, "body": "<html>Broken</html>"},
    {"kind": "answer", "status": 200, "body": "<html>We will be back</html>"},
    {"kind": "answer", "status": 429, "headers": {"Retry-After": "7"}},
]


@flows
@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault['kind']}-{fault.get('status')}"
)
@pytest.mark.parametrize("renewal", [False, True])
def test_a_sign_in_is_retried_after_temporary_errors(
    sandbox: Sandbox,
    settings: Callable[[Sandbox], dict[str, str]],
    path: str,
    fault: dict[str, Any],
    *,
    renewal: bool,
) -> None:
    clock = Patient()
    with Salesforce.from_settings(settings(sandbox), clock=clock) as org:
        if renewal:
            org.describe_global()
            sandbox.control.end_sessions()
        sandbox.control.add_fault(path=path, times=2, **fault)
        assert org.describe("Account").name == "Account"
    assert sandbox.control.faults == []
    assert sign_ins(sandbox, path) == 3 + renewal
    assert len(clock.slept) == 2


def test_a_rotated_token_whose_answer_was_lost_is_reported(sandbox: Sandbox) -> None:
    sandbox.control.rotate_refresh_tokens()
    sandbox.control.add_fault(kind="lost", path=TOKEN)
    given = refresh_token(sandbox)
    with (
        Salesforce.from_settings(given, clock=Patient()) as org,
        pytest.raises(SignInError, match=r"expired access/refresh token.*authorize the app again"),
    ):
        org.describe_global()


WRONG: list[tuple[Any, dict[str, str], str]] = [
    (client_credentials, {"client_secret": "wr0ng"}, "invalid client credentials.*client_secret"),
    (client_credentials, {"client_id": "wr0ng"}, "client identifier invalid.*client_id"),
    (refresh_token, {"refresh_token": "wr0ng"}, "expired access/refresh token.*authorize"),
    (jwt_bearer, {"username": "x@y.z"}, "user hasn't approved this consumer.*pre-authorized"),
    (jwt_bearer, {"client_id": "wr0ng"}, "client identifier invalid.*client_id"),
    (soap_login, {"password": "wr0ng"}, "INVALID_LOGIN.*security_token"),
    (soap_login, {"security_token": "wr0ng"}, "INVALID_LOGIN.*lock the user out"),
    (oauth_password, {"password": "wr0ng"}, "authentication failure.*Summer '23"),
]


@pytest.mark.parametrize(("settings", "changed", "said"), WRONG)
def test_a_refused_sign_in_is_sent_once_and_says_what_to_do(
    sandbox: Sandbox,
    settings: Callable[[Sandbox], dict[str, str]],
    changed: dict[str, str],
    said: str,
) -> None:
    given = settings(sandbox) | changed
    with Salesforce.from_settings(given) as org:
        for _ in range(3):
            with pytest.raises(SignInError, match=said) as caught:
                org.describe_global()
    assert len(sandbox.requests) == 1
    shown = "".join(traceback.format_exception(caught.type, caught.value, caught.tb))
    secrets = {n: v for n, v in given.items() if n not in {"login_url", "username", "client_id"}}
    assert [name for name, value in secrets.items() if value in shown] == []


def test_a_key_that_is_not_the_app_s_is_refused_with_advice(sandbox: Sandbox) -> None:
    other = pem(rsa.generate_private_key(65537, 2048))
    settings = jwt_bearer(sandbox) | {"private_key": other}
    del settings["private_key_passphrase"]
    with (
        Salesforce.from_settings(settings) as org,
        pytest.raises(SignInError, match=r"invalid assertion\). The certificate"),
    ):
        org.describe_global()


def test_each_sign_in_has_a_new_assertion(sandbox: Sandbox) -> None:
    settings = jwt_bearer(sandbox)
    with Salesforce.from_settings(settings) as org:
        org.describe_global()
        sandbox.control.end_sessions()
        # The key of another app: an assertion kept from before would still be good.
        sandbox.control.register_jwt_key(public_pem(rsa.generate_private_key(65537, 2048)))
        with pytest.raises(SignInError, match="invalid assertion"):
            org.describe_global()


def test_a_given_token_is_used_as_it_is_and_fails_at_once_after_its_end(sandbox: Sandbox) -> None:
    settings = {"instance_url": sandbox.url, "access_token": sandbox.access_token}
    with Salesforce.from_settings(settings) as org:
        org.describe_global()
        sandbox.control.end_sessions()
        with pytest.raises(SignInError, match="cannot be renewed"):
            org.describe_global()
        with pytest.raises(SignInError, match="cannot be renewed"):
            org.describe_global()
    # The second time nothing is sent: it is known that the token is not valid.
    assert [r.status for r in sandbox.requests] == [200, 401]


@pytest.mark.parametrize(
    "text",
    [
        "Connected app is not attached to Agent",
        "This session is not valid for use with the REST API",
    ],
)
def test_a_refusal_that_a_new_session_cannot_help_is_not_followed_by_a_sign_in(
    sandbox: Sandbox, text: str
) -> None:
    body = [{"errorCode": "INVALID_SESSION_ID", "message": text}]
    with Salesforce.from_settings(client_credentials(sandbox)) as org:
        org.describe_global()
        sandbox.control.add_fault(kind="answer", path="*/sobjects*", status=401, body=body)
        with pytest.raises(Exception, match=text):
            org.describe_global()
    assert sign_ins(sandbox, TOKEN) == 1


def test_the_cli_s_session_is_renewed_once_for_all_threads(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli = FakeCli(tmp_path / "bin", monkeypatch)
    cli.signed_in(sandbox.url, "00D000000000000!ended")
    threads = 6
    together = threading.Barrier(threads, timeout=30)

    def read(_: int) -> str:
        together.wait()
        return org.describe("Account").name

    with Salesforce.from_settings({"sf_org": "mine"}) as org, ThreadPoolExecutor(threads) as pool:
        assert org.instance_url == sandbox.url
        cli.signed_in(sandbox.url, sandbox.access_token)
        assert set(pool.map(read, range(threads))) == {"Account"}
    assert len(cli.calls) == 4
