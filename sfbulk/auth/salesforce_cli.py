"""Uses the session of an org that the Salesforce CLI (`sf`) is signed in to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from sfbulk.auth.token import checked_token, fits_header
from sfbulk.errors import SignInError
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.auth.credentials import SalesforceCliCredentials
    from sfbulk.auth.token import SessionToken

COMMAND = "sf"

TIMEOUT_SECONDS = 120.0
"""The CLI takes seconds to start, and renews the session itself over the network."""

_LONGEST_QUOTE_CHARACTERS = 300

_NOT_INSTALLED = (
    f"sf_org needs the Salesforce CLI, but the command {COMMAND} is not on PATH. Install it "
    "(npm install --global @salesforce/cli), or use another sign-in flow."
)


def missing_command() -> str | None:
    """The problem if the CLI is not installed; None if it is."""
    return None if shutil.which(COMMAND) else _NOT_INSTALLED


class SalesforceCli:
    """Reads the session of the CLI. The CLI renews it if it can; if not, it returns the old one."""

    def __init__(self, credentials: SalesforceCliCredentials) -> None:
        self._org = credentials.org
        self._expected = credentials.instance_url

    def __call__(self, stale: SessionToken | None) -> SessionToken:
        """API call, made by the CLI: its current token.

        Raises:
            SignInError: the CLI is missing, fails, is not signed in, or still has `stale`.
        """
        org = self._run("org", "display")
        text = org.get("accessToken")
        # Since 2.136.8 `org display` hides the token (forcedotcom/cli issue 3560).
        if not fits_header(text):
            text = self._run("org", "auth", "show-access-token", "--no-prompt").get("accessToken")
        token = checked_token(self._expected, COMMAND, text, str(org.get("instanceUrl")))
        if token == stale:
            raise SignInError(
                f"The Salesforce CLI's session with {self._org} is expired or not valid "
                f"({org.get('connectedStatus') or 'no status'}), and the CLI cannot renew it. "
                f"{self._sign_in_again()}",
                status=401,
                code="INVALID_SESSION_ID",
            )
        return token

    def _run(self, *words: str) -> Mapping[str, Any]:
        command = shutil.which(COMMAND)
        if command is None:
            raise SignInError(_NOT_INSTALLED)
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the org is one argument
                [command, *words, f"--target-org={self._org}", "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
                # JSON with colour codes could not be parsed.
                env={**os.environ, "FORCE_COLOR": "0"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = getattr(error, "strerror", None) or f"no answer in {TIMEOUT_SECONDS:.0f} s"
            raise SignInError(f"{self._command_line(words)} could not be run: {reason}.") from error
        return self._result(words, done.returncode, done.stdout)

    def _result(self, words: tuple[str, ...], code: int, stdout: bytes) -> Mapping[str, Any]:
        try:
            document = json.loads(stdout)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict):
            raise SignInError(
                f"{self._command_line(words)} ended with exit code {code} and did not print JSON. "
                "Run it to see why, and update the CLI (sf update)."
            )
        result = document.get("result")
        if document.get("status") != 0 or not isinstance(result, dict):
            raise SignInError(
                f"{self._command_line(words)} failed: {_quoted(document)}. {self._sign_in_again()}",
                code=document["name"] if isinstance(document.get("name"), str) else None,
            )
        return result

    def _command_line(self, words: tuple[str, ...]) -> str:
        return f"`{COMMAND} {' '.join(words)} --target-org={self._org}`"

    def _sign_in_again(self) -> str:
        return f"Sign in with: sf org login web --alias {self._org}; `sf org list` lists all orgs."


def _quoted(document: Mapping[str, Any]) -> str:
    """The CLI's own error, on one line."""
    text = f"{document.get('name')}: {document.get('message')}"
    return quoted(text, _LONGEST_QUOTE_CHARACTERS).rstrip(".")
