"""Reads the user who is signed in, the org, and the API versions that it has."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from sfbulk.errors import ApiError
from sfbulk.http.wire import Request, json_body, unusable
from sfbulk.read.rest_answers import RestAnswers
from sfbulk.soql import select, text_literal

if TYPE_CHECKING:
    from sfbulk.http.wire import Reply
    from sfbulk.transport import Transport


@dataclass(frozen=True)
class User:
    """The user who is signed in; None for what the user may not read."""

    id: str
    username: str | None = None
    name: str | None = None
    profile: str | None = None
    profile_id: str | None = None


@dataclass(frozen=True)
class Organization:
    """The org; None for what the user may not read."""

    id: str
    name: str | None = None
    edition: str | None = None
    """Salesforce's `OrganizationType`, such as `Enterprise Edition`."""
    is_sandbox: bool | None = None
    instance: str | None = None
    """Such as `EU42`."""


def read_user_id(transport: Transport) -> str | None:
    """API call: the id of the user; the URL of the user's identity ends with it."""
    return _identity(transport)[1]


def read_user(transport: Transport) -> User | None:
    """API calls: the user; None if Salesforce does not say who it is."""
    user_id = read_user_id(transport)
    if not user_id:
        return None
    fields = ["Username", "Name", "ProfileId"]
    # Without a right to read profiles, only the query with the name of the profile is refused.
    row = _first(transport, "User", [*fields, "Profile.Name"], user_id) or _first(
        transport, "User", fields, user_id
    )
    profile = row.get("Profile") or {}
    return User(
        user_id,
        row.get("Username"),
        row.get("Name"),
        profile.get("Name"),
        row.get("ProfileId"),
    )


def read_organization(transport: Transport) -> Organization | None:
    """API calls: the org; None if Salesforce does not say which one it is."""
    org_id = _identity(transport)[0]
    if not org_id:
        return None
    fields = ["Name", "OrganizationType", "IsSandbox", "InstanceName"]
    row = _first(transport, "Organization", fields, org_id)
    sandbox = row.get("IsSandbox")
    return Organization(
        org_id,
        row.get("Name"),
        row.get("OrganizationType"),
        None if sandbox is None else sandbox is True,
        row.get("InstanceName"),
    )


def read_versions(transport: Transport) -> list[str]:
    """API call: the API versions that the org has, the oldest first, such as `31.0`."""
    return transport.read(Request("GET", "/services/data", "List the API versions"), _versions)


def _versions(request: Request, reply: Reply) -> list[str]:
    try:
        listed: Any = json.loads(reply.content)
        return [str(entry["version"]) for entry in listed]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise unusable(request, reply.status, "no list of API versions") from None


def _identity(transport: Transport) -> tuple[str | None, str | None]:
    """API call: the ids of the org and of the user."""
    request = Request("GET", f"{transport.base_path}/", "Read the resources of the API")
    # Such as https://login.salesforce.com/id/00D…/005….
    identity = urlsplit(str(transport.read(request, json_body).get("identity")))
    _, org_id, user_id = ["", "", "", *identity.path.split("/")][-3:]
    return org_id or None, user_id or None


def _first(transport: Transport, sobject: str, fields: list[str], record_id: str) -> dict[str, Any]:
    """API call: some fields of a record; empty if the user may not read them."""
    soql = select(fields, sobject, [f"Id = {text_literal(record_id)}"])
    try:
        page = RestAnswers(transport, sobject, include_deleted=False).first(soql)
    except ApiError:
        return {}
    return page.records[0] if page.records else {}
