"""What a run leaves on disk can only be read by its user, from the first moment."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path

    from tests.target.support import Org

pytestmark = pytest.mark.skipif(os.name != "posix", reason="there are no POSIX modes")

INPUT = (
    schema("Account", "Ext_Id__c", "Name", key="Ext_Id__c"),
    record("Account", Ext_Id__c="A-1", Name="Good"),
    record("Account", Ext_Id__c="A-2", Name=None),
    state(done=1),
)


def modes(folder: Path) -> dict[str, int]:
    """The modes of all in a folder that others could use."""
    found = {str(path.relative_to(folder)): path for path in sorted(folder.rglob("*"))}
    assert len(found) > 1, found
    loose = {}
    for name, path in found.items():
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            loose[name] = mode
    return loose


@pytest.mark.parametrize(
    "settings",
    [
        {"operation": "upsert", "write_results": True},
        {"operation": "mirror", "delete_cap": "100%"},
        {"operation": "upsert", "dry_run": True},
    ],
)
def test_only_the_user_can_read_what_a_run_leaves(org: Org, settings: dict[str, object]) -> None:
    output = org.folder / "new" / "output"
    run = org.load(
        *INPUT, external_id="Ext_Id__c", max_rejects=1, output_dir=str(output), **settings
    )
    assert run.code == 0, run.log
    assert stat.S_IMODE(output.stat().st_mode) == 0o700
    assert modes(output) == {}


def test_only_the_user_can_read_what_a_killed_run_leaves(org: Org) -> None:
    spool = org.folder / "spool"
    spool.mkdir()
    config = org.config(spool_dir=str(spool), operation="insert")
    ended = forked("target-sfbulk").run_line(
        org.folder,
        ["--config", str(config)],
        stdin=as_lines(INPUT),
        kill=Kill(before="sfbulk.bulk2.ingest:IngestJob.upload"),
    )
    assert ended.code == -9, ended.log
    left = [
        path for path in [*spool.rglob("*"), *(org.folder / "output").rglob("*")] if path.is_file()
    ]
    assert any(b"Good" in path.read_bytes() for path in left)
    assert modes(org.folder / "output") == {}
    assert modes(spool) == {}


def test_a_file_or_folder_of_the_user_keeps_its_mode(org: Org) -> None:
    output = org.folder / "output"
    output.mkdir(mode=0o755)
    rejects = output / "Account.rejects.jsonl"
    rejects.touch(mode=0o640)
    run = org.load(*INPUT, external_id="Ext_Id__c", max_rejects=1)
    assert run.code == 0, run.log
    assert len(run.rejects("Account")) == 1
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o640
    assert stat.S_IMODE(output.stat().st_mode) == 0o755
    assert set(modes(output)) == {rejects.name}
