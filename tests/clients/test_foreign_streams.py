"""The Singer files by which target-postgres is tested, each stream mapped by its exact name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.clients.installed import python_client
from tests.target.foreign_streams import assert_loads_by_exact_names, org_for
from tests.target.support import Org

if TYPE_CHECKING:
    from pathlib import Path

PLACE = "lib/python3*/site-packages/target_postgres/tests/data_files/*.singer"


def test_each_record_of_its_streams_is_loaded_or_rejected(tmp_path: Path) -> None:
    installed = python_client("meltanolabs-target-postgres").parent
    files = {path.name: path.read_bytes() for path in sorted(installed.glob(PLACE))}
    assert len(files) >= 38
    with org_for(files, tmp_path) as sandbox:
        for name, data in files.items():
            folder = tmp_path / name
            folder.mkdir()
            assert_loads_by_exact_names(name, data, Org(sandbox, folder))
