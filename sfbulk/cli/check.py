"""`sfbulk check`: who is signed in, which org it is, and which rights are missing."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sfbulk.cli.describe import limit_document
from sfbulk.cli.rights import PERMISSIONS, Right, object_rights, permission_rights
from sfbulk.errors import ApiError, ConfigError, SessionExpired

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk.access import Organization, User
    from sfbulk.cli.session import Session
    from sfbulk.client import Salesforce
    from sfbulk.quota.limits import Limit

_LIMITS = (
    "DailyApiRequests",
    "DailyBulkApiBatches",
    "DailyBulkV2QueryJobs",
    "DailyBulkV2QueryFileStorageMB",
    "DataStorageMB",
    "FileStorageMB",
)
"""Those that queries and loads use up."""


@dataclass
class _Found:
    """What could be read; None for what could not."""

    instance_url: str
    version: str
    versions: list[str] | None = None
    user: User | None = None
    organization: Organization | None = None
    limits: dict[str, Limit] | None = None
    rights: list[Right] = field(default_factory=list)

    @property
    def version_is_known(self) -> bool | None:
        """Whether the org has the API version; None if its versions could not be read."""
        return None if self.versions is None else self.version in self.versions

    def missing(self) -> list[str]:
        """What stops the user from what was asked for, a sentence for each."""
        problems = []
        if self.version_is_known is False:
            problems.append(_wrong_version(self.version, self.versions or []))
        problems += [
            f"{one.right} on {one.on} is missing."
            for one in self.rights
            if one.needed and one.has is False
        ]
        return problems


def check(session: Session, names: Sequence[str], operations: Sequence[str]) -> None:
    """API calls: read all, and write it.

    Raises:
        ConfigError: a right that is needed is missing, or the API version.
        SignInError: Salesforce gives no access token.
    """
    with session.org() as org:
        found = _read(org, names, operations)
    if session.output.as_json:
        session.output.document(_document(found))
    else:
        _write(session, found)
    if missing := found.missing():
        raise ConfigError(missing)


def _read(org: Salesforce, names: Sequence[str], operations: Sequence[str]) -> _Found:
    found = _Found(org.instance_url, org.api_version)
    with _unknown():
        found.versions = org.api_versions()
    enabled: bool | None = None
    # The first request with the token: it fails if the user may not use the API at all.
    try:
        found.user = org.user()
        enabled = True
    except ApiError as error:
        enabled = _api_enabled(error)
    with _unknown():
        found.organization = org.organization()
    with _unknown():
        limits = org.limits()
        found.limits = {name: limits[name] for name in _LIMITS if name in limits}
    permissions = org.permissions(found.user, PERMISSIONS) | {"ApiEnabled": enabled}
    found.rights = [
        *permission_rights(permissions, operations),
        *object_rights(names, _described(org, names), operations),
    ]
    return found


def _api_enabled(error: ApiError) -> bool | None:
    """Whether the user may use the API, by the error of a first request.

    Raises:
        SessionExpired: there is no session, so nothing else can be read.
    """
    if isinstance(error, SessionExpired):
        raise error
    return False if error.code == "API_DISABLED_FOR_ORG" else None


def _unknown() -> suppress:
    """What Salesforce refuses stays unknown."""
    return suppress(ApiError)


def _described(org: Salesforce, names: Sequence[str]) -> dict[str, Any]:
    objects = {name.partition(".")[0] for name in names}
    try:
        return org.describe_many(sorted(objects)) if objects else {}
    except SessionExpired:
        raise
    # Such as a limit that is used up: then it is not known of any object.
    except ApiError as error:
        return dict.fromkeys(objects, error)


def _wrong_version(version: str, versions: Sequence[str]) -> str:
    newest = versions[-1] if versions else "?"
    if versions and float(version) < float(versions[0]):
        return f"API version {version} is retired: set api_version to {newest}."
    return f"The org has no API version {version} yet: set api_version to {newest} or earlier."


def _document(found: _Found) -> dict[str, Any]:
    versions = found.versions or []
    limits = found.limits
    return {
        "user": asdict(found.user) if found.user else None,
        "organization": asdict(found.organization) if found.organization else None,
        "instance_url": found.instance_url,
        "api_version": {
            "version": found.version,
            "supported": found.version_is_known,
            "oldest": next(iter(versions), None),
            "newest": next(reversed(versions), None),
        },
        "limits": limits and {name: limit_document(limit) for name, limit in limits.items()},
        "rights": [
            asdict(one) | {"status": one.status, "page": _page(found, one)} for one in found.rights
        ],
        "missing": found.missing(),
    }


def _page(found: _Found, right: Right) -> str | None:
    return f"{found.instance_url}/{right.page}" if right.page else None


def _limit_rows(limits: dict[str, Limit] | None) -> list[tuple[Any, ...]]:
    if limits is None:
        return [(name, "unknown", "unknown") for name in _LIMITS]
    return [(name, limit.remaining, limit.maximum) for name, limit in limits.items()]


def _word(value: bool | None, yes: str, no: str) -> str:
    return "unknown" if value is None else yes if value else no


def _write(session: Session, found: _Found) -> None:
    user, org = found.user, found.organization
    facts = [
        ("User", user.username or user.name if user else None),
        ("User id", user.id if user else "unknown"),
        ("Profile", user.profile if user else None),
        ("Org", org.name if org else None),
        ("Org id", org.id if org else "unknown"),
        ("Edition", org.edition if org else None),
        ("Sandbox", _word(org.is_sandbox if org else None, "yes", "no")),
        ("Instance URL", found.instance_url),
        (
            "API version",
            f"{found.version} ({_word(found.version_is_known, 'in use', 'not there')})",
        ),
    ]
    session.output.facts("Signed in", facts)
    session.output.table("Limits", ("Limit", "Left", "Of"), _limit_rows(found.limits))
    rights = [(one.on, one.right, one.status, one.fix, _page(found, one)) for one in found.rights]
    session.output.table("Rights", ("On", "Right", "Status", "What to do", "Page"), rights)
