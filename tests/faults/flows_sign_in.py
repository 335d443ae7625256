"""A read and a load behind each way to sign in, so that a session can end in between too."""

from __future__ import annotations

from tests.client import ways_in
from tests.faults.flows import INSERTED, KEYLESS, Flow, Org, saved


def read_and_load(org: Org) -> object:
    assert org.sf.describe("Account").name == "Account"
    return saved(org.sf.insert("Account", KEYLESS))


FLOWS = [
    Flow(
        f"load by {settings.__name__}",
        read_and_load,
        told=(4, 0),
        changes=INSERTED,
        settings=settings,
        quick=False,
    )
    for settings in (
        ways_in.refresh_token,
        ways_in.jwt_bearer,
        ways_in.soap_login,
        ways_in.oauth_password,
    )
]
