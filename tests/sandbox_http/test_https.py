"""The sandbox over https, for clients that refuse http."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from sfbulk_sandbox import Sandbox
from tests.sandbox_http.certificates import make_certificate
from tests.sandbox_http.test_cli import ready, run, served

if TYPE_CHECKING:
    from pathlib import Path


def test_serve_speaks_https_and_names_itself_so(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    options = ("--certificate", str(certificate), "--key", str(key))
    with served(tmp_path, *options) as process:
        line = ready(process)
        answer = requests.post(
            line["url"] + "/services/oauth2/token",
            data={
                "grant_type": "client_credentials",
                "client_id": line["client_id"],
                "client_secret": line["client_secret"],
            },
            verify=str(certificate),
            timeout=30,
        )
    assert line["url"].startswith("https://127.0.0.1:")
    assert answer.json()["instance_url"] == line["url"]


def test_the_names_of_the_certificate_are_its_own(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, "login.salesforce.com", "*.my.salesforce.com")
    with Sandbox(sample=False, certificate=certificate, key=key) as sandbox:
        answers = {
            host: requests.get(
                f"{sandbox.url}/services/data",
                headers={"Host": host},
                verify=str(certificate),
                timeout=30,
            ).status_code
            for host in ("LOGIN.salesforce.com", "a.my.salesforce.com", "salesforce.com", "a.b")
        }
    assert list(answers.values()) == [200, 200, 403, 403]


def test_one_file_without_the_other_is_refused(tmp_path: Path) -> None:
    certificate, _ = make_certificate(tmp_path)
    result = run("serve", "--certificate", str(certificate))
    assert (result.returncode, result.stdout) == (1, "")
    assert "--key" in result.stderr
    with pytest.raises(ValueError, match="both certificate and key"):
        Sandbox(certificate=certificate)


def test_files_that_are_no_certificate_are_one_message(tmp_path: Path) -> None:
    odd = tmp_path / "odd.pem"
    odd.write_text("no certificate")
    result = run("serve", "--certificate", str(odd), "--key", str(odd))
    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    assert "sfbulk-sandbox:" in result.stderr


def test_a_missing_file_is_named() -> None:
    result = run("serve", "--certificate", "no.pem", "--key", "no.pem")
    assert result.returncode == 1
    assert "no.pem: there is no such file" in result.stderr
