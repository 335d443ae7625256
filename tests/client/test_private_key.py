"""The private key of the JWT bearer flow: each form that is valid, and each that is not."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import PrivateFormat

from tests.client.keys import RSA_KEY, pem, public_pem
from tests.client.problems import problems_of

if TYPE_CHECKING:
    from pathlib import Path

PEM = pem(RSA_KEY)
TRADITIONAL = pem(RSA_KEY, PrivateFormat.TraditionalOpenSSL)
LOCKED = pem(RSA_KEY, passphrase="open sesame")
SHORT = pem(rsa.generate_private_key(65537, 1024))  # noqa: S505 - what must be refused
CURVE = pem(ec.generate_private_key(ec.SECP256R1()))
HOLLOW = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"


def problems(**key: Any) -> list[str]:
    return problems_of({"client_id": "id", "username": "me@example.com", **key})


@pytest.mark.parametrize(
    "key",
    [
        {"private_key": PEM},
        {"private_key": TRADITIONAL},
        {"private_key": PEM.replace("\n", "\\n")},
        {"private_key": PEM.replace("\n", "\\r\\n")},
        {"private_key": PEM.replace("\n", "\r\n")},
        {"private_key": "Bag Attributes\n    friendlyName: app\n" + PEM},
        {"private_key": LOCKED, "private_key_passphrase": "open sesame"},
    ],
    ids=["pkcs8", "pkcs1", "escaped", "escaped crlf", "crlf", "bag", "locked"],
)
def test_a_key_is_accepted_in_every_usual_form(key: dict[str, str], tmp_path: Path) -> None:
    assert problems(**key) == []
    file = tmp_path / "key.pem"
    file.write_text(key.pop("private_key"), newline="")
    assert problems(private_key_path=str(file), **key) == []


@pytest.mark.parametrize(
    ("key", "named"),
    [
        ({"private_key": "secret-but-no-key"}, "not a private key in PEM form"),
        ({"private_key": public_pem(RSA_KEY)}, "not a private key in PEM form"),
        ({"private_key": HOLLOW}, "damaged"),
        ({"private_key": CURVE}, "not an RSA key"),
        ({"private_key": SHORT}, "1024 bits; RS256 needs 2048"),
        ({"private_key": LOCKED}, "is encrypted: set private_key_passphrase"),
        ({"private_key": LOCKED, "private_key_passphrase": "x"}, "private_key_passphrase is wrong"),
        ({"private_key": PEM, "private_key_passphrase": "x"}, "leave private_key_passphrase out"),
        ({"private_key": pem(RSA_KEY, PrivateFormat.OpenSSH)}, "ssh-keygen -p -m PEM"),
    ],
)
def test_a_key_that_cannot_sign_is_named_without_being_shown(
    key: dict[str, str], named: str, tmp_path: Path
) -> None:
    file = tmp_path / "key.pem"
    file.write_text(key["private_key"])
    in_file = {n: v for n, v in key.items() if n != "private_key"}
    for name, found in (
        ("private_key", problems(**key)),
        ("private_key_path", problems(private_key_path=str(file), **in_file)),
    ):
        assert len(found) == 1
        assert found[0].startswith(name + " ")
        assert named in found[0]
        assert not any(line in found[0] for line in key["private_key"].splitlines())


def test_a_key_file_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    missing = problems(private_key_path=str(tmp_path / "none.pem"))
    assert missing == [f"private_key_path: there is no file {tmp_path}/none.pem."]
    folder = problems(private_key_path=str(tmp_path))
    assert folder == [f"private_key_path: {tmp_path} cannot be read: Is a directory."]
    der = tmp_path / "key.der"
    der.write_bytes(b"\x30\x82\xff\xfe")
    assert "-inform DER" in problems(private_key_path=str(der))[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_key_file_without_permission_says_so(tmp_path: Path) -> None:
    file = tmp_path / "key.pem"
    file.write_text(PEM)
    file.chmod(0)
    assert "Permission denied" in problems(private_key_path=str(file))[0]


def test_the_home_folder_may_be_written_as_a_tilde(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "key.pem").write_text(PEM)
    assert problems(private_key_path="~/key.pem") == []


def test_key_problems_are_reported_with_all_others() -> None:
    found = problems(private_key="no key", api_version="nine", login_url="ftp://x")
    assert [text.split()[0] for text in found] == ["api_version", "login_url", "private_key"]
