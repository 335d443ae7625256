"""Signs in by SOAP login() with username and password, as long as Salesforce still has it.

Facts: SOAP API guide, login(); Help article 005132110, SOAP API login() retirement.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from sfbulk.auth.grant import checked_grant
from sfbulk.errors import ApiError, SignInError
from sfbulk.safe_xml import UnusableXmlError, local_name, parse_xml, texts
from sfbulk.wire import Request, unusable

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sfbulk.auth.grant import Ask, Grant
    from sfbulk.settings import Credentials
    from sfbulk.wire import Reply

log = logging.getLogger(__name__)

NEWEST_LOGIN_VERSION = 64.0
"""Later API versions have no login(); a session of this one serves them all the same."""

RETIREMENT = (
    "Salesforce retires SOAP login() in Summer '27 (1 June 2027), orgs created since Winter '26 "
    "have it switched off and API versions from 65.0 on lack it. Sign in by jwt_bearer or "
    "client_credentials instead."
)

_FAULT_STATUS = 500
# A login reply has two kilobytes.
_LONGEST_REPLY_BYTES = 64 * 1024

_PASSING_FAULTS = ("SERVER_UNAVAILABLE",)

_ADVICE = {
    "INVALID_LOGIN": "Check username, password and security_token (a new password brings a new "
    "token by mail); a sandbox signs in at https://test.salesforce.com with its own username. "
    "Repeated wrong passwords lock the user out.",
    "LOGIN_MUST_USE_SECURITY_TOKEN": "Set security_token: Salesforce mails it on Reset My "
    "Security Token in the user's settings. Or let Setup trust this machine's address.",
    "PASSWORD_LOCKOUT": "Wrong passwords have locked the user out: wait, or unlock it in Setup.",
    "INVALID_OPERATION_WITH_EXPIRED_PASSWORD": "The password has expired: sign in with a browser "
    "and set a new one.",
    "INVALID_OPERATION": "An administrator can switch SOAP API login() on in Setup; orgs from "
    "Summer '26 on also want the user to have the permission Use Any API Auth.",
    "INSUFFICIENT_ACCESS": "SOAP API login() is not open to this user: orgs created since Winter "
    "'26 have it switched off. An administrator can give the user the permission Use Any API Auth.",
    "API_DISABLED_FOR_ORG": "The org's edition or the user's profile has no API: the user needs "
    "the permission API Enabled.",
    "API_CURRENTLY_DISABLED": "The API is switched off for this user or org for now.",
    "LOGIN_DURING_RESTRICTED_DOMAIN": "The user's profile does not allow this machine's address: "
    "add it to the profile's login IP ranges.",
    "LOGIN_DURING_RESTRICTED_TIME": "The user's profile does not allow a login at this hour.",
    "LOGIN_CHALLENGE_ISSUED": "Salesforce wants to verify this machine: set security_token, or "
    "let Setup trust this machine's address.",
    "LOGIN_RATE_EXCEEDED": "The user has signed in too often in the last hour: wait.",
    "ORG_LOCKED": "The org is locked: ask Salesforce.",
    "TRIAL_EXPIRED": "The org's trial is over.",
    "UNSUPPORTED_API_VERSION": "This org answers login() no more.",
}
"""What to do about each fault at login (partner WSDL: ExceptionCode)."""

_ENDED_BY_RETIREMENT = ("UNSUPPORTED_API_VERSION", "INVALID_OPERATION", "INSUFFICIENT_ACCESS")


class SoapLogin:
    """Asks for a session at an API version that still has login()."""

    def __init__(self, credentials: Credentials, ask: Ask, api_version: str) -> None:
        self._credentials = credentials
        self._ask = ask
        self._version = login_version(api_version)

    def __call__(self, stale: Grant | None) -> Grant:
        """API call: a new grant.

        Raises:
            SignInError: Salesforce refuses, or answers with what cannot be used.
            TransportError: no usable answer.
        """
        if stale is None:
            log.warning(RETIREMENT)
        request = Request(
            "POST",
            f"/services/Soap/u/{self._version}",
            "Sign in (soap_login)",
            body=envelope(self._credentials.username or "", self._credentials.password_with_token),
            content_type="text/xml; charset=UTF-8",
            headers={"SOAPAction": "login", "Accept": "text/xml"},
            answers=(_FAULT_STATUS,),
            repeatable=True,
        )
        try:
            return self._ask(self._credentials.login_url, request, self._grant)
        except ApiError as error:
            raise SignInError(
                f"{self._credentials.login_url} did not answer the soap_login sign-in as "
                f"Salesforce does (HTTP {error.status}). Check login_url.",
                status=error.status,
                code=error.code,
            ) from error

    def _grant(self, request: Request, reply: Reply) -> Grant:
        body = _body(request, reply)
        if local_name(body) == "Fault":
            raise _refusal(self._credentials.login_url, reply.status, body)
        result = next((e for e in body.iter() if local_name(e) == "result"), None)
        answer = {} if result is None else texts(result)
        if answer.get("passwordExpired") == "true":
            raise SignInError(
                "The password has expired. " + _ADVICE["INVALID_OPERATION_WITH_EXPIRED_PASSWORD"]
            )
        return checked_grant(
            self._credentials.instance_url,
            self._credentials.login_url,
            answer.get("sessionId"),
            _origin(answer.get("serverUrl", "")),
        )


def login_version(api_version: str) -> str:
    """The version to log in with for the use of `api_version`."""
    return f"{min(float(api_version), NEWEST_LOGIN_VERSION):.1f}"


def envelope(username: str, password: str) -> bytes:
    """The login request; any text is allowed that XML can hold."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{escape(username)}</username>'
        f"<password>{escape(password)}</password></login></se:Body></se:Envelope>"
    ).encode()


def _body(request: Request, reply: Reply) -> Element:
    """The element in the envelope's body."""
    if len(reply.content) > _LONGEST_REPLY_BYTES:
        raise unusable(request, reply.status, "a body far longer than a SOAP reply")
    try:
        root = parse_xml(reply.content)
    except UnusableXmlError as error:
        raise unusable(request, reply.status, str(error)) from None
    bodies = (child for child in root if local_name(child) == "Body" and len(child))
    body = next(bodies, None)
    if local_name(root) != "Envelope" or body is None:
        raise unusable(request, reply.status, "XML that is no SOAP reply")
    return body[0]


def _refusal(login_url: str, status: int, fault: Element) -> SignInError | ApiError:
    said = {local_name(e): (e.text or "").strip() for e in fault.iter()}
    # Faults of the SOAP layer itself have no detail.
    code = said.get("exceptionCode") or said.get("faultcode", "").rpartition(":")[2]
    message = said.get("exceptionMessage") or said.get("faultstring", "")
    if code in _PASSING_FAULTS:
        return ApiError(f"Sign in (soap_login): {code}", status=503, code=code, detail=message)
    advice = _ADVICE.get(code, "Check the sign-in settings.")
    ended = f" {RETIREMENT}" if code in _ENDED_BY_RETIREMENT else ""
    return SignInError(
        f"{login_url} refused the soap_login sign-in: {code} ({message}). {advice}{ended}",
        status=status,
        code=code,
    )


def _origin(server_url: str) -> str:
    # https://MyDomain.my.salesforce.com/services/Soap/u/64.0/00D4S000000oz4e
    parts = urlsplit(server_url)
    return f"{parts.scheme}://{parts.netloc}"
