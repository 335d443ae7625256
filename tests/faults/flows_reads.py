"""What users read with the tap beside whole objects by Bulk API 2.0, with what must come out.

To add a flow, put a `ReadFlow` into `FLOWS`; the loops of `test_reads.py` do the rest.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

Row = dict[str, Any]

BEGIN, END = "2026-01-02T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
STAMPS = [
    # Before the window, its first moment, within, its last moment, and the first one after it.
    "2026-01-01T23:59:59.000Z",
    BEGIN,
    "2026-01-09T10:00:00.000Z",
    "2026-01-17T10:00:00.000Z",
    "2026-01-25T10:00:00.000Z",
    "2026-01-31T23:59:59.000Z",
    END,
]
INCREMENTAL, FULL_TABLE = "INCREMENTAL", "FULL_TABLE"


def rows_of(prefix: str, name: str, **more: Any) -> list[Row]:
    """One row for each stamp."""
    return [
        {
            "Id": f"{prefix}00000000000{number}AAA",
            name: f"{name} {prefix} {number}",
            **{key: value(number) for key, value in more.items()},
            "SystemModstamp": stamp,
        }
        for number, stamp in enumerate(STAMPS, 1)
    ]


def in_window(rows: list[Row]) -> list[Row]:
    return [row for row in rows if BEGIN <= row["SystemModstamp"] < END]


def without(rows: list[Row], *names: str) -> list[Row]:
    return [{name: row[name] for name in row if name not in names} for row in rows]


@dataclass(frozen=True)
class ReadFlow:
    """One read of some streams; it ends at the same moment however often it is run."""

    name: str
    org: Mapping[str, list[Row]]
    """The rows of the org by object; cells are as in CSV, numbers of rows are JSON's."""
    wanted: Mapping[str, list[Row]]
    """The records that must come out, by stream. A formula refresh has rows of its own."""
    possible: Mapping[str, list[Row]] = field(default_factory=dict)
    """Records that may come out too, of a run that goes on after another one."""
    method: str = INCREMENTAL
    settings: Mapping[str, Any] = field(default_factory=dict)
    folders: Mapping[str, str] = field(default_factory=dict)
    """Settings that name a folder, with the name of the folder."""
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """`stream_options`."""
    entry: Mapping[str, Any] = field(default_factory=dict)
    """More of each stream's state, before the run."""
    purged: Mapping[str, list[Row]] = field(default_factory=dict)
    """Rows that an earlier run saw, which ended with the state; they are gone before this one."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """What the org refuses at any time."""
    unfit: tuple[str, ...] = ()
    """Names of variants that would take the place of one of these answers."""
    contents: Mapping[str, bytes] = field(default_factory=dict)
    """Of files, by the name of each in the records."""
    used: str = "*/jobs/query/*"
    """A path that must have been called, so that the flow reads in the way it is named for."""
    page_rows: int = 2
    has_jobs: bool = True
    quick: bool = False
    """Whether it runs, with the quick faults, with every test run."""

    @property
    def state(self) -> dict[str, Any]:
        """What the first run begins with."""
        if self.method == FULL_TABLE:
            return {}
        kept = {"replication_key": "SystemModstamp", "window_end": BEGIN, **self.entry}
        return {"bookmarks": {stream: dict(kept) for stream in self.wanted}}

    @property
    def catalog(self) -> dict[str, Any]:
        """The catalog of its streams: with the properties of the first wanted row."""
        return {"streams": [self._stream(name, rows[0]) for name, rows in self.wanted.items()]}

    def _stream(self, name: str, row: Row) -> dict[str, Any]:
        return {
            "tap_stream_id": name,
            "replication_method": self.method,
            "replication_key": "SystemModstamp",
            "key_properties": ["Id"],
            "schema": {"properties": {each: _type_of(value) for each, value in row.items()}},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        }

    def __str__(self) -> str:
        return f"read: {self.name}"


def _type_of(value: Any) -> dict[str, Any]:
    kind = {bool: "boolean", int: "integer", float: "number"}.get(type(value), "string")
    return {"type": [kind, "null"]}


ACCOUNTS = rows_of("001", "Name", NumberOfEmployees=lambda number: number * 1000)
CONTACTS = rows_of("003", "LastName", AccountId=lambda number: ACCOUNTS[number - 1]["Id"])
CAMPAIGNS = rows_of("701", "Name")
TAX = "Amount_With_Tax__c"
INVOICES = rows_of("a00", "Ext_Id__c", **{TAX: lambda number: number + 0.5})
FORMULAS = [{"Id": row["Id"], TAX: row[TAX]} for row in INVOICES if row["SystemModstamp"] < END]
REFRESHED = FORMULAS[:1]
PURGED = [
    {"Id": f"0010000000000{number}AAA", "Name": f"Purged {number}", "SystemModstamp": stamp}
    for number, stamp in ((81, STAMPS[0]), (82, STAMPS[2]))
]
GONE = [
    *({**row, "_sdc_deleted_at": None} for row in in_window(ACCOUNTS)),
    *({"Id": row["Id"], "_sdc_deleted_at": END} for row in PURGED),
]
COVERED = "2026-01-25T00:00:00.000Z"
LOG = {
    "deletedRecords": [
        {"id": row["Id"], "deletedDate": END.replace("Z", "+0000")} for row in PURGED
    ],
    "earliestDateAvailable": COVERED.replace("Z", "+0000"),
    "latestDateCovered": END.replace("Z", "+0000"),
}
NAMED = [
    {
        "Id": row["Id"],
        "LastName": row["LastName"],
        "Account_Name": ACCOUNTS[number]["Name"],
        "SystemModstamp": row["SystemModstamp"],
    }
    for number, row in enumerate(CONTACTS)
]
CONTENTS = {f"file {number}.txt": f"content {number}\r\n".encode() * number for number in (1, 2, 3)}


def versions() -> list[Row]:
    """Rows of ContentVersion."""
    return [
        {
            "Id": f"06800000000000{number}AAA",
            "Title": name,
            "PathOnClient": name,
            "FileExtension": "txt",
            "ContentSize": len(content),
            "Checksum": _md5(content),
            "VersionData": base64.b64encode(content).decode(),
            "SystemModstamp": STAMPS[number],
        }
        for number, (name, content) in enumerate(CONTENTS.items(), 1)
    ]


def places() -> list[Row]:
    """Records of ContentVersion_files."""
    return [
        {
            "Id": row["Id"],
            "SystemModstamp": row["SystemModstamp"],
            "file_name": row["PathOnClient"],
            "extension": "txt",
            "size": row["ContentSize"],
            "md5": row["Checksum"],
            "path": f"ContentVersion/{row['Id']}.txt",
            "sha256": hashlib.sha256(CONTENTS[row["PathOnClient"]]).hexdigest(),
        }
        for row in versions()
    ]


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


THREE: dict[str, list[Row]] = {"Account": ACCOUNTS, "Contact": CONTACTS, "Campaign": CAMPAIGNS}
WINDOWS = {name: in_window(rows) for name, rows in THREE.items()}
ONE = {"Account": in_window(ACCOUNTS)}

FLOWS = [
    ReadFlow("streams with jobs ahead", THREE, WINDOWS, settings={"max_jobs_ahead": 2}, quick=True),
    ReadFlow(
        "whole tables with versions",
        {"Account": ACCOUNTS, "Campaign": CAMPAIGNS},
        {"Account": ACCOUNTS, "Campaign": CAMPAIGNS},
        method=FULL_TABLE,
        settings={"emit_activate_version_messages": True},
    ),
    ReadFlow(
        "a custom query",
        {"Account": ACCOUNTS, "Contact": CONTACTS},
        {"Contact": in_window(CONTACTS), "named": in_window(NAMED)},
        settings={
            "queries": [
                {
                    "name": "named",
                    "soql": "SELECT Id, LastName, Account.Name, SystemModstamp FROM Contact",
                    "replication_key": "SystemModstamp",
                }
            ]
        },
    ),
    ReadFlow(
        "by REST",
        {"Account": ACCOUNTS, "Contact": CONTACTS},
        {name: WINDOWS[name] for name in ("Account", "Contact")},
        settings={"api_type": "REST"},
        used="*/queryAll",
        page_rows=2_000,
        has_jobs=False,
    ),
    ReadFlow(
        "an object that Bulk API refuses",
        {"Account": ACCOUNTS},
        ONE,
        settings={"api_type": "auto"},
        faults=(
            {"kind": "answer", "path": "*/limits/recordCount", "status": 403, "times": None},
            {
                "kind": "answer",
                "method": "POST",
                "path": "*/jobs/query",
                "status": 400,
                "body": [
                    {
                        "errorCode": "INVALIDENTITY",
                        "message": "Entity 'Account' is not supported by the Bulk API.",
                    }
                ],
                "times": None,
            },
        ),
        used="*/queryAll",
        page_rows=2_000,
        has_jobs=False,
    ),
    ReadFlow(
        "chunks of Bulk API 1.0",
        {"Account": ACCOUNTS},
        ONE,
        settings={"api_type": "BULK", "chunk_size": 3},
        used="/services/async/*",
        page_rows=3,
    ),
    ReadFlow(
        "windows that are halved",
        {"Account": ACCOUNTS},
        ONE,
        faults=(
            {
                "kind": "job_failed",
                "over_rows": 2,
                "message": "InternalServerError : Retried more than fifteen times",
                "times": None,
            },
        ),
    ),
    ReadFlow(
        "formulas of unchanged rows",
        {"Invoice__c": INVOICES},
        {"Invoice__c": [*in_window(INVOICES), *REFRESHED]},
        possible={"Invoice__c": FORMULAS},
        options={"Invoice__c": {"refresh_formulas": 1}},
        entry={"formulas_refreshed": "2026-01-01T00:00:00.000Z"},
    ),
    ReadFlow(
        "rows that are gone by their ids",
        {"Account": ACCOUNTS},
        {"Account": GONE},
        options={"Account": {"hard_deletes": "sweep"}},
        entry={"ids_swept": BEGIN, "deletes_covered": BEGIN},
        purged={"Account": PURGED},
        folders={"ids_dir": "ids"},
        page_rows=4,
    ),
    ReadFlow(
        "rows that are gone by Salesforce's log",
        {"Account": ACCOUNTS},
        {"Account": GONE},
        options={"Account": {"hard_deletes": "recent"}},
        entry={"deletes_covered": COVERED},
        faults=(
            {"kind": "answer", "path": "*/deleted", "status": 200, "body": LOG, "times": None},
        ),
        unfit=("delayed",),
        used="*/deleted",
        page_rows=4,
    ),
    ReadFlow(
        "contents of files",
        {"ContentVersion": versions()},
        {"ContentVersion_files": places()},
        settings={"streams_to_discover": ["ContentVersion"]},
        folders={"files_dir": "files"},
        contents=CONTENTS,
        used="*/VersionData",
    ),
    ReadFlow(
        "BATCH files",
        {"Account": ACCOUNTS, "Contact": CONTACTS},
        {name: WINDOWS[name] for name in ("Account", "Contact")},
        settings={
            "batch_config": {
                "encoding": {"format": "jsonl", "compression": "gzip"},
                "storage": {"prefix": "salesforce-"},
                "batch_size": 2,
            }
        },
        folders={"batch_config.storage.root": "batches"},
        page_rows=3,
    ),
]
