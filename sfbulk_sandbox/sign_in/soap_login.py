"""SOAP login(), which API versions up to 64.0 have (SOAP guide: login)."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from starlette.responses import Response

from sfbulk_sandbox.http.bodies import parse_xml
from sfbulk_sandbox.http.requests import Resource
from sfbulk_sandbox.schema.ids import to18
from sfbulk_sandbox.sign_in.auth import OLDEST_VERSION, version_number
from sfbulk_sandbox.sign_in.identity import user_facts

if TYPE_CHECKING:
    from collections.abc import Mapping
    from xml.etree import ElementTree as ET

    from sfbulk_sandbox.http.requests import Request
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.sign_in.sessions import SignInState

# Help, SOAP API login() retirement: 65.0 and later do not have login().
NEWEST_LOGIN_VERSION = 64
_SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_PARTNER = "urn:partner.soap.sforce.com"
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
_INVALID_LOGIN = "Invalid username, password, security token; or user locked out."
_NOT_PERMITTED = "insufficient access rights: SOAP API login() is not enabled for this user"
_INVALID_SESSION = "Invalid Session ID found in SessionHeader: Illegal Session"
_SHORT_ID = 15


class SoapLogin:
    """SOAP login(), the only operation of the partner WSDL that the sandbox supports."""

    def __init__(self, sign_in: SignInState, org: Org) -> None:
        self._sign_in = sign_in
        self._org = org

    def resources(self) -> list[Resource]:
        """Return the resources. serverUrl ends with the org's id, and clients use it too."""
        base = "/services/Soap/u/{version}"
        return [
            Resource(base, {"POST": self.request}),
            Resource(base + "/{org_id}", {"POST": self.request}),
        ]

    def request(self, request: Request) -> Response:
        """Answer a SOAP envelope."""
        number = version_number(request.version)
        if not OLDEST_VERSION <= number <= NEWEST_LOGIN_VERSION:
            return _fault(
                "UNSUPPORTED_API_VERSION", _refused_version(number), "UnexpectedErrorFault"
            )
        try:
            envelope = parse_xml(request.body)
            operation, arguments = _operation(envelope)
        except ValueError as error:
            return _client_fault(f"The envelope cannot be read: {error}")
        if operation != f"{{{_PARTNER}}}login":
            return self._not_login(envelope, operation)
        name, password = arguments.get("username", ""), arguments.get("password", "")
        if not self._sign_in.credentials.password_fits(name, password):
            return _fault("INVALID_LOGIN", _INVALID_LOGIN, "LoginFault")
        if self._org.behaviour.has("soap_login", "refused"):
            return _fault("INSUFFICIENT_ACCESS", _NOT_PERMITTED, "LoginFault")
        return self._signed_in(request)

    def _not_login(self, envelope: ET.Element, operation: str) -> Response:
        header = f"{{{_SOAP}}}Header/{{{_PARTNER}}}SessionHeader/{{{_PARTNER}}}sessionId"
        session = (envelope.findtext(header) or "").strip()
        if session and not self._sign_in.sessions.is_live(session):
            return _fault("INVALID_SESSION_ID", _INVALID_SESSION, "UnexpectedErrorFault")
        return _client_fault(f"No operation available for request {operation}")

    def _signed_in(self, request: Request) -> Response:
        short_id = self._org.id[:_SHORT_ID]
        result = {
            "metadataServerUrl": f"{request.base_url}/services/Soap/m/{request.version}/{short_id}",
            "passwordExpired": "false",
            "sandbox": "false",
            "serverUrl": f"{request.base_url}/services/Soap/u/{request.version}/{short_id}",
            "sessionId": self._sign_in.sessions.open(),
            "userId": self._org.user_id,
        }
        body = f"{_elements(result)}<userInfo>{_elements(self._user_info())}</userInfo>"
        return _envelope(
            f'xmlns="{_PARTNER}" {_XSI}',
            f"<loginResponse><result>{body}</result></loginResponse>",
        )

    def _user_info(self) -> dict[str, str | None]:
        """Return userInfo with every element of a recorded answer, in its order."""
        user = user_facts(self._org)
        return {
            "accessibilityMode": "false",
            "chatterExternal": "false",
            "currencySymbol": "$",
            "orgAttachmentFileSizeLimit": "26214400",
            "orgDefaultCurrencyIsoCode": "USD",
            "orgDefaultCurrencyLocale": "en_US",
            "orgDisallowHtmlAttachments": "false",
            "orgHasPersonAccounts": "false",
            "organizationId": self._org.id,
            "organizationMultiCurrency": "false",
            "organizationName": "sfbulk sandbox",
            "profileId": to18("00e" + self._org.id[3:_SHORT_ID]),
            "roleId": None,
            "sessionSecondsValid": str(self._sign_in.sessions.seconds),
            "userDefaultCurrencyIsoCode": None,
            "userEmail": user["Email"],
            "userFullName": user["Name"],
            "userId": self._org.user_id,
            "userLanguage": user["LanguageLocaleKey"],
            "userLocale": user["LocaleSidKey"],
            "userName": self._sign_in.credentials.username,
            "userTimeZone": user["TimeZoneSidKey"],
            "userType": user["UserType"],
            "userUiSkin": "Theme3",
        }


def _operation(envelope: ET.Element) -> tuple[str, dict[str, str]]:
    """Return the tag of the operation, and the texts of its arguments by local name.

    Raises:
        ValueError: There is no such element.
    """
    body = envelope.find(f"{{{_SOAP}}}Body")
    if body is None or len(body) == 0:
        raise ValueError("it has no Body with an operation")
    arguments = {child.tag.rpartition("}")[2]: child.text or "" for child in body[0]}
    return body[0].tag, arguments


def _refused_version(number: int) -> str:
    if number > NEWEST_LOGIN_VERSION:
        return "SOAP API login() is not available in API version 65.0 and later"
    return "Invalid Api version specified on URL"


def _elements(values: Mapping[str, str | None]) -> str:
    return "".join(
        f'<{name} xsi:nil="true"/>'
        if value is None
        else f"<{name}>{escape(value, quote=False)}</{name}>"
        for name, value in values.items()
    )


def _fault(code: str, message: str, kind: str) -> Response:
    detail = _elements({"sf:exceptionCode": code, "sf:exceptionMessage": message})
    return _envelope(
        f'xmlns:sf="urn:fault.partner.soap.sforce.com" {_XSI}',
        f"<soapenv:Fault><faultcode>sf:{code}</faultcode>"
        f"<faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:{kind} xsi:type="sf:{kind}">{detail}</sf:{kind}></detail></soapenv:Fault>',
        status=500,
    )


def _client_fault(message: str) -> Response:
    return _envelope(
        _XSI,
        "<soapenv:Fault><faultcode>soapenv:Client</faultcode>"
        f"{_elements({'faultstring': message})}</soapenv:Fault>",
        status=500,
    )


def _envelope(namespaces: str, body: str, status: int = 200) -> Response:
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_SOAP}" '
        f"{namespaces}><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
    )
    headers = {"content-type": "text/xml; charset=utf-8"}
    return Response(text, status_code=status, headers=headers)
