"""Makes answers in another form than the documented one: any place of a document, or all of it."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# JSON that Python's encoder does not write, by the text that stands for it.
RAW = {
    "@digits@": "9" * 5_000,
    "@huge@": "1" + "0" * 400,
    "@exponent@": "1e999",
    "@nan@": "NaN",
    "@infinity@": "-Infinity",
    "@deep@": "[" * 900 + "]" * 900,
    "@deeper@": '{"a":' * 100_000 + "1" + "}" * 100_000,
    "@surrogate@": '"a\\ud800b"',
    "@pair@": '"\\ud83d\\ude00"',
    "@twice@": '{"id": 1, "id": [2], "name": "a", "name": null}',
}
TEXTS = [
    "",
    "null",
    "5",
    "-5",
    "5.0",
    "9" * 5_000,
    "a" * 100_000,
    "0001-01-01T00:00:00+10:00",
    "9999-12-31T23:59:59.999-1000",
    "../../x",
    "750000000000001AAA\n",
    "\x00\r\n\x1b[2J",
    "٣" * 15,
    "@evil.example/services/data/v68.0/jobs/query?x",
    "https://evil.example/services/data/v68.0/jobs/query?queryLocator=x",
    "/services/data/v68.0/query/..",
    "file:///etc/passwd",
    "https://[::1",
    "Account",
]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(TEXTS),
    st.sampled_from(list(RAW)),
    st.sampled_from([[], {}, [None], {"a": [{"b": None}]}, [[["x"]]], [{}], [True]]),
)
_DEEP = "@deep@"

# A page of a gateway, in an encoding that Python knows by that name.
PAGE = (
    '<?xml version="1.0" encoding="{}"?><html xmlns="http://www.w3.org/1999/xhtml">'
    "<head><title>メンテナンス中 维护</title></head></html>"
)
ENCODINGS = ("UTF-8", "Shift_JIS", "GB2312", "Big5", "EUC-KR", "UTF-16", "ISO-8859-1", "nonsense")


def page_in(encoding: str) -> bytes:
    """A page that declares the encoding, and is in it where there is one."""
    python_name = "utf-8" if encoding == "nonsense" else encoding
    return PAGE.format(encoding).encode(python_name, "xmlcharrefreplace")


PAGES = [page_in(encoding) for encoding in ENCODINGS]
WHOLE = [
    b"",
    b"\x00",
    b"null",
    b"5",
    b'"x"',
    b"[]",
    b"{}",
    b"<",
    b"\xff\xfe",
    b"\x1f\x8b\x08",
    *PAGES,
]


def places(document: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be replaced."""
    yield path
    if isinstance(document, dict):
        for name, value in document.items():
            yield from places(value, (*path, name))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from places(value, (*path, index))


def as_bytes(document: Any) -> bytes:
    text = json.dumps(document)
    for word, raw in RAW.items():
        text = text.replace(f'"{word}"', raw)
    return text.encode()


def in_utf_16(body: bytes) -> bytes:
    return body.decode().encode("utf-16")


def in_utf_16_without_mark(body: bytes) -> bytes:
    return body.decode().encode("utf-16-le")


def with_mark(body: bytes) -> bytes:
    return b"\xef\xbb\xbf" + body


def cut(body: bytes) -> bytes:
    return body[: len(body) // 2]


def not_utf_8(body: bytes) -> bytes:
    return body.replace(b'"', b'"\xed\xa0\x80\xff', 1)


_FORMS: list[Callable[[bytes], bytes]] = [
    in_utf_16,
    in_utf_16_without_mark,
    with_mark,
    cut,
    not_utf_8,
    lambda body: body + b"]",
]


@st.composite
def json_bodies(draw: st.DrawFn, document: Any) -> bytes:
    """The document with another value in one or two places; or in another encoding, or cut."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(WHOLE))
    root = {"root": deepcopy(document)}
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(places(root["root"]))))
        inner: Any = root
        for step in ("root", *place)[:-1]:
            inner = inner[step]
        last = ("root", *place)[-1]
        if place and draw(st.integers(0, 4)) == 0:
            del inner[last]
        else:
            inner[last] = deepcopy(draw(VALUES))
    body = as_bytes(root["root"])
    return draw(st.sampled_from(_FORMS))(body) if kind == 1 else body


@st.composite
def xml_bodies(draw: st.DrawFn, document: str) -> bytes:
    """The document with another text, without an element or with one twice; or another one."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.sampled_from(WHOLE))
    root = ET.fromstring(document)  # noqa: S314 - the document is written in this file
    elements = [(parent, child) for parent in root.iter() for child in parent]
    for _ in range(draw(st.integers(1, 2))):
        parent, child = draw(st.sampled_from(elements))
        _change(
            draw(st.sampled_from(["text", "remove", "twice", "rename", "deep"])),
            draw,
            parent,
            child,
        )
    body = ET.tostring(root).replace(_DEEP.encode(), b"<id>" * 50_000 + b"</id>" * 50_000)
    if kind == 1:
        encoding = draw(st.sampled_from(ENCODINGS))
        return f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + body
    if kind == 2:
        doctype = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>'
        return draw(st.sampled_from([cut(body), with_mark(body), in_utf_16(body), doctype + body]))
    return body


def _change(kind: str, draw: st.DrawFn, parent: ET.Element, child: ET.Element) -> None:
    if kind == "text":
        # What XML cannot hold is left out; `RAW` has texts that are none of the expected ones.
        text = str(draw(st.one_of(st.sampled_from(TEXTS), st.sampled_from(list(RAW.values())))))
        child.text = "".join(c for c in text if c >= " " or c in "\t\n")
    elif kind == "remove" and child in list(parent):
        parent.remove(child)
    elif kind == "twice":
        parent.append(deepcopy(child))
    elif kind == "rename":
        child.tag = draw(st.sampled_from(["x", "id", "{other}id", "state"]))
    elif kind == "deep":
        child.text = _DEEP
