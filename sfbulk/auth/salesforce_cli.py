"""Uses the session of an org that the Salesforce CLI (`sf`) is signed in to."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.auth.token import checked_token, fits_header
from sfbulk.errors import SignInError
from sfbulk.http.json_text import UnusableJsonError, json_value
from sfbulk.http.shapes import Shape
from sfbulk.safe import quoted

if TYPE_CHECKING:
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


class _Result(msgspec.Struct, rename="camel"):
    """What a command prints when it succeeds."""

    access_token: str | None = None
    instance_url: str | None = None
    connected_status: str | None = None


class _Failure(msgspec.Struct):
    name: str | None = None
    message: str | None = None


class _Printed(msgspec.Struct):
    """What every command prints with `--json`."""

    status: int | None = None
    result: Any = None


_PRINTED = Shape(_Printed)
_RESULT = Shape(_Result)
_FAILURE = Shape(_Failure)


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
        text = org.access_token
        # Since 2.136.8 `org display` hides the token (forcedotcom/cli issue 3560).
        if not fits_header(text):
            text = self._run("org", "auth", "show-access-token", "--no-prompt").access_token
        token = checked_token(self._expected, COMMAND, text, org.instance_url)
        if token == stale:
            raise SignInError(
                f"The Salesforce CLI's session with {self._org} is expired or not valid "
                f"({org.connected_status or 'no status'}), and the CLI cannot renew it. "
                f"{self._sign_in_again()}",
                status=401,
                code="INVALID_SESSION_ID",
            )
        return token

    def _run(self, *words: str) -> _Result:
        command = shutil.which(COMMAND)
        if command is None:
            raise SignInError(_NOT_INSTALLED)
        try:
            done = subprocess.run(  # noqa: S603 - no shell; the org is one argument  # nosec B603
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

    def _result(self, words: tuple[str, ...], code: int, stdout: bytes) -> _Result:
        try:
            document = json_value(stdout)
            printed = _PRINTED.read(document)
            if printed.status == 0 and printed.result is not None:
                return _RESULT.read(printed.result)
            failure = _FAILURE.read(document)
        except UnusableJsonError:
            raise self._not_understood(words, code, "did not print JSON") from None
        except ValueError as error:
            what = f"did not print JSON of the known form ({error})"
            raise self._not_understood(words, code, what) from None
        raise SignInError(
            f"{self._command_line(words)} failed: {_quoted(failure)}. {self._sign_in_again()}",
            code=failure.name,
        )

    def _not_understood(self, words: tuple[str, ...], code: int, what: str) -> SignInError:
        return SignInError(
            f"{self._command_line(words)} ended with exit code {code} and {what}. Run it to see "
            "why, and update the CLI (sf update)."
        )

    def _command_line(self, words: tuple[str, ...]) -> str:
        return f"`{COMMAND} {' '.join(words)} --target-org={self._org}`"

    def _sign_in_again(self) -> str:
        return f"Sign in with: sf org login web --alias {self._org}; `sf org list` lists all orgs."


def _quoted(failure: _Failure) -> str:
    """The CLI's own error, on one line."""
    text = f"{failure.name}: {failure.message}"
    return quoted(text, _LONGEST_QUOTE_CHARACTERS).rstrip(".")
