"""Reads XML from the network; a DTD, with which entities could grow, is refused; no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Iterator


class UnusableXmlError(ValueError):
    """Bytes that are no XML, or XML with a DTD; the text quotes nothing of them."""


class _NoDtd(ET.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:  # noqa: ARG002 - expat's signature
        raise UnusableXmlError("XML with a DTD, which is refused")


def parse_xml(document: bytes) -> ET.Element:
    """The root of a whole document.

    Raises:
        UnusableXmlError: it is no XML, or has a DTD.
    """
    parser = ET.XMLParser(target=_NoDtd())  # noqa: S314 - what makes it unsafe, a DTD, is refused
    try:
        parser.feed(document.strip())
        root: ET.Element = parser.close()
    except (ET.ParseError, LookupError) as error:
        # LookupError: an encoding nobody has heard of.
        raise UnusableXmlError("a body that is no XML") from error
    return root


def local_name(element: ET.Element) -> str:
    """The element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    """The elements right below that have this local name."""
    return (child for child in element if local_name(child) == name)


def texts(element: ET.Element) -> dict[str, str]:
    """The texts of the elements right below, by their local names; of a repeated one the first."""
    found: dict[str, str] = {}
    for child in element:
        found.setdefault(local_name(child), (child.text or "").strip())
    return found
