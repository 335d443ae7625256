"""Python clients we did not write, against the sandbox."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.clients.conftest import HERE, ROWS, Salesforce, held, ready
from tests.clients.installed import python_client, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from sfbulk_sandbox import Sandbox


def simple_salesforce(org: Sandbox, part: str, *more: Path, environment: dict[str, str]) -> None:
    python = python_client("simple-salesforce") / "python"
    driver, rows = HERE / "simple_salesforce_client.py", HERE / "rows.json"
    run(python, driver, ready(org), rows, part, *more, environment=environment)


@pytest.mark.parametrize("part", ["rest", "composite", "bulk2", "bulk"])
def test_simple_salesforce_makes_a_round_trip(
    https_org: Sandbox, certificate: tuple[Path, Path], part: str
) -> None:
    # It speaks https only, whatever scheme it is told.
    trusted = {"REQUESTS_CA_BUNDLE": str(certificate[0])}
    simple_salesforce(https_org, part, environment=trusted)
    assert held(https_org) == ROWS


def test_simple_salesforce_signs_in_by_soap(
    https_org: Sandbox, certificate: tuple[Path, Path]
) -> None:
    trusted = {"REQUESTS_CA_BUNDLE": str(certificate[0])}
    simple_salesforce(https_org, "soap", environment=trusted)


def test_simple_salesforce_signs_in_by_password_client_credentials_and_jwt(
    salesforce: Callable[[], AbstractContextManager[Salesforce]], tmp_path: Path
) -> None:
    key = rsa.generate_private_key(65537, 2048)
    private = tmp_path / "key.pem"
    pkcs8, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, pkcs8, plain))
    info = serialization.PublicFormat.SubjectPublicKeyInfo
    public = key.public_key().public_bytes(serialization.Encoding.PEM, info)
    with salesforce() as there:
        there.sandbox.control.register_jwt_key(public.decode())
        simple_salesforce(there.sandbox, "oauth", private, environment=there.environment)


def test_salesforce_bulk_makes_a_round_trip(org: Sandbox) -> None:
    python = python_client("salesforce-bulk") / "python"
    run(python, HERE / "salesforce_bulk_client.py", ready(org))
    assert org.org.counts()["Account"] == 0
