"""Reads the user who is signed in, the org, and the API versions that it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from sfbulk.errors import ApiError
from sfbulk.http.shapes import SalesforceId, Shape
from sfbulk.http.wire import Request
from sfbulk.read.rest_answers import RestAnswers
from sfbulk.soql import select, text_literal

if TYPE_CHECKING:
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
    found = _USER.read_or_none(
        _first(transport, "User", [*fields, "Profile.Name"], user_id)
        or _first(transport, "User", fields, user_id)
    )
    if found is None:
        return User(user_id)
    profile = found.profile.name if found.profile else None
    return User(user_id, found.username, found.name, profile, found.profile_id)


def read_organization(transport: Transport) -> Organization | None:
    """API calls: the org; None if Salesforce does not say which one it is."""
    org_id = _identity(transport)[0]
    if not org_id:
        return None
    fields = ["Name", "OrganizationType", "IsSandbox", "InstanceName"]
    found = _ORGANIZATION.read_or_none(_first(transport, "Organization", fields, org_id))
    if found is None:
        return Organization(org_id)
    return Organization(
        org_id, found.name, found.organization_type, found.is_sandbox, found.instance_name
    )


def read_versions(transport: Transport) -> list[str]:
    """API call: the API versions that the org has, the oldest first, such as `31.0`."""
    request = Request("GET", "/services/data", "List the API versions")
    return [listed.version for listed in transport.read(request, _VERSIONS.of)]


class _Version(msgspec.Struct):
    version: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,3}\.[0-9]\Z")]


class _Resources(msgspec.Struct):
    """The resources of an API version; `identity` is the URL of the user's identity."""

    identity: str | None = None


class _Profile(msgspec.Struct, rename="pascal"):
    name: str | None = None


class _User(msgspec.Struct, rename="pascal"):
    username: str | None = None
    name: str | None = None
    profile: _Profile | None = None
    profile_id: str | None = None


class _Organization(msgspec.Struct, rename="pascal"):
    name: str | None = None
    organization_type: str | None = None
    is_sandbox: bool | None = None
    instance_name: str | None = None


_VERSIONS = Shape(list[_Version], "a list of API versions")
_RESOURCES = Shape(_Resources, "a list of resources")
_ID = Shape(SalesforceId)
_USER = Shape(_User)
_ORGANIZATION = Shape(_Organization)


def _identity(transport: Transport) -> tuple[str | None, str | None]:
    """API call: the ids of the org and of the user."""
    request = Request("GET", f"{transport.base_path}/", "Read the resources of the API")
    # Such as https://login.salesforce.com/id/00D…/005…; only the ids in it are used.
    url = transport.read(request, _RESOURCES.of).identity or ""
    _, org_id, user_id = ["", "", "", *url.partition("?")[0].split("/")][-3:]
    return _ID.read_or_none(org_id), _ID.read_or_none(user_id)


def _first(transport: Transport, sobject: str, fields: list[str], record_id: str) -> dict[str, Any]:
    """API call: some fields of a record; empty if the user may not read them."""
    soql = select(fields, sobject, [f"Id = {text_literal(record_id)}"])
    try:
        page = RestAnswers(transport, sobject, include_deleted=False).first(soql)
    except ApiError:
        return {}
    return page.records[0] if page.records else {}
