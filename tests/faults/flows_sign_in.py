"""A read and a load after each sign-in flow, so that a session can end in between too."""

from __future__ import annotations

from tests.client import sign_in_settings
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
        sign_in_settings.refresh_token,
        sign_in_settings.jwt_bearer,
        sign_in_settings.soap_login,
        sign_in_settings.oauth_password,
    )
]
