"""The Singer files of the SDK's target suite, each stream mapped by its exact name."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

import pytest
from singer_sdk.testing import target_test_streams

from tests.target.foreign_streams import assert_loads_by_exact_names, org_for, read
from tests.target.support import Org

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

FILES = {
    path.name: path.read_bytes()
    for path in resources.files(target_test_streams).iterdir()
    if path.name.endswith(".singer")
}


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with org_for(FILES, tmp_path_factory.mktemp("org")) as sandbox:
        yield sandbox


@pytest.mark.parametrize("file", sorted(FILES))
def test_each_record_of_the_sdks_streams_is_loaded_or_rejected_by_exact_names(
    sandbox: Sandbox, tmp_path: Path, file: str
) -> None:
    assert_loads_by_exact_names(file, FILES[file], Org(sandbox, tmp_path))


def test_the_reading_knows_records_of_each_fate() -> None:
    readings = [read(data) for data in FILES.values()]
    streams = [stream for reading in readings for stream in reading.streams.values()]
    assert len(FILES) >= 20
    assert sum(len(stream.rows) for stream in streams) >= 100
    assert sum(reading.stops_at is not None for reading in readings) >= 3
