"""The user of a token: the identity URL and userinfo (REST guide: Using Identity URLs)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import PlainTextResponse

from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.http.responses import JsonResponse

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.sign_in.sessions import SignInState

_ANY_VERSION = "{version}"
_USER_FIELDS = (
    "FirstName",
    "LastName",
    "Name",
    "Email",
    "CommunityNickname",
    "TimeZoneSidKey",
    "LocaleSidKey",
    "LanguageLocaleKey",
    "UserType",
    "LastModifiedDate",
)
# Used if the org's describes have no User, or not all of its fields.
_FACTS = {
    "FirstName": "Sandbox",
    "LastName": "Admin",
    "Name": "Sandbox Admin",
    "Email": "admin@example.com",
    "CommunityNickname": "sandbox.admin",
    "TimeZoneSidKey": "GMT",
    "LocaleSidKey": "en_US",
    "LanguageLocaleKey": "en_US",
    "UserType": "Standard",
    "LastModifiedDate": "2025-01-01T00:00:00.000+0000",
}


class IdentityResources:
    """The identity URL and userinfo.

    Args:
        org: The rows and the schema.
        sign_in: The sessions.
        newest: The number of the newest API version.
        token_of: Returns the token of the Authorization header.
    """

    def __init__(
        self, org: Org, sign_in: SignInState, *, newest: int, token_of: Callable[[Request], str]
    ) -> None:
        self._org = org
        self._sign_in = sign_in
        self._newest = newest
        self._token_of = token_of

    def resources(self) -> list[Resource]:
        """Return the resources."""
        return [
            Resource("/services/oauth2/userinfo", {"GET": self.userinfo, "POST": self.userinfo}),
            Resource("/id/{org_id}/{user_id}", {"GET": self.identity, "POST": self.identity}),
        ]

    def identity(self, request: Request) -> Response:
        """Return the user in the form of the identity URL."""
        if refusal := self._refusal(request):
            return refusal
        user, base = user_facts(self._org), request.base_url
        return JsonResponse(
            {
                "id": identity_url(self._org, base),
                "asserted_user": True,
                "user_id": self._org.user_id,
                "organization_id": self._org.id,
                "username": self._sign_in.credentials.username,
                "nick_name": user["CommunityNickname"],
                "display_name": user["Name"],
                "email": user["Email"],
                "email_verified": True,
                "first_name": user["FirstName"],
                "last_name": user["LastName"],
                "timezone": user["TimeZoneSidKey"],
                "photos": _photos(base),
                **dict.fromkeys(
                    ("addr_street", "addr_city", "addr_state", "addr_country", "addr_zip")
                ),
                "mobile_phone": None,
                "mobile_phone_verified": False,
                "is_lightning_login_user": False,
                "status": {"created_date": None, "body": None},
                "urls": self._urls(request, request.query.get("version", _ANY_VERSION)),
                "active": True,
                "user_type": user["UserType"].upper(),
                "language": user["LanguageLocaleKey"],
                "locale": user["LocaleSidKey"],
                "utcOffset": 0,
                "last_modified_date": user["LastModifiedDate"],
                "is_app_installed": True,
            }
        )

    def userinfo(self, request: Request) -> Response:
        """Return the user with the names of OpenID Connect."""
        if refusal := self._refusal(request):
            return refusal
        user, base = user_facts(self._org), request.base_url
        return JsonResponse(
            {
                "sub": identity_url(self._org, base),
                "user_id": self._org.user_id,
                "organization_id": self._org.id,
                "preferred_username": self._sign_in.credentials.username,
                "nickname": user["CommunityNickname"],
                "name": user["Name"],
                "email": user["Email"],
                "email_verified": True,
                "given_name": user["FirstName"],
                "family_name": user["LastName"],
                "zoneinfo": user["TimeZoneSidKey"],
                "photos": _photos(base),
                "profile": f"{base}/{self._org.user_id}",
                "picture": _photos(base)["picture"],
                "address": {},
                "urls": self._urls(request, _ANY_VERSION),
                "active": True,
                "user_type": user["UserType"].upper(),
                "language": user["LanguageLocaleKey"],
                "locale": user["LocaleSidKey"],
                "utcOffset": 0,
                "updated_at": user["LastModifiedDate"],
                "is_app_installed": True,
            }
        )

    def _refusal(self, request: Request) -> Response | None:
        token = self._token_of(request) or request.query.get("oauth_token", "")
        if self._sign_in.sessions.is_live(token):
            return None
        return PlainTextResponse(
            "Bad_OAuth_Token" if token else "Missing_OAuth_Token", status_code=403
        )

    def _urls(self, request: Request, version: str) -> dict[str, str]:
        number = f"{self._newest}.0" if version == "latest" else version
        base, short_id = request.base_url, self._org.id[:15]
        rest = f"{base}/services/data/v{number}/"
        soap = {"enterprise": "c", "metadata": "m", "partner": "u"}
        below = {"sobjects": "sobjects", "search": "search", "query": "query", "recent": "recent"}
        chatter = {"feeds": "feeds", "groups": "groups", "users": "users"}
        return {
            **{
                name: f"{base}/services/Soap/{letter}/{number}/{short_id}"
                for name, letter in soap.items()
            },
            "rest": rest,
            **{name: f"{rest}{path}/" for name, path in below.items()},
            "profile": f"{base}/{self._org.user_id}",
            **{name: f"{rest}chatter/{path}" for name, path in chatter.items()},
            "feed_items": f"{rest}chatter/feed-items",
            "custom_domain": base,
        }


def identity_url(org: Org, base_url: str) -> str:
    """Return the identity URL of the org's user."""
    return f"{base_url}/id/{org.id}/{org.user_id}"


def user_facts(org: Org) -> dict[str, Any]:
    """Return the fields of the org's user, from its User record or else the defaults."""
    user = org.schema.sobject("User")
    names = [name for name in _USER_FIELDS if user and user.field(name)]
    known = org.record("User", org.user_id, names) if names else {}
    return {name: known.get(name) or fact for name, fact in _FACTS.items()}


def _photos(base_url: str) -> dict[str, str]:
    photo = f"{base_url}/profilephoto/005"
    return {"picture": f"{photo}/F", "thumbnail": f"{photo}/T"}
