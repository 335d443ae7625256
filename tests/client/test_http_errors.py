"""Foreign exceptions and error bodies become the client's own errors."""

from __future__ import annotations

import inspect
import ssl

import pytest
import requests.exceptions
from urllib3 import exceptions as u3

from sfbulk import errors
from sfbulk.errors import ApiError
from sfbulk.http.mapping import _MEANINGS, api_error, transport_error


def test_no_exception_of_requests_is_left_unmapped() -> None:
    known = {
        kind
        for _, kind in inspect.getmembers(requests.exceptions, inspect.isclass)
        if issubclass(kind, requests.exceptions.RequestException)
    }
    assert len(known) > 20
    assert known - set(_MEANINGS) == set()


@pytest.mark.parametrize("kind", sorted(_MEANINGS, key=str))
def test_the_text_of_an_exception_is_not_quoted(kind: type[Exception]) -> None:
    if kind is requests.exceptions.JSONDecodeError:
        foreign: Exception = kind("Bearer 00Dxx!secret", "doc", 0)
    else:
        foreign = kind("Bearer 00Dxx!secret")
    mapped = transport_error(foreign, "Read job 750", "acme.example")
    assert "secret" not in str(mapped)
    assert str(mapped).startswith("Read job 750: ")


@pytest.mark.parametrize(
    ("foreign", "ambiguous", "permanent"),
    [
        (requests.exceptions.ConnectTimeout(), False, False),
        (requests.exceptions.ReadTimeout(), True, False),
        (requests.exceptions.ConnectionError(u3.ProtocolError("Connection aborted.")), True, False),
        (
            requests.exceptions.ConnectionError(
                u3.MaxRetryError(None, "/", u3.NewConnectionError(None, "refused"))  # type: ignore[arg-type] # no pool at hand
            ),
            False,
            False,
        ),
        (
            requests.exceptions.SSLError(u3.SSLError(ssl.SSLCertVerificationError(1, "expired"))),
            False,
            True,
        ),
        (requests.exceptions.SSLError(u3.SSLError(ssl.SSLEOFError(8, "EOF"))), True, False),
        (requests.exceptions.InvalidHeader("x"), False, True),
        (requests.exceptions.ChunkedEncodingError(), True, False),
    ],
)
def test_an_exception_says_whether_the_request_may_have_acted(
    foreign: Exception, *, ambiguous: bool, permanent: bool
) -> None:
    mapped = transport_error(foreign, "Create a query job", "acme.example")
    assert (mapped.ambiguous, mapped.permanent) == (ambiguous, permanent)


BODY = b'[{"message":"No such column","errorCode":"INVALID_FIELD","fields":["Foo__c"]}]'


def test_an_error_list_gives_code_message_fields_and_request_id() -> None:
    error = api_error("Create a query job", 400, {"X-SFDC-Request-Id": "abc"}, BODY)
    assert (error.status, error.code, error.fields) == (400, "INVALID_FIELD", ("Foo__c",))
    assert (error.detail, error.request_id) == ("No such column", "abc")
    said = "Create a query job: HTTP 400 INVALID_FIELD: No such column"
    assert str(error) == f"{said} (request abc)"
    assert str(api_error("Create a query job", 400, {}, BODY)) == said


@pytest.mark.parametrize(
    ("body", "code", "shown"),
    [
        (
            b'{"error":"invalid_grant","error_description":"authentication failure"}',
            "invalid_grant",
            "authentication failure",
        ),
        (b'{"exceptionCode":"InvalidJob","exceptionMessage":"x"}', "InvalidJob", "InvalidJob"),
        (
            b"<html><head><title>We are\n setting things up</title></html>",
            None,
            "'We are setting things up'",
        ),
        (b"Bad_OAuth_Token", None, "not an error of Salesforce"),
        (b"", None, "no body"),
        (b"[]", None, "not an error of Salesforce"),
        (b'[["x"]]', None, "not an error of Salesforce"),
        (b'[{"errorCode":5,"message":null,"fields":"Name"}]', None, "not an error of Salesforce"),
    ],
)
def test_other_bodies_are_read_or_described(body: bytes, code: str | None, shown: str) -> None:
    error = api_error("Sign in", 503, {}, body)
    assert error.code == code
    assert shown in str(error)
    assert "HTTP 503" in str(error)


