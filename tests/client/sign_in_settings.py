"""The settings of each flow that signs in to the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.client.keys import RSA_KEY, pem, public_pem

if TYPE_CHECKING:
    from sfbulk_sandbox import Sandbox


def app(sandbox: Sandbox) -> dict[str, str]:
    return {"login_url": sandbox.url, "client_id": sandbox.client_id}


def client_credentials(sandbox: Sandbox) -> dict[str, str]:
    return app(sandbox) | {"client_secret": sandbox.client_secret}


def refresh_token(sandbox: Sandbox) -> dict[str, str]:
    return client_credentials(sandbox) | {"refresh_token": sandbox.refresh_token}


def refresh_token_without_secret(sandbox: Sandbox) -> dict[str, str]:
    return app(sandbox) | {"refresh_token": sandbox.refresh_token}


def jwt_bearer(sandbox: Sandbox) -> dict[str, str]:
    sandbox.control.register_jwt_key(public_pem(RSA_KEY))
    locked = pem(RSA_KEY, passphrase="open sesame").replace("\n", "\\n")
    key = {"private_key": locked, "private_key_passphrase": "open sesame"}
    return app(sandbox) | {"username": sandbox.username} | key


def soap_login(sandbox: Sandbox) -> dict[str, str]:
    return {
        "login_url": sandbox.url,
        "username": sandbox.username,
        "password": sandbox.password,
        "security_token": sandbox.security_token,
    }


def oauth_password(sandbox: Sandbox) -> dict[str, str]:
    return client_credentials(sandbox) | soap_login(sandbox)


def oauth_password_without_secret(sandbox: Sandbox) -> dict[str, str]:
    return app(sandbox) | soap_login(sandbox)
