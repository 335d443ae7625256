"""Parses XML from the network; a DTD is refused, since its entities can expand; no I/O."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator


MOST_NODES = 2_000_000
"""Of a document that is kept in memory: the batches of the largest job have fewer. One of a few
bytes each would need twenty times the memory of its text."""


class UnusableXmlError(ValueError):
    """The bytes are not XML, or have a DTD; the text does not quote them."""


class _NoDtd(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002 - expat's signature
        raise UnusableXmlError("XML with a DTD, which is refused")


def parse_xml(document: bytes) -> ET.Element:
    """The root of a complete document.

    Raises:
        UnusableXmlError: it is not XML, has a DTD, or too many elements.
    """
    if document.count(b"<") + document.count(b"=") > MOST_NODES:
        raise UnusableXmlError(f"XML that has more than {MOST_NODES:,} elements and attributes")
    parser = ET.XMLParser(target=_NoDtd())  # noqa: S314 - what makes it unsafe, a DTD, is refused  # nosec B314
    with _one_error():
        parser.feed(document.strip())
        root: ET.Element = parser.close()
    return root


class ChildParser:
    """Takes a document in chunks, and gives each complete child of its root.

    Memory: the chunk and the children in it, since the parser keeps none of them.
    """

    def __init__(self) -> None:
        self._found: list[ET.Element] = []
        self._parser = ET.XMLParser(target=_Children(self._found))  # noqa: S314 - as in `parse_xml`  # nosec B314

    def feed(self, chunk: bytes) -> list[ET.Element]:
        """The children that end in this chunk.

        Raises:
            UnusableXmlError: it is not XML, or has a DTD.
        """
        with _one_error():
            self._parser.feed(chunk)
        found = list(self._found)
        self._found.clear()
        return found

    def close(self) -> None:
        """End the document.

        Raises:
            UnusableXmlError: it is not complete.
        """
        with _one_error():
            self._parser.close()


@contextmanager
def _one_error() -> Iterator[None]:
    """Make every error of the parser the one for a body that is not XML."""
    try:
        yield
    except UnusableXmlError:
        raise
    except (ET.ParseError, LookupError, ValueError) as error:
        # LookupError: an unknown encoding. ValueError: one of several bytes, such as Shift_JIS.
        raise UnusableXmlError("a body that is not XML") from error


class _Children:
    """Builds one tree for each child of the root."""

    def __init__(self, found: list[ET.Element]) -> None:
        self._found = found
        self._depth = 0
        self._builder = _NoDtd()

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth > 1:
            self._builder.start(tag, attributes)

    def end(self, tag: str) -> None:
        if self._depth > 1:
            self._builder.end(tag)
        self._depth -= 1
        if self._depth == 1:
            self._found.append(self._builder.close())
            self._builder = _NoDtd()

    def data(self, text: str) -> None:
        if self._depth > 1:
            self._builder.data(text)

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        self._builder.doctype(name, pubid, system)

    def close(self) -> None:
        """Do nothing: every element is in the list already."""


def local_name(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """The direct children that have this local name."""
    return (child for child in element if local_name(child) == name)


def texts(element: ET.Element) -> dict[str, str]:
    """The texts of the direct children by local name; the first one if a name is repeated."""
    found: dict[str, str] = {}
    for child in element:
        found.setdefault(local_name(child), (child.text or "").strip())
    return found
