"""Fixtures of the loops over faults, and the table of what became of all their runs."""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.faults import table
from tests.faults.harness import Harness
from tests.faults.rewriting import Rewriting
from tests.faults.tally import Tally
from tests.faults.tap_trouble import OLD, Reader
from tests.tap.conftest import HandSetClock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.tap_trouble import NewReader

TALLY = pytest.StashKey[Tally]()
BEGAN = pytest.StashKey[float]()
SEED = "FAULTS_SEED"
TABLE = "FAULTS_TABLE"
"""Where the counts are written; without it, nowhere."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TALLY] = Tally()
    config.stash[BEGAN] = time.monotonic()
    # Workers of xdist have the environment of the process that starts them.
    os.environ.setdefault(SEED, str(random.randrange(1_000_000)))  # noqa: S311 - it only chooses which tests run


def pytest_report_header() -> str:
    return f"faults by chance: {SEED}={os.environ[SEED]}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = session.config.stash[TALLY].rows


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[TALLY].add(getattr(node, "workeroutput", {}).get("faults", []))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    rows = config.stash[TALLY].rows
    if not rows:
        return
    seed = os.environ[SEED]
    terminalreporter.section(f"runs with faults ({SEED}={seed})")
    for by in (table.FAULT, table.FLOW):
        terminalreporter.write_line("\n".join(table.lines(rows, by)))
    place = os.environ.get(TABLE)
    if place is None:
        return
    measured = table.document(
        rows,
        date=datetime.now(timezone.utc).date().isoformat(),  # noqa: TID251 - the real day goes into the table
        seed=seed,
        seconds=time.monotonic() - config.stash[BEGAN],
    )
    Path(place).parent.mkdir(exist_ok=True)
    Path(place).write_text(json.dumps(measured), "utf-8")


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[TALLY]


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Of each test its own, from the seed that the last table names."""
    return random.Random(f"{os.environ[SEED]} {request.node.nodeid}")  # noqa: S311 - a seed makes it repeatable


@pytest.fixture(scope="package")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Sandbox, Path]]:
    """An org, and the database of its rows."""
    folder = tmp_path_factory.mktemp("org")
    with ExitStack() as stack:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(folder))
            sandbox = stack.enter_context(Sandbox(sample=False))
        (database,) = folder.rglob("org.sqlite")
        yield sandbox, database


@pytest.fixture
def harness(running_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Harness:
    return Harness(running_sandbox, monkeypatch)


@pytest.fixture(scope="package")
def hand_clock() -> HandSetClock:
    return HandSetClock()


@pytest.fixture(scope="package")
def timed_proxy(hand_clock: HandSetClock) -> Iterator[Rewriting]:
    with Sandbox(sample=False, clock=hand_clock) as sandbox, Rewriting(sandbox) as proxy:
        yield proxy


@pytest.fixture
def new_reader(timed_proxy: Rewriting, hand_clock: HandSetClock, tmp_path: Path) -> NewReader:
    hand_clock.reset()
    timed_proxy.edits.clear()
    control = timed_proxy.sandbox.control
    control.jobs_at_once()
    control.reset()
    control.set_page_rows(4)
    control.seed({"Account": OLD})

    def new(**settings: Any) -> Reader:
        return Reader(timed_proxy, hand_clock, tmp_path, **settings)

    return new
