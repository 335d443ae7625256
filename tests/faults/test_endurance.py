"""The tap and the target over a long time: what they use does not grow, and no row is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections import Counter
from contextlib import ExitStack
from random import Random
from time import monotonic
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.client.sign_in_settings import client_credentials
from tests.e2e.commands import BIN, write_json
from tests.faults.endurance import FlakyOrg, Sample, growth, sample
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SECONDS = int(os.environ.get("ENDURANCE_SECONDS", "60"))
SEED = int(os.environ.get("ENDURANCE_SEED", "13"))
SAMPLES = 180 if SECONDS >= 1800 else 30
LATENCY = 0.1
MOST_PAGES_A_SECOND = 20
"""The tap does not read the whole table before it is asked to end."""
PAGE_ROWS, JOB_ROWS = 10, 50
ROWS_A_SECOND = 50
"""That the source of the target has."""
MOST_KIB = 12 * 1024
"""Of growth: less than any buffer that is filled twice."""
MOST_THREADS = MOST_HANDLES = 8
"""Those of jobs and connections that come and go."""
MOST_FILES = 40


class Worker:
    """A command as a process, with a temporary folder of its own."""

    def __init__(self, folder: Path, name: str, **files: Any) -> None:
        self.folder = folder
        self.temporary = folder / "temporary"
        self.temporary.mkdir(parents=True)
        self.samples: list[Sample] = []
        self._name = name
        self._files = {key: write_json(folder / f"{key}.json", files[key]) for key in files}

    def start(self, **streams: Any) -> subprocess.Popen[bytes]:
        words = [f"--{key}={path}" for key, path in self._files.items()]
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(
                [BIN / self._name, *words],
                env={**os.environ, "TMPDIR": str(self.temporary)},
                stderr=log,
                **streams,
            )

    def judge(self) -> None:
        """Check that it has not grown, and left nothing."""
        grown = growth(self.samples)
        print(self._name, self.samples[len(self.samples) // 3], self.samples[-1], grown)  # noqa: T201 - the figures of a run
        assert grown.kib < MOST_KIB, grown
        assert grown.threads <= MOST_THREADS, grown
        assert grown.handles <= MOST_HANDLES, grown
        assert grown.files <= MOST_FILES, grown
        assert [*self.temporary.iterdir()] == []

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8")


class Tap(Worker):
    """Reads a table that is too large for the time, and at last the rest of it."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        properties = {name: {"type": ["string", "null"]} for name in ("Id", "LastName")}
        entry = {
            "tap_stream_id": "Contact",
            "replication_method": "FULL_TABLE",
            "key_properties": ["Id"],
            "schema": {"properties": properties},
            "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
        }
        config = {
            **client_credentials(sandbox),
            "streams_to_discover": ["Contact"],
            "api_type": "BULK2",
            "lookback": 0,
        }
        state: dict[str, Any] = {"bookmarks": {}}
        super().__init__(
            folder, "tap-sfbulk", config=config, catalog={"streams": [entry]}, state=state
        )
        self.rows: Counter[str] = Counter()
        self._state = state

    def run(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it, and when the caller goes on, wait for its end."""
        process = self.start(stdout=subprocess.PIPE)
        assert process.stdout is not None
        reader = threading.Thread(target=self._read, args=[process.stdout])
        reader.start()
        yield process
        # The rest of the table is read in the same small pages.
        process.wait(max(300, SECONDS))
        reader.join()
        process.stdout.close()

    def _read(self, lines: Any) -> None:
        for line in lines:
            message = json.loads(line)
            if message["type"] == "RECORD":
                self.rows[message["record"]["LastName"]] += 1
            elif message["type"] == "STATE":
                self._state = message["value"]

    def keep_state(self) -> None:
        write_json(self._files["state"], self._state)


class Target(Worker):
    """Loads rows for as long as it is asked to."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        config = {
            **client_credentials(sandbox),
            "operation": "insert",
            "batch_size_rows": JOB_ROWS,
            "output_dir": str(folder / "output"),
        }
        super().__init__(folder, "target-sfbulk", config=config)
        self.sent = 0
        self.last_state = 0
        self.is_over = threading.Event()

    def run(self) -> Iterator[subprocess.Popen[bytes]]:
        """Start it, and when the caller goes on, end its input and wait for its end."""
        with (self.folder / "states").open("wb") as states:
            process = self.start(stdin=subprocess.PIPE, stdout=states)
            feeder = threading.Thread(target=self._feed, args=[process.stdin])
            feeder.start()
            yield process
            self.is_over.set()
            feeder.join()
            process.wait(300)
        lines = (self.folder / "states").read_bytes().splitlines()
        self.last_state = json.loads(lines[-1])["rows"]

    def _feed(self, lines: Any) -> None:
        lines.write(as_lines([schema("Account", "Name")]))
        while not self.is_over.wait(JOB_ROWS / ROWS_A_SECOND):
            numbers = range(self.sent, self.sent + JOB_ROWS)
            rows = [record("Account", Name=f"Row {number}") for number in numbers]
            self.sent += JOB_ROWS
            lines.write(as_lines([*rows, state(rows=self.sent)]))
            lines.flush()
        lines.close()


