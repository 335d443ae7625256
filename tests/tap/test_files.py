"""The contents of files are put into a folder, and a stream tells where they are."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.errors import DataError
from sfbulk_sandbox import Sandbox
from tap_sfbulk.contents import Contents
from tap_sfbulk.files import file_sources
from tap_sfbulk.settings import StreamOptions
from tests.e2e.commands import sign_in
from tests.tap.conftest import TapCommand

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.tap.conftest import Run

CONTENTS = {
    "report.PDF": bytes(range(256)) * 4000,
    "page.html": b"<html>written by somebody</html>",
    "no suffix": "Zürich\r\n".encode(),
    "odd.../../x": b"x",
}
STREAM = "ContentVersion_files"


def encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


@pytest.fixture
def org() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        for name, content in CONTENTS.items():
            values = {"PathOnClient": name, "Title": name, "VersionData": encoded(content)}
            sandbox.org.save_record("insert", "ContentVersion", values)
        yield sandbox


@pytest.fixture
def tap(org: Sandbox, tmp_path: Path) -> TapCommand:
    command = TapCommand(org, tmp_path)
    (tmp_path / "files").mkdir()
    command.config |= {
        "streams_to_discover": ["ContentVersion"],
        "files_dir": str(tmp_path / "files"),
    }
    return command


def whole(tap: TapCommand, *streams: str) -> dict[str, Any]:
    """A catalog of these streams alone, read as whole tables."""
    entries = [each for name, each in tap.discover().items() if name in streams]
    for entry in entries:
        entry["replication_method"] = "FULL_TABLE"
    return {"streams": entries}


def downloads(org: Sandbox) -> list[str]:
    """The ids of the records whose contents were downloaded."""
    paths = [r.path for r in org.requests if r.path.endswith(("/VersionData", "/Body"))]
    return [path.split("/")[-2] for path in paths]


def by_name(run: Run, stream: str = STREAM) -> dict[str, dict[str, Any]]:
    return {record["file_name"]: record for record in run.records(stream)}


def test_each_record_tells_where_its_content_is_and_what_it_is(
    org: Sandbox, tap: TapCommand, tmp_path: Path
) -> None:
    run = tap(catalog=whole(tap, STREAM))
    assert run.code == 0, run.log
    found = by_name(run)
    assert set(found) == set(CONTENTS)
    for name, content in CONTENTS.items():
        record = found[name]
        assert set(record) == set(run.schemas[STREAM]["properties"])
        assert (tmp_path / "files" / record["path"]).read_bytes() == content
        assert record["size"] == len(content)
        assert record["md5"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
        assert record["sha256"] == hashlib.sha256(content).hexdigest()
        suffix = {"report.PDF": ".pdf", "page.html": ".html"}.get(name, "")
        assert record["path"] == f"ContentVersion/{record['Id']}{suffix}"
        assert record["SystemModstamp"]
    assert len(downloads(org)) == len(CONTENTS)
    on_disk = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert len(on_disk) == len(CONTENTS)


def test_a_content_that_is_there_already_is_not_downloaded_again(
    org: Sandbox, tap: TapCommand, tmp_path: Path
) -> None:
    catalog = whole(tap, STREAM)
    first = tap(catalog=catalog)
    broken = tmp_path / "files" / by_name(first)["page.html"]["path"]
    broken.write_bytes(broken.read_bytes().replace(b"somebody", b"some0ne!"))
    second = tap(catalog=catalog)
    assert by_name(second) == by_name(first)
    assert downloads(org)[len(CONTENTS) :] == [broken.stem]
    assert broken.read_bytes() == CONTENTS["page.html"]


def test_the_rows_of_the_object_have_no_content_and_cost_no_download(
    org: Sandbox, tap: TapCommand
) -> None:
    run = tap(catalog=whole(tap, "ContentVersion"))
    assert run.code == 0, run.log
    assert len(run.records("ContentVersion")) == len(CONTENTS)
    assert "VersionData" not in run.records("ContentVersion")[0]
    assert downloads(org) == []


def test_without_the_setting_there_is_no_stream_of_files(tap: TapCommand) -> None:
    assert list(tap.discover(files_dir=None)) == ["ContentVersion"]
    assert list(tap.discover()) == ["ContentVersion", STREAM]


def test_a_content_that_cannot_be_downloaded_fails_its_stream_and_names_the_record(
    org: Sandbox, tap: TapCommand, tmp_path: Path
) -> None:
    org.control.add_fault(
        kind="answer", path="*/VersionData", skip=2, status=403, body=[{"errorCode": "NO_ACCESS"}]
    )
    run = tap(catalog=whole(tap, "ContentVersion", STREAM))
    assert run.code == 1
    assert STREAM in run.reason
    assert "Download VersionData of ContentVersion 068" in run.reason
    assert len(run.records("ContentVersion")) == len(CONTENTS)
    assert not list((tmp_path / "files").rglob("*.part"))


def test_a_content_of_another_checksum_is_requested_again(org: Sandbox, tap: TapCommand) -> None:
    length = len(CONTENTS["page.html"])
    found = by_name(tap(catalog=whole(tap, STREAM)))["page.html"]
    # The file of the first run is gone, and the next answer is damaged.
    (tap.folder / "files" / found["path"]).unlink()
    org.control.add_fault(
        kind="answer", path=f"*/{found['Id']}/VersionData", status=200, body="?" * length
    )
    before = downloads(org).count(found["Id"])
    run = tap(catalog=whole(tap, STREAM))
    assert run.code == 0, run.log
    assert org.control.faults == []
    assert downloads(org).count(found["Id"]) == before + 2
    assert (tap.folder / "files" / found["path"]).read_bytes() == CONTENTS["page.html"]


def test_a_connection_test_downloads_nothing(org: Sandbox, tap: TapCommand, tmp_path: Path) -> None:
    run = tap("--test")
    assert run.code == 0, run.log
    assert downloads(org) == []
    assert list((tmp_path / "files").iterdir()) == []


def test_attachments_have_files_of_their_names_and_an_empty_one_has_none(
    org: Sandbox, tmp_path: Path
) -> None:
    owner = org.org.save_record("insert", "Account", {"Name": "Owner"})
    made = {}
    for name, content in {"a.txt": b"text", "empty": b""}.items():
        values = {"Name": name, "ParentId": owner.id, "Body": encoded(content)}
        made[name] = org.org.save_record("insert", "Attachment", values).id
    with Salesforce.from_settings(sign_in(org)) as salesforce:
        described = [salesforce.describe("Attachment")]
        options = {"Attachment_files": StreamOptions.parse({}, {})}
        (source,) = file_sources({"Attachment_files": "Attachment"}, described, options)
        contents = Contents(salesforce, "Attachment", tmp_path)
        rows = [{"Id": made["a.txt"], "file_name": "a.txt", "size": "4"}]
        rows.append({"Id": made["empty"], "file_name": "empty", "size": "0"})
        text, empty = contents.fetch(rows)
    assert {field.name: field.column and field.column.source for field in source.fields} == {
        "Id": "Id",
        "SystemModstamp": "SystemModstamp",
        "file_name": "Name",
        "content_type": "ContentType",
        "size": "BodyLength",
        # The Id stands for what only the content says.
        "path": "Id",
        "md5": "Id",
        "sha256": "Id",
    }
    assert text is not None
    assert text.path == f"Attachment/{made['a.txt']}.txt"
    assert (tmp_path / text.path).read_bytes() == b"text"
    assert empty is None


def test_documents_have_files_of_their_types_and_a_link_has_none(
    org: Sandbox, tap: TapCommand, tmp_path: Path
) -> None:
    values = {"Name": "All", "DeveloperName": "All", "Type": "Document", "AccessType": "Public"}
    folder = org.org.save_record("insert", "Folder", values)
    made = {}
    for name, content in {"Terms": b"terms \x00\xff", "Link": b""}.items():
        values = {
            "Name": name,
            "DeveloperName": name,
            "Type": "PDF",
            "ContentType": "application/pdf",
        }
        values |= {"FolderId": folder.id or "", "Body": encoded(content)}
        made[name] = org.org.save_record("insert", "Document", values).id
    tap.config["streams_to_discover"] = ["Document"]
    run = tap(catalog=whole(tap, "Document", "Document_files"))
    assert run.code == 0, run.log
    assert len(run.records("Document")) == len(made)
    assert all("Body" not in record for record in run.records("Document"))
    records = by_name(run, "Document_files")
    terms, link = records["Terms"], records["Link"]
    assert terms["path"] == f"Document/{made['Terms']}.pdf"
    assert (tmp_path / "files" / terms["path"]).read_bytes() == b"terms \x00\xff"
    assert (terms["size"], terms["extension"]) == (8, "PDF")
    assert terms["content_type"] == "application/pdf"
    assert terms["sha256"] == hashlib.sha256(b"terms \x00\xff").hexdigest()
    assert terms["md5"] == hashlib.md5(b"terms \x00\xff", usedforsecurity=False).hexdigest()
    assert (link["path"], link["md5"], link["sha256"]) == (None, None, None)
    assert downloads(org) == [made["Terms"]]


def test_attachments_are_downloaded_by_the_command_though_they_have_no_checksum(
    org: Sandbox, tap: TapCommand, tmp_path: Path
) -> None:
    owner = org.org.save_record("insert", "Account", {"Name": "Owner"})
    values = {"Name": "a.txt", "ParentId": owner.id, "Body": encoded(b"text")}
    made = org.org.save_record("insert", "Attachment", values)
    tap.config["streams_to_discover"] = ["Attachment"]
    # Bulk API refuses it.
    run = tap(catalog=whole(tap, "Attachment_files"), api_type="auto")
    assert run.code == 0, run.log
    (record,) = run.records("Attachment_files")
    assert record["path"] == f"Attachment/{made.id}.txt"
    assert (tmp_path / "files" / record["path"]).read_bytes() == b"text"
    assert record["md5"] == hashlib.md5(b"text", usedforsecurity=False).hexdigest()


@pytest.mark.parametrize(
    "given", ["../../../etc/passwd", "/etc/passwd", "068x", "", "068\0" + "x" * 12]
)
def test_an_id_that_is_not_one_leads_nowhere(org: Sandbox, tmp_path: Path, given: str) -> None:
    (tmp_path / "files").mkdir()
    with Salesforce.from_settings(sign_in(org)) as salesforce:
        contents = Contents(salesforce, "ContentVersion", tmp_path / "files")
        with pytest.raises(DataError, match="an Id that is not one"):
            contents.fetch([{"Id": given, "size": "3"}])
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert downloads(org) == []


def test_a_folder_that_does_not_exist_is_named_before_any_request(
    org: Sandbox, tap: TapCommand
) -> None:
    run = tap(files_dir="/no/such/folder")
    assert run.code == 1
    assert "files_dir: there is no folder /no/such/folder" in run.reason
    assert org.requests == []
