"""Borrows the session of an org that the Salesforce CLI (`sf`) is signed in to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

from sfbulk.auth.grant import checked_grant, fits_header
from sfbulk.errors import SignInError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sfbulk.auth.grant import Grant
    from sfbulk.settings import Credentials

COMMAND = "sf"

TIMEOUT_SECONDS = 120.0
"""The CLI renews the session itself, over the network, and takes seconds to start."""

_LONGEST_QUOTE = 300


def missing_command() -> str | None:
    """What is wrong when there is no CLI to run; None when there is one."""
    if shutil.which(COMMAND):
        return None
    return (
        f"sf_org needs the Salesforce CLI, and there is no command {COMMAND} on PATH. Install it "
        "(npm install --global @salesforce/cli), or sign in another way."
    )


class SalesforceCli:
    """Asks the CLI, which renews what it can; a session it cannot renew comes again and again."""

    def __init__(self, credentials: Credentials) -> None:
        self._org = credentials.sf_org or ""
        self._expected = credentials.instance_url

    def __call__(self, stale: Grant | None) -> Grant:
        """API call, made by the CLI: the grant it holds now.

        Raises:
            SignInError: the CLI is missing, fails, is not signed in, or has `stale` only.
        """
        org = self._run("org", "display")
        token = org.get("accessToken")
        # From 2.136.8 on the CLI hides it there (forcedotcom/cli issue 3560) and shows it here.
        if not fits_header(token):
            token = self._run("org", "auth", "show-access-token", "--no-prompt").get("accessToken")
        grant = checked_grant(self._expected, COMMAND, token, str(org.get("instanceUrl")))
        if grant == stale:
            raise SignInError(
                f"The Salesforce CLI's session with {self._org} is expired or not valid "
                f"({org.get('connectedStatus') or 'no status'}), and the CLI cannot renew it. "
                f"{self._sign_in_again()}",
                status=401,
                code="INVALID_SESSION_ID",
            )
        return grant

    def _run(self, *words: str) -> Mapping[str, Any]:
        command = shutil.which(COMMAND)
        if command is None:
            raise SignInError(missing_command() or "")
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the org is one word of its own
                [command, *words, f"--target-org={self._org}", "--json"],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_SECONDS,
                check=False,
                # Colours would make its JSON unreadable.
                env={**os.environ, "FORCE_COLOR": "0"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = getattr(error, "strerror", None) or f"no answer in {TIMEOUT_SECONDS:.0f} s"
            raise SignInError(f"{self._said(words)} could not be run: {reason}.") from error
        return self._result(words, done.returncode, done.stdout)

    def _result(self, words: tuple[str, ...], code: int, stdout: bytes) -> Mapping[str, Any]:
        try:
            document = json.loads(stdout)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise SignInError(
                f"{self._said(words)} ended with exit code {code} and without its JSON. Run it to "
                "see why, and update the CLI (sf update)."
            )
        result = document.get("result")
        if document.get("status") != 0 or not isinstance(result, dict):
            raise SignInError(
                f"{self._said(words)} failed: {_quoted(document)}. {self._sign_in_again()}",
                code=document["name"] if isinstance(document.get("name"), str) else None,
            )
        return result

    def _said(self, words: tuple[str, ...]) -> str:
        return f"`{COMMAND} {' '.join(words)} --target-org={self._org}`"

    def _sign_in_again(self) -> str:
        return f"Sign in with: sf org login web --alias {self._org}; `sf org list` names all orgs."


def _quoted(document: Mapping[str, Any]) -> str:
    """The CLI's own words, on one line."""
    said = f"{document.get('name')}: {document.get('message')}"
    return " ".join(said.split())[:_LONGEST_QUOTE].rstrip(".")
