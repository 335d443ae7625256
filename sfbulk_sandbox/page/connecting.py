"""How to connect to the org: what the settings of clients, tap and target need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.page.parts import Parts

_MOST_OBJECTS = 3
# Every org has rows of them, and nobody loads those.
_OF_EVERY_ORG = frozenset({"Organization", "Profile", "User", "UserRole", "Pricebook2"})


@dataclass(frozen=True)
class Example:
    """Objects for examples, and a key for an upsert."""

    objects: list[str]
    external_id: str


def facts(parts: Parts, url: str) -> dict[str, str]:
    """Return the settings of clients by name, as in the ready line."""
    credentials = parts.sign_in.credentials
    return {
        "url": url,
        "client_id": credentials.client_id,
        "client_secret": credentials.client_secret,
        "access_token": parts.access_token,
        "refresh_token": parts.sign_in.refresh_token.value,
        "username": credentials.username,
        "password": credentials.password,
        "security_token": credentials.security_token,
        "control_url": url + "/sandbox",
    }


def example(org: Org) -> Example:
    """Return objects of this org that have rows and that a client can load."""
    counts = org.counts()
    filled = [
        sobject
        for sobject in org.schema
        if counts.get(sobject.name)
        and sobject.allows("createable")
        and sobject.name not in _OF_EVERY_ORG
        # A name from a describe can be anything; the examples are to be copied.
        and sobject.name.isidentifier()
    ]
    filled.sort(key=lambda sobject: counts[sobject.name], reverse=True)
    names = [sobject.name for sobject in filled[:_MOST_OBJECTS]]
    keys = (field.name for one in filled for field in one.fields if field.describe["externalId"])
    return Example(names or ["Account"], next(keys, "Id"))