def watch(seconds: float, *watched: tuple[Worker, subprocess.Popen[bytes]]) -> None:
    """Take samples of processes, all of which go on meanwhile."""
    pause, end = threading.Event(), monotonic() + seconds
    while monotonic() < end:
        pause.wait(seconds / SAMPLES)
        for worker, process in watched:
            assert process.poll() is None, worker.log[-2000:]
            worker.samples.append(sample(process.pid, worker.temporary))


def both(step: Callable[[Any], Any], *those: Any) -> list[Any]:
    return [step(one) for one in those]


@pytest.mark.slow
@pytest.mark.timeout(2 * SECONDS + 900)
def test_what_tap_and_target_use_does_not_grow_over_a_slow_and_flaky_org(tmp_path: Path) -> None:
    print(f"seed {SEED}, {SECONDS} s")  # noqa: T201 - to repeat it
    with ExitStack() as stack:
        sandbox = stack.enter_context(Sandbox(sample=False))
        table = [f"Row {number}" for number in range(MOST_PAGES_A_SECOND * PAGE_ROWS * SECONDS)]
        sandbox.control.seed_csv("Contact", "\n".join(["LastName", *table]))
        sandbox.control.set_page_rows(PAGE_ROWS)
        sandbox.control.set_latency(LATENCY)
        tap = Tap(tmp_path / "tap", sandbox)
        target = Target(tmp_path / "target", sandbox)
        flaky = FlakyOrg(sandbox, Random(SEED), pause=1, session_seconds=min(60, SECONDS / 6))  # noqa: S311 - a repeatable test
        with flaky:
            reading, loading = tap.run(), target.run()
            tap_process, target_process = next(reading), next(loading)
            # If the test fails, nobody waits for them.
            stack.callback(both, lambda process: process.kill(), tap_process, target_process)
            watch(SECONDS, (tap, tap_process), (target, target_process))
            tap_process.send_signal(signal.SIGTERM)
            both(lambda run: next(run, None), reading, loading)
        print(f"{flaky.troubles} troubles, {flaky.sessions_ended} sessions ended")  # noqa: T201 - the figures of a run
        assert flaky.troubles > SECONDS / 20
        assert flaky.sessions_ended >= 2
        tap.judge()
        target.judge()
        assert target_process.returncode == 0, target.log[-2000:]
        assert target.last_state == target.sent
        found = sandbox.org.query("SELECT Name FROM Account").rows()
        assert Counter(name for (name,) in found) == Counter(f"Row {n}" for n in range(target.sent))
        _read_the_rest(tap, sandbox, table)


def _read_the_rest(tap: Tap, sandbox: Sandbox, table: list[str]) -> None:
    """A run that was asked to end is read on: all rows are out, and at most a page twice."""
    read = tap.rows.total()
    assert PAGE_ROWS < read < len(table)
    sandbox.control.set_latency(0)
    sandbox.control.set_page_rows(2_000)
    tap.keep_state()
    for _ in tap.run():
        pass
    assert tap.rows.keys() == {*table}
    print(f"{read} rows were read, then the rest; {tap.rows.total() - len(table)} twice")  # noqa: T201 - the figures of a run
    assert [*tap.temporary.iterdir()] == []
