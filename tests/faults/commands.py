"""Runs the connectors' commands as processes, quickly, one after the other."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from tests.e2e.commands import ROOT, write_json
from tests.faults.kills import Kill

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from typing_extensions import Self

ABOUT_NO_OBJECT = ("List all objects: ", "Read the server's time: ")


@dataclass(frozen=True)
class Ended:
    """A run of a command that has ended."""

    code: int
    messages: list[bytes]
    """The lines of standard output."""
    log: str
    sent: int
    """How many requests it sent; 0 if it was killed."""
    seconds: float = 0
    """How long it took."""
    uses: int = 0
    """How often it used files in the folder `within` of its kill; 0 if it was killed."""
    given_up: tuple[str, ...] = ()
    """The names of its requests whose answer it did not wait for; none if it was killed."""

    @property
    def reason(self) -> str:
        """The last ERROR line, without time and logger; empty if there is none."""
        errors = [line for line in self.log.splitlines() if "| ERROR " in line]
        return errors[-1].split("|", maxsplit=3)[-1].strip() if errors else ""

    def assert_says_why(self, host: str, *objects: str) -> None:
        """Check that the last ERROR line is a reason for a user: it names object, job or host.

        Or what was asked for, where that is about no object.
        """
        named = (*(objects or ("Account", "Contact")), " job 750", host, *ABOUT_NO_OBJECT)
        assert any(name in self.reason for name in named), self
        assert "Unexpected" not in self.reason, self.log
        assert "Traceback" not in self.log, self.log


class Command:
    """One command, `tap-sfbulk` or `target-sfbulk`, and the process that forks its runs."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._server = self._started()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _started(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "tests.faults.fork_server", self._name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            start_new_session=True,
        )

    def close(self) -> None:
        """End the process that forks."""
        self._server.communicate()

    def run(  # noqa: PLR0913 - each option of a run has a name, and most runs give none
        self,
        folder: Path,
        files: Mapping[str, Any],
        *,
        stdin: bytes = b"",
        patience: float | None = None,
        refused: Sequence[int] = (),
        kill: Kill | None = None,
    ) -> Ended:
        """Run it to its end.

        Args:
            folder: Where its files are put; those of an earlier run are replaced.
            files: JSON documents by the option that takes each: `config`, `catalog`, `state`.
            stdin: What it reads.
            patience: Seconds that each of its requests waits; None for the usual ones.
            refused: The numbers of requests that go to a port at which nobody listens.
            kill: When it is killed; None lets it come to its end.
        """
        arguments = []
        for name, document in files.items():
            arguments += [f"--{name}", str(write_json(folder / f"{name}.json", document))]
        return self.run_line(
            folder,
            arguments,
            stdin=stdin,
            patience=patience,
            refused=refused,
            kill=kill,
            hurried=True,
        )

    def run_line(  # noqa: PLR0913 - each option of a run has a name, and most runs give none
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        stdin: bytes = b"",
        patience: float | None = None,
        refused: Sequence[int] = (),
        kill: Kill | None = None,
        hurried: bool = False,
        temporary: Path | None = None,
        hours: Sequence[float] = (0.0,),
    ) -> Ended:
        """Run it with these words to its end.

        Args:
            folder: Where the files of its streams are put.
            arguments: What stands after its name.
            stdin: What it reads.
            patience: Seconds that each of its requests waits; None for the usual ones.
            refused: The numbers of requests that go to a port at which nobody listens.
            kill: Where it is killed; None for nowhere.
            hurried: Whether no pause is waited for.
            temporary: Its folder for temporary files; None for that of the tests.
            hours: By how much its clock is wrong if it is hurried, reading by reading.
        """
        streams = {name: folder / name for name in ("stdin", "stdout", "stderr")}
        streams["stdin"].write_bytes(stdin)
        for name in ("stdout", "stderr"):
            streams[name].write_bytes(b"")
        order: dict[str, Any] = {
            "arguments": list(arguments),
            "patience": patience,
            "refused": list(refused),
            "hurried": hurried,
            "temporary": str(temporary) if temporary else None,
            "hours": list(hours),
        }
        order["kill"] = (kill or Kill()).document()
        order |= {name: str(path) for name, path in streams.items()}
        try:
            end = self._order(order)
        except BaseException:
            # A test ends within a run at its time limit: the next answer would be of this run.
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.communicate()
            self._server = self._started()
            raise
        return Ended(
            end["code"],
            streams["stdout"].read_bytes().splitlines(),
            streams["stderr"].read_text("utf-8"),
            end.get("sent", 0),
            end["seconds"],
            end.get("uses", 0),
            tuple(end.get("given_up", ())),
        )

    def _order(self, order: dict[str, Any]) -> dict[str, Any]:
        orders, ends = self._server.stdin, self._server.stdout
        assert orders is not None
        assert ends is not None
        orders.write(json.dumps(order) + "\n")
        orders.flush()
        end: dict[str, Any] = json.loads(ends.readline())
        return end


@cache
def forked(name: str) -> Command:
    """Return the process that forks the runs of a command, until the tests end."""
    command = Command(name)
    atexit.register(command.close)
    return command
