"""An org of 40 generated objects, read by the real command and compared row for row with SQLite."""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import sign_in, tap
from tests.e2e.generated_org import GeneratedOrg, as_source, read_records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = 20261127
OBJECTS = 40


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GeneratedOrg]:
    made = GeneratedOrg(tmp_path_factory.mktemp("org"), SEED, OBJECTS)
    with closing(made.source):
        yield made


def check(made: GeneratedOrg, lines: bytes) -> None:
    records = read_records(lines.splitlines())
    for name in made.names:
        found = [as_source(record, made.columns[name]) for record in records.get(name, [])]
        # Outside assert: pytest would explain a difference of thousands of rows for minutes.
        is_same = sorted(found, key=lambda row: row[0] or "") == made.rows(name)
        assert is_same, f"{name}, seed {SEED}: {len(found)} rows, {len(made.rows(name))} expected"
    assert set(records) <= set(made.names)


def config(made: GeneratedOrg, sandbox: Sandbox, **settings: Any) -> dict[str, Any]:
    return {**sign_in(sandbox), "streams_to_discover": made.names, **settings}


# What only this API is asked for.
PATHS = {
    "BULK2": r"/jobs/query",
    "REST": r"/v[0-9.]+/query(All)?(/|$)",
    "BULK": r"/services/async/",
}


@pytest.mark.slow
@pytest.mark.parametrize("api", PATHS)
def test_each_row_of_forty_objects_comes_once_by_each_api(
    made: GeneratedOrg, tmp_path: Path, api: str
) -> None:
    with Sandbox(sample=False, data=made.data, describe=made.describes) as sandbox:
        lines = tap(config(made, sandbox, api_type=api), tmp_path)
        paths = [call.path for call in sandbox.requests]
    used = {each for each, form in PATHS.items() if any(re.search(form, path) for path in paths)}
    assert used == {api}
    check(made, lines)


@pytest.mark.slow
def test_each_row_of_forty_objects_comes_once_while_sessions_end(
    made: GeneratedOrg, tmp_path: Path
) -> None:
    with Sandbox(sample=False, data=made.data, describe=made.describes) as sandbox:
        # Far enough apart: those that are under way when a session ends are sent once more.
        for request in (20, 80):
            sandbox.control.add_fault(kind="expired_session", path="*/data/v*", skip=request)
        lines = tap(config(made, sandbox), tmp_path)
        refused = [call for call in sandbox.requests if call.status == 401]
        signed_in = sum(call.path.endswith("/token") for call in sandbox.requests)
        assert sandbox.control.faults == []
    assert len(refused) >= 2
    assert signed_in >= 3
    check(made, lines)
