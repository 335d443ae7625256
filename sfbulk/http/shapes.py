"""Decodes values of JSON and XML documents into declared types; no I/O.

This is the one place where documents of Salesforce, and of other programs, become values: a
`Shape` for each document, and one error for a document in any other form.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import msgspec

from sfbulk.errors import DataError
from sfbulk.http.dates import document_date
from sfbulk.http.json_text import UnusableJsonError, json_value
from sfbulk.http.unusable import unusable
from sfbulk.safe import quoted

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk.http.wire import Reply, Request

T = TypeVar("T")

# "$" would also match before a line end.
_ID = r"^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?\Z"
_MOST_OF_AN_ID = 50
_NAME = r"^[0-9A-Za-z_]{1,255}\Z"

SalesforceId = Annotated[str, msgspec.Meta(pattern=_ID)]
"""An id: 15 or 18 letters and digits. Ids become parts of addresses and names of folders."""

Name = Annotated[str, msgspec.Meta(pattern=_NAME)]
"""The API name of an object or of a field."""

_IN_WORDS = {
    f"`str` matching regex {_ID!r}": "an id of 15 or 18 letters and digits",
    f"`str` matching regex {_NAME!r}": "a name of letters, digits and underscores",
}
"""What msgspec says of the types above, and what users can read."""

Count = Annotated[int, msgspec.Meta(ge=0, le=10**15)]
"""A number of rows, batches, requests, megabytes or milliseconds."""


class Time:
    """A time in a document, such as `2015-08-19T08:17:00.000+0000`."""

    # No dataclass, which msgspec would decode by itself, from an object.
    def __init__(self, instant: datetime) -> None:
        self.instant = instant
        """Aware, in UTC."""


def _further_type(kind: type[Any], value: Any) -> Any:
    """Decode what msgspec itself does not know."""
    if kind is Time:
        return Time(document_date(value))
    raise NotImplementedError(kind)


def checked_id(text: str, what: str) -> str:
    """An id that a caller gives, which becomes a part of an address.

    Args:
        text: the id.
        what: what it is to be the id of, such as `a job`.

    Raises:
        DataError: it is not one.
    """
    if not re.match(_ID, text):
        raise DataError(
            f"'{quoted(text, _MOST_OF_AN_ID)}' is not the id of {what}: the id of {what} has 15 or "
            "18 letters and digits."
        )
    return text


def is_same_id(one: str, other: str) -> bool:
    """Whether two ids of 15 or 18 characters are of the same record, job or batch."""
    # The last three of 18 characters are a checksum.
    return one[:15] == other[:15]


def _in_words(text: str) -> str:
    for pattern, words in _IN_WORDS.items():
        text = text.replace(pattern, words)
    return text


class Shape(Generic[T]):
    """The declared type of a document. Make it when its module is imported.

    msgspec looks into a type when it is used for the first time. Two threads that do this at once
    end the process with a segmentation fault (seen with msgspec 0.22), so it is done here, before
    there are threads.
    """

    def __init__(
        self,
        kind: type[T],
        what: str = "an answer",
        *,
        strict: bool = True,
        attempts: int | None = None,
    ) -> None:
        """Prepare `kind`.

        Args:
            kind: the type.
            what: what the document is, for errors, such as `a job`.
            strict: unless it is set, numbers and booleans may be sent as text.
            attempts: how often the request of a document in another form is sent at most; None: as
                often as others.
        """
        self._kind = kind
        self._what = what
        self._strict = strict
        self._attempts = attempts
        msgspec.json.Decoder(kind)

    def read(self, value: Any) -> T:
        """A decoded value as this type.

        Raises:
            ValueError: it is in another form; the text says where, and quotes nothing.
        """
        try:
            return msgspec.convert(value, self._kind, strict=self._strict, dec_hook=_further_type)
        except msgspec.ValidationError as error:
            raise ValueError(_in_words(str(error))) from None
        except RecursionError:
            raise ValueError("it is nested too deeply") from None

    def read_or_none(self, value: Any) -> T | None:
        """A decoded value as this type; None if it is in another form."""
        try:
            return self.read(value)
        except ValueError:
            return None

    def within(self, request: Request, reply: Reply, value: Any, form: str = "JSON") -> T:
        """A value of a reply's document, which is in the form `form`, as this type.

        Raises:
            TransportError: it is in another form; names the request and the place.
        """
        try:
            return self.read(value)
        except ValueError as error:
            what = f"{form} that is not {self._what}: {error}"
            raise unusable(request, reply.status, what, attempts=self._attempts) from None

    def of(self, request: Request, reply: Reply) -> T:
        """A reply's JSON document as this type.

        Raises:
            TransportError: the reply is not JSON, as a maintenance page with the status 200, or
                JSON in another form; names the request and the place.
        """
        return self.within(request, reply, json_document(request, reply))


def json_document(request: Request, reply: Reply) -> Any:
    """The value of a reply's JSON document.

    Raises:
        TransportError: the reply is not JSON.
    """
    try:
        return json_value(reply.content)
    except UnusableJsonError as error:
        raise unusable(request, reply.status, str(error)) from None


JSON_OBJECT = Shape(dict[str, Any], "an object")
"""A document whose members are read one by one, so that one of them may be in another form."""
