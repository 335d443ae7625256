"""Signs in by SOAP login() with username and password, until Salesforce retires it.

Sources: SOAP API guide, login(); Help article 005132110, SOAP API login() retirement.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from sfbulk.auth.token import checked_token, refused_for_now
from sfbulk.errors import ApiError, SignInError
from sfbulk.http.retry import is_passing_refusal
from sfbulk.http.safe_xml import UnusableXmlError, local_name, parse_xml, texts
from sfbulk.http.unusable import unusable
from sfbulk.http.wire import Request
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from sfbulk.auth.credentials import SoapLoginCredentials
    from sfbulk.auth.token import Send, SessionToken
    from sfbulk.http.wire import Reply

log = logging.getLogger(__name__)

NEWEST_LOGIN_VERSION = 64.0
"""Later API versions have no login(), but they accept a session from this version."""

RETIREMENT = (
    "Salesforce retires SOAP login() in Summer '27 (1 June 2027); orgs created since Winter '26 "
    "have it switched off, and API versions from 65.0 on do not have it. Sign in by jwt_bearer or "
    "client_credentials instead."
)

_FAULT_STATUS = 500
# A login reply has about two kilobytes, and `parse_xml` needs all of it in memory.
_LONGEST_REPLY_BYTES = 64 * 1024

# Of the SOAP layer itself: the server's fault, not the request's (SOAP 1.1, 4.4.1).
_SERVER_FAULT = "Server"

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
    "Summer '26 on also need the permission Use Any API Auth for the user.",
    "INSUFFICIENT_ACCESS": "SOAP API login() is not open to this user: orgs created since Winter "
    "'26 have it switched off. An administrator can give the user the permission Use Any API Auth.",
    "API_DISABLED_FOR_ORG": "The org's edition has no API, or the user's profile does not "
    "allow it: the user needs the permission API Enabled.",
    "API_CURRENTLY_DISABLED": "The API is switched off for this user or org at the moment.",
    "LOGIN_DURING_RESTRICTED_DOMAIN": "The user's profile does not allow this machine's address: "
    "add it to the profile's login IP ranges.",
    "LOGIN_DURING_RESTRICTED_TIME": "The user's profile does not allow a login at this time.",
    "LOGIN_CHALLENGE_ISSUED": "Salesforce wants to verify this machine: set security_token, or "
    "let Setup trust this machine's address.",
    "LOGIN_RATE_EXCEEDED": "The user has signed in too often in the last hour: wait.",
    "ORG_LOCKED": "The org is locked: ask Salesforce.",
    "TRIAL_EXPIRED": "The org's trial has ended.",
    "UNSUPPORTED_API_VERSION": "This org no longer answers login().",
}
"""What to do about each fault at login (partner WSDL: ExceptionCode)."""

_ENDED_BY_RETIREMENT = ("UNSUPPORTED_API_VERSION", "INVALID_OPERATION", "INSUFFICIENT_ACCESS")


class SoapLogin:
    """The SOAP login flow, at an API version that still has login()."""

    def __init__(self, credentials: SoapLoginCredentials, send: Send, api_version: str) -> None:
        self._credentials = credentials
        self._send = send
        self._version = login_version(api_version)

    def __call__(self, stale: SessionToken | None) -> SessionToken:
        """API call: a new token.

        Raises:
            SignInError: Salesforce refuses the sign-in, or its answer cannot be used.
            TransportError: no usable answer.
        """
        if stale is None:
            log.warning(RETIREMENT)
        request = Request(
            "POST",
            f"/services/Soap/u/{self._version}",
            "Sign in (soap_login)",
            body=envelope(self._credentials.username, self._credentials.password),
            content_type="text/xml; charset=UTF-8",
            headers={"SOAPAction": "login", "Accept": "text/xml"},
            answers=(_FAULT_STATUS,),
            repeatable=True,
        )
        try:
            return self._send(self._credentials.login_url, request, self._token)
        except ApiError as error:
            if is_passing_refusal(error.status, error.code, error.detail):
                raise refused_for_now(self._credentials.login_url, "soap_login", error) from error
            raise SignInError(
                f"{self._credentials.login_url} did not answer the soap_login sign-in as "
                f"Salesforce does (HTTP {error.status}). Check login_url.",
                status=error.status,
                code=error.code,
            ) from error

    def _token(self, request: Request, reply: Reply) -> SessionToken:
        body = _body(request, reply)
        if local_name(body) == "Fault":
            raise _refusal(self._credentials.login_url, reply.status, body)
        result = next((e for e in body.iter() if local_name(e) == "result"), None)
        answer = {} if result is None else texts(result)
        if answer.get("passwordExpired") == "true":
            raise SignInError(
                "The password has expired. " + _ADVICE["INVALID_OPERATION_WITH_EXPIRED_PASSWORD"]
            )
        return checked_token(
            self._credentials.instance_url,
            self._credentials.login_url,
            answer.get("sessionId"),
            _origin(answer.get("serverUrl", "")),
        )


def login_version(api_version: str) -> str:
    """The API version of login() for requests at `api_version`."""
    return f"{min(float(api_version), NEWEST_LOGIN_VERSION):.1f}"


def envelope(username: str, password: str) -> bytes:
    """The login request; the texts may have every character that XML allows."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<se:Envelope xmlns:se="http://schemas.xmlsoap.org/soap/envelope/"><se:Header/><se:Body>'
        f'<login xmlns="urn:partner.soap.sforce.com"><username>{escape(username)}</username>'
        f"<password>{escape(password)}</password></login></se:Body></se:Envelope>"
    ).encode()


def _body(request: Request, reply: Reply) -> Element:
    """The first element in the envelope's body."""
    if len(reply.content) > _LONGEST_REPLY_BYTES:
        raise unusable(request, reply.status, "a body that is too long for a login reply")
    try:
        root = parse_xml(reply.content)
    except UnusableXmlError as error:
        raise unusable(request, reply.status, str(error)) from None
    bodies = (child for child in root if local_name(child) == "Body" and len(child))
    body = next(bodies, None)
    if local_name(root) != "Envelope" or body is None:
        raise unusable(request, reply.status, "XML that is not a SOAP reply")
    return body[0]


def _refusal(login_url: str, status: int, fault: Element) -> SignInError | ApiError:
    details = {local_name(e): (e.text or "").strip() for e in fault.iter()}
    # Faults of the SOAP layer itself have no detail.
    code = details.get("exceptionCode") or details.get("faultcode", "").rpartition(":")[2]
    message = details.get("exceptionMessage") or details.get("faultstring", "")
    if code == _SERVER_FAULT or is_passing_refusal(None, code, message):
        # As for any other server that is not available: it is sent again.
        return ApiError(f"Sign in (soap_login): {code}", status=503, code=code, detail=message)
    advice = _ADVICE.get(code, "Check the sign-in settings.")
    ended = f" {RETIREMENT}" if code in _ENDED_BY_RETIREMENT else ""
    return SignInError(
        f"{login_url} refused the soap_login sign-in: {quoted(code)} ({quoted(message)}). "
        f"{advice}{ended}",
        status=status,
        code=code,
    )


def _origin(server_url: str) -> str:
    # https://MyDomain.my.salesforce.com/services/Soap/u/64.0/00D4S000000oz4e
    try:
        parts = urlsplit(server_url)
    except ValueError:
        return server_url
    return f"{parts.scheme}://{parts.netloc}"
