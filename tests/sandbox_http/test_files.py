"""Files as clients send them: a form with the bytes, a document for each, links to records."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox_http.front_door import Org, faults_of

if TYPE_CHECKING:
    import requests

# What a form must not change: line ends, NUL, what is no UTF-8, what looks like a boundary.
CONTENT = b"\r\n--x\r\n\x00" + bytes(range(256)) + b"\n\r--\r\n"


def form(
    org: Org, path: str, fields: Any, file: tuple[str, bytes], method: str = "POST"
) -> requests.Response:
    """Send a record as the Salesforce CLI does."""
    name, content = file
    parts = {
        name: ("hi.txt", content),
        "entity_content": (None, json.dumps(fields), "application/json"),
    }
    return org.call(method, path, files=parts)


def records(org: Org, soql: str) -> list[dict[str, Any]]:
    found = org.json("GET", "/query", params={"q": soql})["records"]
    return [{key: one[key] for key in one if key != "attributes"} for one in found]


def version(org: Org, version_id: str, *fields: str) -> dict[str, Any]:
    (record,) = records(
        org,
        f"SELECT {', '.join(fields)} FROM ContentVersion WHERE Id = '{version_id}'",  # noqa: S608 - SOQL
    )
    return record


def test_a_form_makes_a_version_and_its_document(org: Org) -> None:
    fields = {"PathOnClient": "folder/hi.txt"}
    answer = form(org, "/sobjects/ContentVersion", fields, ("VersionData", CONTENT))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert made == {"id": made["id"], "success": True, "errors": []}
    record = version(
        org,
        made["id"],
        *("ContentDocumentId", "Title", "FileExtension", "FileType", "ContentSize", "Checksum"),
        *("IsLatest", "VersionNumber", "ContentLocation"),
    )
    document_id = record.pop("ContentDocumentId")
    assert (made["id"][:3], document_id[:3]) == ("068", "069")
    assert record == {
        "Title": "hi",
        "FileExtension": "txt",
        "FileType": "TEXT",
        "ContentSize": len(CONTENT),
        "Checksum": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
        "IsLatest": True,
        "VersionNumber": "1",
        "ContentLocation": "S",
    }
    data = org.get(f"/sobjects/ContentVersion/{made['id']}/VersionData")
    assert data.content == CONTENT
    document = org.json("GET", f"/sobjects/ContentDocument/{document_id}")
    assert document["LatestPublishedVersionId"] == made["id"]
    assert (document["Title"], document["ContentSize"]) == ("hi", len(CONTENT))


@pytest.mark.parametrize("content", [b"", b"\n", b"\r", b"text", b"\xff\xfe"])
def test_a_file_of_a_form_keeps_every_byte(org: Org, content: bytes) -> None:
    fields = {"PathOnClient": "a", "Title": "T"}
    made = form(org, "/sobjects/ContentVersion", fields, ("VersionData", content)).json()
    assert org.get(f"/sobjects/ContentVersion/{made['id']}/VersionData").content == content


def test_json_makes_a_version_as_a_form_does(org: Org) -> None:
    body = {"PathOnClient": "a.PDF", "VersionData": base64.b64encode(b"%PDF").decode()}
    made = org.json("POST", "/sobjects/ContentVersion", json=body)
    record = version(org, made["id"], "Title", "FileType", "ContentSize", "ContentDocumentId")
    assert record.pop("ContentDocumentId").startswith("069")
    assert record == {"Title": "a", "FileType": "PDF", "ContentSize": 4}


def test_a_file_is_linked_to_records(org: Org) -> None:
    account, other = (
        org.json("POST", "/sobjects/Account", json={"Name": name})["id"] for name in "AB"
    )
    fields = {"PathOnClient": "a.txt", "FirstPublishLocationId": other}
    made = form(org, "/sobjects/ContentVersion", fields, ("VersionData", b"x")).json()
    document = version(org, made["id"], "ContentDocumentId")["ContentDocumentId"]
    link = {"ContentDocumentId": document, "LinkedEntityId": account, "ShareType": "V"}
    assert org.json("POST", "/sobjects/ContentDocumentLink", json=link)["id"].startswith("06A")
    soql = (
        "SELECT ShareType, Visibility, ContentDocument.Title FROM ContentDocumentLink "  # noqa: S608 - SOQL
        f"WHERE LinkedEntityId = '{account}' AND ContentDocumentId = '{document}'"
    )
    (found,) = records(org, soql)
    assert (found["ShareType"], found["Visibility"]) == ("V", "AllUsers")
    assert found["ContentDocument"]["Title"] == "a"
    soql = (
        "SELECT LinkedEntityId, ShareType FROM ContentDocumentLink "  # noqa: S608 - SOQL
        f"WHERE ContentDocumentId = '{document}'"
    )
    shares = {one["LinkedEntityId"][:3]: one["ShareType"] for one in records(org, soql)}
    assert shares == {"001": "V", "005": "I"}
    soql = "SELECT Name, (SELECT ShareType FROM ContentDocumentLinks) FROM Account ORDER BY Name"
    assert [one["ContentDocumentLinks"]["totalSize"] for one in records(org, soql)] == [1, 1]
    # A file goes with its document, its links too.
    assert org.call("DELETE", f"/sobjects/ContentDocument/{document}").status_code == 204
    assert records(org, "SELECT Id FROM ContentDocumentLink") == []
    assert records(org, "SELECT Id FROM ContentVersion") == []


def test_a_new_version_of_a_document_is_its_latest(org: Org) -> None:
    first = form(
        org, "/sobjects/ContentVersion", {"PathOnClient": "a.txt"}, ("VersionData", b"1")
    ).json()["id"]
    document = version(org, first, "ContentDocumentId")["ContentDocumentId"]
    body = (
        "ContentDocumentId,PathOnClient,VersionData\n"
        f"{document},b.csv,{base64.b64encode(b'22').decode()}\n"
        f"{document},c.csv,{base64.b64encode(b'333').decode()}\n"
    )
    assert org.load("ContentVersion", "insert", body.encode())["numberRecordsFailed"] == 0
    soql = "SELECT VersionNumber, IsLatest, Title FROM ContentVersion ORDER BY VersionNumber"
    assert [list(one.values()) for one in records(org, soql)] == [
        ["1", False, "a"],
        ["2", False, "b"],
        ["3", True, "c"],
    ]
    record = org.json("GET", f"/sobjects/ContentDocument/{document}")
    assert (record["Title"], record["ContentSize"]) == ("c", 3)
    assert record["LatestPublishedVersionId"] != first
    assert len(records(org, "SELECT Id FROM ContentDocument")) == 1


def test_a_form_makes_and_changes_a_document_of_a_folder(org: Org) -> None:
    folder = {"Name": "F", "AccessType": "Public", "Type": "Document"}
    folder_id = org.json("POST", "/sobjects/Folder", json=folder)["id"]
    fields = {"Name": "a.bin", "FolderId": folder_id}
    made = form(org, "/sobjects/Document", fields, ("Body", b"one")).json()
    path = f"/sobjects/Document/{made['id']}"
    changed = form(org, path, {"Name": "b.bin"}, ("Body", b"two"), "PATCH")
    assert changed.status_code == 204, changed.text
    assert org.get(path + "/Body").content == b"two"
    assert org.json("GET", path)["Name"] == "b.bin"


@pytest.mark.parametrize(
    "parts",
    [
        {"VersionData": ("a.txt", b"x")},
        {"file": ("a.txt", b"x"), "entity_content": (None, "{}", "application/json")},
    ],
)
def test_a_form_has_one_part_of_fields(org: Org, parts: dict[str, Any]) -> None:
    answer = org.call("POST", "/sobjects/ContentVersion", files=parts)
    assert answer.status_code == 400
    ((code, message),) = faults_of(answer)
    assert code == "INVALID_MULTIPART_REQUEST"
    assert message.startswith("Multipart message must include")
    assert records(org, "SELECT Id FROM ContentVersion") == []


def test_a_form_whose_fields_are_no_json_says_so(org: Org) -> None:
    parts = {"VersionData": ("a.txt", b"x"), "entity_content": (None, "{", "application/json")}
    answer = org.call("POST", "/sobjects/ContentVersion", files=parts)
    assert faults_of(answer)[0][0] == "JSON_PARSER_ERROR"
    headers = {"Content-Type": "multipart/form-data"}
    answer = org.call("POST", "/sobjects/ContentVersion", data=b"x", headers=headers)
    assert faults_of(answer)[0][0] == "INVALID_MULTIPART_REQUEST"
