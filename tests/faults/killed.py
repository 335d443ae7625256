"""A command that is killed and run again, and what is wrong with what it has left.

Each flow has one folder `work`, in which all is that its runs keep or leave: what the connector
writes, its spool, and the system's folder for temporary files.
"""

from __future__ import annotations

import shutil
import sqlite3
from abc import ABC, abstractmethod
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from tests.client.sign_in_settings import client_credentials
from tests.e2e.commands import write_json
from tests.faults.commands import forked
from tests.faults.kills import Kill

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.commands import Ended

ROWS, OLD_ROWS, STATE_EVERY, JOB_ROWS, PAGE_ROWS = 60, 20, 5, 8, 7
REFUSED = 31
"""The row without a name, which Salesforce refuses, or without a record to change."""
EARLIER_END, END = "2026-01-02T00:00:00.000Z", "2026-02-01T00:00:00.000Z"
Row = tuple[str, ...]


@dataclass
class Verdict:
    """What is wrong after a run that came to its end."""

    lost: list[Any] = field(default_factory=list)
    doubled: list[Any] = field(default_factory=list)
    wrong: list[Any] = field(default_factory=list)
    """Rows that nobody has sent, or of an earlier version."""
    left: list[Any] = field(default_factory=list)
    """Jobs and files that should be gone."""

    def compare(self, found: Iterable[Any], wanted: Iterable[Any]) -> None:
        """Compare rows with those that should be there, each once."""
        there, needed = Counter(found), Counter(wanted)
        self.lost += (needed - there).elements()
        for row in (there - needed).elements():
            (self.doubled if row in needed else self.wrong).append(row)


class KillFlow(ABC):
    """A command that is run until it comes to its end."""

    command: str

    def __init__(self, sandbox: Sandbox, database: Path, folder: Path) -> None:
        self.work = folder / "work"
        self._sandbox = sandbox
        self._database = database
        self._folder = folder

    def begin(self) -> None:
        """Put org and folders back to the beginning."""
        self._sandbox.control.reset()
        self._sandbox.control.jobs_at_once()
        self.work.mkdir(exist_ok=True)
        for path in self.work.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in ("output", "spool", "temporary"):
            (self.work / name).mkdir()
        self._begin()

    def begin_clean(self) -> None:
        """The same, without files of killed runs: the next one would remove them, and have room."""
        self.begin()
        for name in ("spool", "temporary"):
            shutil.rmtree(self.work / name)
            (self.work / name).mkdir()

    def run(
        self,
        kill: Kill | None = None,
        *,
        refused: Sequence[int] = (),
        patience: float | None = None,
    ) -> Ended:
        """Run the command on what is not known to be done; see `Command.run_line`."""
        ended = forked(self.command).run_line(
            self._folder,
            self._arguments(),
            stdin=self._stdin(),
            kill=kill or Kill(within=str(self.work)),
            refused=refused,
            patience=patience,
            hurried=True,
            temporary=self.work / "temporary",
        )
        self._take(ended)
        return ended

    def is_done(self, ended: Ended) -> bool:
        """Whether a run has done all that it should, and nobody has to start it again."""
        return ended.code == 0

    @abstractmethod
    def acknowledged(self) -> Verdict:
        """What is wrong with what a run has said to be done, however it ended."""

    @abstractmethod
    def judge(self) -> Verdict:
        """What is wrong after a run that came to its end."""

    @abstractmethod
    def _begin(self) -> None: ...

    @abstractmethod
    def _arguments(self) -> list[str]: ...

    @abstractmethod
    def _take(self, ended: Ended) -> None: ...

    def _stdin(self) -> bytes:
        return b""

    def _left(self, *folders: str) -> list[str]:
        """What is left in folders, and the jobs that nobody has ended."""
        files = [path for name in folders for path in (self.work / name).iterdir()]
        names = [str(path.relative_to(self.work)) for path in files]
        jobs = [job for job in self._jobs() if job["state"] not in _ENDED and self._counts(job)]
        return names + [f"{job['id']} {job['state']}" for job in jobs]

    def _counts(self, job: dict[str, Any]) -> bool:
        """Whether a job should not be open.

        A query of Bulk API 1.0 may be that was created at the moment of the kill, and has no batch:
        its run did not learn its id.
        """
        if job["jobType"] != "Classic" or not job["operation"].startswith("query"):
            return True
        answer = requests.get(
            f"{self._sandbox.url}/services/async/68.0/job/{job['id']}/batch",
            headers={"X-SFDC-Session": self._sandbox.access_token},
            timeout=30,
        )
        answer.raise_for_status()
        return b"<batchInfo>" in answer.content

    def _config(self, **settings: Any) -> Path:
        config = {**client_credentials(self._sandbox), **settings}
        return write_json(self._folder / "config.json", config)

    def _rows(self, *fields: str) -> list[Row]:
        """The accounts of the org, out of its database."""
        columns = ", ".join(f'"{name}"' for name in fields)
        query = f"SELECT {columns} FROM Account WHERE IsDeleted = 'false'"  # noqa: S608 - the columns are written in the flows, no value is put in
        with closing(sqlite3.connect(f"file:{self._database}?mode=ro", uri=True)) as org:
            return org.execute(query).fetchall()

    def _jobs(self) -> Iterator[dict[str, Any]]:
        for kind in ("ingest", "query"):
            answer = requests.get(
                f"{self._sandbox.url}/services/data/v68.0/jobs/{kind}",
                headers={"Authorization": f"Bearer {self._sandbox.access_token}"},
                timeout=30,
            )
            answer.raise_for_status()
            yield from answer.json()["records"]


_ENDED = ("JobComplete", "Aborted", "Failed", "Closed")
