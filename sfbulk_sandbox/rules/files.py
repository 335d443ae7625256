"""Files: creates the document of a new ContentVersion and its links.

Object Reference, ContentVersion: a version without a document creates one; a version of a document
becomes its latest version. The document is linked to its owner and to `FirstPublishLocationId`.
"""

# ruff: noqa: S608 - names in the SQL are ours; values are bound

from __future__ import annotations

import base64
import binascii
import hashlib
from pathlib import PurePath
from typing import TYPE_CHECKING

from sfbulk_sandbox.rules.chunk import UNSET
from sfbulk_sandbox.rules.inserting import insert_own

if TYPE_CHECKING:
    from sfbulk_sandbox.rules.chunk import Chunk
    from sfbulk_sandbox.rules.parts import Parts
    from sfbulk_sandbox.schema.schema import SObject
    from sfbulk_sandbox.schema.values import Stored

    Facts = dict[str, Stored]

_VERSION, _DOCUMENT, _LINK = "ContentVersion", "ContentDocument", "ContentDocumentLink"
_FILE_TYPES = {
    "": "UNKNOWN",
    "doc": "WORD",
    "docx": "WORD_X",
    "htm": "HTML",
    "ppt": "POWER_POINT",
    "pptx": "POWER_POINT_X",
    "txt": "TEXT",
    "xls": "EXCEL",
    "xlsx": "EXCEL_X",
}
# A document has these fields of its latest version.
_SHOWN = ("Title", "FileType", "FileExtension", "ContentSize")

# Object Reference: BodyLength is the size of the content in bytes.
_WITH_LENGTH = ("Attachment", "Document")


class FileVersions:
    """Completes the new versions, attachments and documents of a chunk. Others stay as they are."""

    def __init__(self, parts: Parts, sobject: SObject) -> None:
        self._parts = parts
        self._sobject = sobject
        self._document = parts.schema.sobject(_DOCUMENT) if sobject.name == _VERSION else None

    def name(self, chunk: Chunk) -> None:
        """Set the title of a version without one to the name of its file."""
        if self._document is None:
            return
        for row in chunk.inserts():
            path = self._cell(chunk, row, "PathOnClient")
            if path and not self._cell(chunk, row, "Title"):
                self._set(chunk, row, {"Title": PurePath(path).stem})

    def complete(self, chunk: Chunk, now: str) -> None:
        """Set the document and the derived fields of new versions, which already have ids."""
        if self._sobject.name in _WITH_LENGTH:
            for row in chunk.inserts():
                content = _decoded(self._cell(chunk, row, "Body"))
                self._set(chunk, row, {"BodyLength": len(content)})
        if self._document is None:
            return
        rows_of: dict[str, list[int]] = {}
        for row in chunk.inserts():
            facts = self._facts(chunk, row)
            document_id = self._cell(chunk, row, "ContentDocumentId")
            if document_id:
                before = rows_of.setdefault(document_id, [])
                number = self._add_version(document_id, chunk.ids[row], facts, now) + len(before)
                facts["VersionNumber"] = str(number)
                for other in before:
                    self._set(chunk, other, {"IsLatest": "false"})
                before.append(row)
            else:
                document_id = self._create_document(self._document, chunk, row, facts, now)
            self._set(chunk, row, {**facts, "ContentDocumentId": document_id})

    def _facts(self, chunk: Chunk, row: int) -> Facts:
        content = _decoded(self._cell(chunk, row, "VersionData"))
        suffix = PurePath(self._cell(chunk, row, "PathOnClient")).suffix.removeprefix(".")
        return {
            "Title": self._cell(chunk, row, "Title"),
            "FileExtension": suffix or None,
            "FileType": _FILE_TYPES.get(suffix.lower(), suffix.upper()),
            "ContentSize": len(content),
            # Object Reference, ContentVersion: Checksum is MD5.
            "Checksum": hashlib.md5(content, usedforsecurity=False).hexdigest(),
            "IsLatest": "true",
            "VersionNumber": "1",
        }

    def _create_document(
        self, document: SObject, chunk: Chunk, row: int, facts: Facts, now: str
    ) -> str:
        """Create the document of a version and its links."""
        owner = self._cell(chunk, row, "OwnerId") or self._parts.user_id
        record = {name: facts[name] for name in _SHOWN}
        record |= {"OwnerId": owner, "LatestPublishedVersionId": chunk.ids[row]}
        (document_id,) = insert_own(
            self._parts, document, [record | {"PublishStatus": "R", "IsArchived": "false"}], now
        )
        place = self._cell(chunk, row, "FirstPublishLocationId")
        # Object Reference, ContentDocumentLink: I is inferred permission, V is viewer.
        self._link(document_id, {owner: "I"} | ({place: "V"} if place else {}), now)
        return document_id

    def _link(self, document_id: str, shares: dict[str, str], now: str) -> None:
        sobject = self._parts.schema.sobject(_LINK)
        if sobject is None:
            return
        links: list[Facts] = [
            {
                "ContentDocumentId": document_id,
                "LinkedEntityId": entity,
                "ShareType": share,
                "Visibility": "AllUsers",
            }
            for entity, share in shares.items()
        ]
        insert_own(self._parts, sobject, links, now)

    def _add_version(self, document_id: str, version_id: str | None, facts: Facts, now: str) -> int:
        """Make a version the latest of a document; return the number after its stored versions."""
        store = self._parts.store
        of_it = 'WHERE "ContentDocumentId" = ?'
        versions = store.execute(f'SELECT count(*) FROM "{_VERSION}" {of_it}', [document_id])
        store.execute(f'UPDATE "{_VERSION}" SET "IsLatest" = \'false\' {of_it}', [document_id])
        stamps = dict.fromkeys(("LastModifiedDate", "SystemModstamp"), now)
        moved = {name: facts[name] for name in _SHOWN} | stamps
        moved["LatestPublishedVersionId"] = version_id
        store.execute(
            f'UPDATE "{_DOCUMENT}" SET {", ".join(f"{name} = ?" for name in moved)} WHERE Id = ?',
            [*moved.values(), document_id],
        )
        return int(versions[0][0] or 0) + 1

    def _cell(self, chunk: Chunk, row: int, name: str) -> str:
        field = self._sobject.field(name)
        cell = chunk.columns[field][row] if field in chunk.columns else None
        return "" if cell is None or cell is UNSET else str(cell)

    def _set(self, chunk: Chunk, row: int, facts: Facts) -> None:
        for name, value in facts.items():
            if field := self._sobject.field(name):
                chunk.columns.setdefault(field, [UNSET] * chunk.size)[row] = value


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content)
    # There is no source for an error: invalid base64 is an empty file.
    except binascii.Error:
        return b""