@pytest.mark.parametrize(
    ("status", "code", "message", "kind"),
    [
        (401, "INVALID_SESSION_ID", "Session expired or invalid", "SessionExpired"),
        (403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.", "LimitExceeded"),
        (400, "LIMIT_EXCEEDED", "", "LimitExceeded"),
        (
            400,
            "INVALIDENTITY",
            "Entity 'TaskStatus' is not supported by the Bulk API.",
            "NotSupportedByBulk",
        ),
        (
            400,
            "FUNCTIONALITY_NOT_ENABLED",
            "Selecting compound data not supported in Bulk Query",
            "NotSupportedByBulk",
        ),
        (400, "INVALID_TYPE", "sObject type 'XYZZY' is not supported.", "ApiError"),
        (404, "NOT_FOUND", "The requested resource does not exist", "NotFound"),
        (400, "MALFORMED_QUERY", "unexpected token", "ApiError"),
    ],
)
def test_the_most_specific_class_is_taken(status: int, code: str, message: str, kind: str) -> None:
    body = f'[{{"errorCode":"{code}","message":"{message}"}}]'.encode()
    error = api_error("Ask", status, {}, body)
    assert type(error) is getattr(errors, kind)
    assert isinstance(error, ApiError)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        ("InvalidSessionId", "Invalid session id", "SessionExpired"),
        ("ExceededQuota", "ApiBatchItems Limit exceeded.", "LimitExceeded"),
        ("InvalidJob", "Unable to find object: Video__c", "NotFound"),
        ("InvalidBatch", "Records not processed", "ApiError"),
        (
            "InvalidEntity",
            "Entity 'TaskStatus' is not supported by the Bulk API.",
            "NotSupportedByBulk",
        ),
    ],
)
def test_errors_of_bulk_1_are_read_in_both_their_forms(code: str, message: str, kind: str) -> None:
    as_xml = (
        '<?xml version="1.0" encoding="UTF-8"?><error\n'
        '   xmlns="http://www.force.com/2009/06/asyncapi/dataload">\n'
        f" <exceptionCode>{code}</exceptionCode>\n"
        f" <exceptionMessage>{message}</exceptionMessage>\n</error>"
    )
    as_json = f'{{"exceptionCode":"{code}","exceptionMessage":"{message}"}}'
    for body in (as_xml, as_json):
        error = api_error("Ask", 400, {}, body.encode())
        assert type(error) is getattr(errors, kind)
        assert (error.code, error.detail) == (code, message)


@pytest.mark.parametrize(
    "body",
    [
        b"<!DOCTYPE error [<!ENTITY a 'x'>]><error><exceptionCode>&a;</exceptionCode></error>",
        b"<error><exceptionCode>X</error>",
        b'<?xml version="1.0" encoding="nonsense"?><error><exceptionCode>X</exceptionCode></error>',
        b"<fault><exceptionCode>X</exceptionCode></fault>",
    ],
)
def test_xml_that_is_not_an_error_of_salesforce_has_no_code(body: bytes) -> None:
    error = api_error("Ask", 500, {}, body)
    assert error.code is None
    assert "not an error of Salesforce" in str(error)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("", None), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-1", None)],
)
def test_retry_after_is_read_as_seconds(header: str, seconds: float | None) -> None:
    assert api_error("Ask", 503, {"Retry-After": header}, b"").retry_after == seconds


@pytest.mark.parametrize(
    ("until", "seconds"),
    [
        ("Wed, 21 Oct 2026 07:28:00 GMT", 75.0),
        ("Wed, 21 Oct 2026 07:28:00 -0000", 75.0),
        ("Wed, 21 Oct 2026 07:20:00 GMT", 0.0),
        ("Wednesday", None),
        ("Wed, 41 Oct 2026 07:20:00 GMT", None),
    ],
)
def test_a_retry_after_that_is_a_date_is_compared_with_the_servers_clock(
    until: str, seconds: float | None
) -> None:
    headers = {"Retry-After": until, "Date": "Wed, 21 Oct 2026 07:26:45 GMT"}
    assert api_error("Ask", 503, headers, b"").retry_after == seconds
