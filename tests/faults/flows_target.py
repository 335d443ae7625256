"""What users do with the target's command, each with the rows the org must hold afterwards.

To add a flow, put a `TargetFlow` into `FLOWS`; the loops of `test_commands.py` do the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.faults.flows import BEFORE, KEYLESS, NAMES, NEW

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.faults.flows import Rows


BULK1 = "/services/async/*"


@dataclass(frozen=True)
class Sent:
    """A record of the input."""

    key: str
    """Of its row in the org: see `OrgRows`."""
    record: Mapping[str, Any]
    row: tuple[str, bool]
    """The row once the record is in."""


@dataclass(frozen=True)
class TargetFlow:
    """One load: a STATE with the number of records before it stands after every second one."""

    name: str
    records: Callable[[Mapping[str, str]], list[Sent]]
    """The input, from Salesforce's ids by external id."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    is_repeatable: bool = True
    """Whether a record that is sent twice is still one row: not so for an insert."""
    done_twice: str | None = None
    """The code of a row that is sent although it is in."""
    replaces: bool = False
    """Whether versions of a record are sent in the place of earlier ones."""
    removes: tuple[str, ...] = ()
    """Keys of rows that lie in the recycle bin afterwards, though no record names them."""
    is_whole: bool = False
    """Whether each run gets the whole input, with one STATE at its end."""
    message: Mapping[str, Any] = field(default_factory=dict)
    """More of each RECORD message."""
    last: tuple[Mapping[str, Any], ...] = ()
    """Messages before the last STATE of a whole input."""
    faults: tuple[Mapping[str, Any], ...] = ()
    """What the org does at any time."""
    used: str = "*/jobs/ingest/*"
    """A path that must have been called, so that the flow loads in the way it is named for."""
    has_journal: bool = True
    """Whether the next run has the output folder of this one, with its journal."""
    quick: bool = True
    """Whether it runs, with the quick faults, with every test run."""

    def after(self, records: list[Sent]) -> Rows:
        """The org's rows when all went well."""
        gone = {key: (NAMES[key], True) for key in self.removes}
        return {**BEFORE, **gone, **{sent.key: sent.row for sent in records}}

    def __str__(self) -> str:
        return f"target: {self.name}"


def insert(_ids: Mapping[str, str]) -> list[Sent]:
    return [Sent(row["Name"], row, (row["Name"], False)) for row in KEYLESS]


def update(ids: Mapping[str, str]) -> list[Sent]:
    return [
        Sent(key, {"Id": ids[key], "Name": f"Changed {key}"}, (f"Changed {key}", False))
        for key in ("E1", "E2", "E3", "E4")
    ]


def upsert(_ids: Mapping[str, str]) -> list[Sent]:
    rows = [*NEW[:3], {"Ext_Id__c": "E1", "Name": "Changed E1"}]
    return [Sent(row["Ext_Id__c"], row, (row["Name"], False)) for row in rows]


def two_versions(_ids: Mapping[str, str]) -> list[Sent]:
    rows = [("E1", "First E1"), ("E1", "Last E1"), ("E2", "First E2"), ("E2", "Last E2")]
    return [Sent(key, {"Ext_Id__c": key, "Name": name}, (name, False)) for key, name in rows]


def many_versions(_ids: Mapping[str, str]) -> list[Sent]:
    """The first ones of each record are sent; then one version is sent in the place of others."""
    names = [(key, f"{key} {n}") for n in range(5) for key in ("E1", "E2")]
    return [Sent(key, {"Ext_Id__c": key, "Name": name}, (name, False)) for key, name in names]


def delete(ids: Mapping[str, str]) -> list[Sent]:
    return [Sent(key, {"Id": ids[key]}, (NAMES[key], True)) for key in ("E1", "E2", "E3", "E4")]


def mirrored(_ids: Mapping[str, str]) -> list[Sent]:
    """A table that lacks rows of the org, with new ones."""
    rows = [*((key, f"Changed {key}") for key in ("E1", "E2", "E3")), ("N1", "New 1")]
    return [Sent(key, {"Ext_Id__c": key, "Name": name}, (name, False)) for key, name in rows]


# Room for two or three rows in a job, so that a run has two jobs, and a STATE before its end.
_SMALL, _LARGER = {"max_job_mb": 0.00006}, {"max_job_mb": 0.00008}
_BY_KEY = {**_SMALL, "operation": "upsert", "external_id": "Ext_Id__c"}
_INSERT = {"max_job_mb": 0.00003, "operation": "insert"}
LOCKED = {"kind": "row_error", "attempts": 3, "times": None}
"""Each row goes in at the fourth attempt, which is one in Serial mode."""

FLOWS = [
    TargetFlow("insert", insert, _INSERT, is_repeatable=False),
    TargetFlow(
        "insert without a journal",
        insert,
        _INSERT,
        is_repeatable=False,
        has_journal=False,
        quick=False,
    ),
    TargetFlow(
        "insert by Bulk API 1.0",
        insert,
        {**_INSERT, "api_type": "BULK"},
        is_repeatable=False,
        used=BULK1,
        quick=False,
    ),
    TargetFlow(
        "insert of locked rows",
        insert,
        {"operation": "insert"},
        is_repeatable=False,
        faults=(LOCKED,),
        used=BULK1,
        quick=False,
    ),
    TargetFlow("update", update, {**_LARGER, "operation": "update"}),
    TargetFlow("upsert", upsert, _BY_KEY),
    TargetFlow(
        "upsert by Bulk API 1.0", upsert, {**_BY_KEY, "api_type": "BULK"}, used=BULK1, quick=False
    ),
    TargetFlow(
        "upsert of locked rows",
        upsert,
        {"operation": "upsert", "external_id": "Ext_Id__c"},
        faults=(LOCKED,),
        used=BULK1,
        quick=False,
    ),
    TargetFlow("upsert two versions", two_versions, _BY_KEY, quick=False),
    TargetFlow(
        "upsert many versions",
        many_versions,
        {**_BY_KEY, "max_job_mb": 0.00012},
        replaces=True,
        quick=False,
    ),
    TargetFlow("delete", delete, {**_SMALL, "operation": "delete"}, done_twice="ENTITY_IS_DELETED"),
    TargetFlow(
        "mirror",
        mirrored,
        {**_SMALL, "operation": "mirror", "external_id": "Ext_Id__c", "delete_cap": 4},
        removes=("E4", "E5", "E6", "E7"),
        is_whole=True,
        message={"version": 1},
        last=({"type": "ACTIVATE_VERSION", "stream": "Account", "version": 1},),
        quick=False,
    ),
]
