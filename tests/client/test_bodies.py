"""The content of files, from base64 fields of records into files on disk."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from sfbulk import Body, DataError, NotFound, Salesforce, TransportError
from sfbulk.http.retry import MAX_ATTEMPTS
from tests.client.scripted import Answer, error

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk.transport import Transport
    from tests.client.scripted import ScriptedServer

VERSION = ("ContentVersion", "068000000000001AAA", "VersionData")
CONTENT = bytes(range(256)) * 3000
MD5 = hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()


def content(body: bytes = CONTENT, kind: str = "application/octetstream") -> Answer:
    return Answer(200, body, {"Content-Type": kind})


def test_a_body_arrives_byte_for_byte_with_its_checksums(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    server.script.append(content())
    path = tmp_path / "version"
    body = Salesforce(transport).download_body(*VERSION, path, size=len(CONTENT))
    assert path.read_bytes() == CONTENT
    assert body.size == len(CONTENT)
    assert body.md5 == MD5
    assert body.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert Body.of_file(path) == body
    assert server.lines == ["GET /services/data/v68.0/sobjects/" + "/".join(VERSION)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_web_page_and_an_empty_file_are_contents_too(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    page = b"<html>a page that somebody attached</html>"
    server.script.extend([content(page, "text/html; charset=UTF-8"), content(b"")])
    sf, path = Salesforce(transport), tmp_path / "page"
    assert sf.download_body("Attachment", "00P000000000001AAA", "Body", path).size == len(page)
    assert path.read_bytes() == page
    assert sf.download_body("Attachment", "00P000000000001AAA", "Body", path, size=0).size == 0
    assert path.read_bytes() == b""


def test_a_download_that_breaks_off_is_begun_again(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    cut = Answer(200, CONTENT, {"Content-Type": "application/octetstream"}, cut=300_000)
    server.script.extend([cut, error(503, "SERVER_UNAVAILABLE"), content()])
    path = tmp_path / "version"
    body = Salesforce(transport).download_body(*VERSION, path)
    assert path.read_bytes() == CONTENT
    assert body.size == len(CONTENT)
    assert len(server.seen) == 3


@pytest.mark.parametrize("page", [b"<html>down</html>", b"<html/>", b"x" * len(CONTENT), b""])
def test_other_content_than_the_record_has_is_requested_again(
    server: ScriptedServer, transport: Transport, tmp_path: Path, page: bytes
) -> None:
    """A maintenance page with the status 200 looks like a file that somebody attached."""
    server.script.extend([content(page, "text/html"), content()])
    path, sf = tmp_path / "version", Salesforce(transport)
    body = sf.download_body(*VERSION, path, size=len(CONTENT), md5=MD5.upper())
    assert (path.read_bytes(), body.md5, len(server.seen)) == (CONTENT, MD5, 2)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (CONTENT + b"!", f"more than {len(CONTENT)} bytes arrived, but the record has"),
        (CONTENT[:-1], f"{len(CONTENT) - 1} bytes arrived, but the record has {len(CONTENT)}"),
        (CONTENT[::-1], "AAA: the content does not have the record's checksum"),
    ],
)
def test_a_body_of_another_size_or_checksum_is_refused_and_the_earlier_file_stays(
    server: ScriptedServer, transport: Transport, tmp_path: Path, body: bytes, said: str
) -> None:
    server.script.extend([content(body)] * MAX_ATTEMPTS)
    path = tmp_path / "version"
    path.write_bytes(b"earlier")
    with pytest.raises(DataError, match="VersionData of ContentVersion 068") as refused:
        Salesforce(transport).download_body(*VERSION, path, size=len(CONTENT), md5=MD5)
    assert said in str(refused.value)
    assert len(server.seen) == MAX_ATTEMPTS
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]


def test_a_body_that_is_not_there_names_the_record_and_leaves_no_file(
    server: ScriptedServer, transport: Transport, tmp_path: Path
) -> None:
    server.script.extend([error(404, "NOT_FOUND"), *[Answer(0)] * 6])
    for kind in (NotFound, TransportError):
        with pytest.raises(kind, match="Download VersionData of ContentVersion 068000000000001AAA"):
            Salesforce(transport).download_body(*VERSION, tmp_path / "version")
    assert list(tmp_path.iterdir()) == []
