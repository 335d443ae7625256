"""What users read with the tap's command, each with the rows that must come out.

To add a flow, put a `TapFlow` into `FLOWS`; the loops of `test_commands.py` do the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Row = dict[str, "str | int | None"]
NUMBERS = ("AnnualRevenue", "NumberOfEmployees")


def account(
    number: int, stamp: str, revenue: int | None = None, employees: int | None = None
) -> Row:
    return {
        "Id": f"00100000000000{number}AAA",
        "Name": f"Account {number}",
        "AnnualRevenue": revenue,
        "NumberOfEmployees": employees,
        "SystemModstamp": stamp,
    }


def contact(number: int, stamp: str) -> Row:
    record_id = f"00300000000000{number}AAA"
    return {"Id": record_id, "LastName": f"Contact {number}", "SystemModstamp": stamp}


EARLIER_END, END = "2026-01-02T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
BEFORE = [account(1, "2026-01-01T23:59:59.000Z", 1)]
WINDOW = [
    account(2, "2026-01-02T00:00:00.000Z", 123456789012345678, 47),
    account(3, "2026-01-03T00:00:00.000Z", 0),
    account(4, "2026-01-31T00:00:00.000Z", employees=0),
    account(5, "2026-01-31T23:59:59.000Z"),
]
LATER = [account(6, "2026-02-01T00:00:00.000Z"), account(7, "2026-03-01T00:00:00.000Z")]
ACCOUNTS = [*BEFORE, *WINDOW, *LATER]
CONTACTS = [contact(1, "2026-01-01T00:00:00.000Z"), contact(2, "2026-03-01T00:00:00.000Z")]


@dataclass(frozen=True)
class TapFlow:
    """One read, and the read after it."""

    name: str
    rows: dict[str, list[Row]]
    """What must come out, by stream."""
    rows_after: dict[str, list[Row]]
    """What comes out of a next run when this one was complete."""
    rows_after_all: dict[str, list[Row]]
    """What comes out of a next run when this one gave nothing, or not all."""
    method: str
    page_rows: int
    state: dict[str, Any] = field(default_factory=dict)
    """What the run begins with."""
    settings: dict[str, Any] = field(default_factory=dict)
    """Of this run only, not of the next one."""
    quick: bool = True
    """Whether it runs, with the quick faults, with every test run."""

    @property
    def fails_with_its_job(self) -> bool:
        """Whether a job that ends early fails it: REST has no job, and a chunk is queried again."""
        return "api_type" not in self.settings

    @property
    def catalog(self) -> dict[str, Any]:
        """The catalog of its streams."""
        return {"streams": [self._entry(stream, rows[0]) for stream, rows in self.rows.items()]}

    def _entry(self, stream: str, row: Row) -> dict[str, Any]:
        return {
            "tap_stream_id": stream,
            "replication_method": self.method,
            "replication_key": "SystemModstamp",
            "key_properties": ["Id"],
            "schema": {
                "properties": {
                    name: {"type": ["number" if name in NUMBERS else "string", "null"]}
                    for name in row
                }
            },
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        }

    def __str__(self) -> str:
        return f"tap: {self.name}"


def bookmark(end: str) -> dict[str, Any]:
    return {"bookmarks": {"Account": {"replication_key": "SystemModstamp", "window_end": end}}}


FLOWS = [
    TapFlow(
        "incremental",
        rows={"Account": WINDOW},
        rows_after={"Account": LATER},
        rows_after_all={"Account": [*WINDOW, *LATER]},
        method="INCREMENTAL",
        page_rows=2,
        state=bookmark(EARLIER_END),
        settings={"end_date": END},
    ),
    TapFlow(
        "full table",
        rows={"Account": ACCOUNTS},
        rows_after={"Account": ACCOUNTS},
        rows_after_all={"Account": ACCOUNTS},
        method="FULL_TABLE",
        page_rows=4,
    ),
    TapFlow(
        "full table by REST",
        rows={"Account": ACCOUNTS},
        rows_after={"Account": ACCOUNTS},
        rows_after_all={"Account": ACCOUNTS},
        method="FULL_TABLE",
        page_rows=4,
        settings={"api_type": "REST"},
        quick=False,
    ),
    TapFlow(
        "full table by the choice of the tap",
        rows={"Account": ACCOUNTS},
        rows_after={"Account": ACCOUNTS},
        rows_after_all={"Account": ACCOUNTS},
        method="FULL_TABLE",
        page_rows=4,
        settings={"api_type": "auto"},
        quick=False,
    ),
    TapFlow(
        "full table by chunks of Bulk API 1.0",
        rows={"Account": ACCOUNTS},
        rows_after={"Account": ACCOUNTS},
        rows_after_all={"Account": ACCOUNTS},
        method="FULL_TABLE",
        page_rows=4,
        settings={"api_type": "BULK", "chunk_size": 3},
        quick=False,
    ),
    TapFlow(
        "full tables of two objects",
        rows={"Account": ACCOUNTS, "Contact": CONTACTS},
        rows_after={"Account": ACCOUNTS, "Contact": CONTACTS},
        rows_after_all={"Account": ACCOUNTS, "Contact": CONTACTS},
        method="FULL_TABLE",
        page_rows=4,
        quick=False,
    ),
]
