"""The accounts of an org, put there and read without the client."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.flows import BEFORE, CSV
from tests.faults.http_calls import NAME

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sfbulk_sandbox import Sandbox

SOQL = "SELECT Ext_Id__c, Name, IsDeleted, Id FROM Account"
SECRETS = ("client_secret", "access_token", "password")


class OrgRows:
    """The rows of one sandbox, which is put back to its beginning for each run."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def begin(self) -> None:
        """Put the org back to how it was before each run."""
        control = self.sandbox.control
        control.reset()
        control.jobs_at_once()
        control.seed_csv("Account", CSV)
        assert self.rows() == dict(BEFORE)

    def rows(self) -> dict[str, tuple[str, bool]]:
        """Name and whether it is deleted, by external id, or by name where there is none."""
        found = self._found()
        keys = Counter(key for key, *_ in found)
        assert [key for key, count in keys.items() if count > 1] == []
        return {key: (name, deleted) for key, name, deleted, _ in found}

    def ids(self) -> dict[str, str]:
        """Salesforce's ids by external id."""
        return {key: record_id for key, _, _, record_id in self._found()}

    def settle(self, given_up: Iterable[str]) -> None:
        """Wait until the sandbox has carried out these requests, for which nobody waits.

        They have names: their number would not do. A request that is sent on a connection which
        the sandbox closes at this moment is never read.
        """
        waiting, left = threading.Event(), {*given_up}
        for _ in range(2_000):
            left -= {request.headers.get(NAME) for request in self.sandbox.requests}
            if not left:
                return
            waiting.wait(0.01)
        pytest.fail(f"requests that were given up are not carried out: {left}")

    def give_back(self) -> None:
        """Take away what is left of the faults, and what they used up."""
        self.sandbox.control.clear_faults()
        self.sandbox.control.use_up("DailyApiRequests", remaining=1_000)

    def assert_no_secret(self, text: str) -> None:
        """Check that a text holds no secret of the sandbox."""
        assert [name for name in SECRETS if getattr(self.sandbox, name) in text] == []

    def _found(self) -> list[tuple[str, str, bool, str]]:
        found = self.sandbox.org.query(SOQL, all_rows=True).rows()
        return [(str(k or n), str(n), d == "true", str(i)) for k, n, d, i in found]
