"""A process that forks one for each run of a connector's command, which starts in milliseconds.

It reads a run from each line of its standard input, and writes how it ended to standard output.
In a hurried process nobody waits for a pause; the rest is as in a shell.
"""

from __future__ import annotations

import atexit
import gc
import itertools
import json
import os
import select
import signal
import sys
import tempfile
import threading
import traceback
from datetime import timedelta
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from time import monotonic
from typing import TYPE_CHECKING, Any, NoReturn

import requests

from sfbulk.clock import SYSTEM_CLOCK, SystemClock
from tests.faults.http_calls import HttpCalls
from tests.faults.kills import Kill

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

PLUGINS = {
    "tap-sfbulk": "tap_sfbulk.tap",
    "target-sfbulk": "target_sfbulk.target",
    "sfbulk.cli.main:main": "sfbulk.cli.commands sfbulk.client",
}
"""What the entry points import when they are called."""


class HurriedClock(SystemClock):
    """Runs ahead by what somebody sleeps."""

    _ahead = 0.0
    hours: Iterator[float] = itertools.repeat(0.0)
    """By how much the next readings of the time of day are wrong."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=next(self.hours))

    def monotonic(self) -> float:
        return super().monotonic() + self._ahead

    def sleep(self, seconds: float) -> None:
        self._ahead += seconds


def main(command: str) -> None:
    """Serve runs of one command, or of a program `module:function`, until standard input ends."""
    (script,) = entry_points(group="console_scripts", name=command) or [
        EntryPoint(command, command, "")
    ]
    entry = script.load()
    for module in PLUGINS.get(command, "").split():
        import_module(module)
    gc.freeze()
    orders, ends = os.fdopen(os.dup(0)), os.fdopen(os.dup(1), "w")
    for line in iter(orders.readline, ""):
        order = json.loads(line)
        reading, writing = os.pipe()
        begun = monotonic()
        child = os.fork()
        if child == 0:
            os.close(reading)
            become(command, order, writing)
            end(entry)
        os.close(writing)
        kill_in_time(child, reading, order["kill"])
        with os.fdopen(reading) as told:
            counts = json.loads(told.read() or "{}")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        ends.write(json.dumps({"code": code, "seconds": monotonic() - begun, **counts}) + "\n")
        ends.flush()


def kill_in_time(child: int, reading: int, kill: dict[str, Any]) -> None:
    """Send a run its signal after some seconds, unless it has ended."""
    if kill["seconds"] is not None and not select.select([reading], [], [], kill["seconds"])[0]:
        os.kill(child, kill["signum"])


def become(command: str, order: dict[str, Any], writing: int) -> None:
    """Make this process one that a shell has started with these words and files."""
    # Until the command answers signals, one ends it without a word, as in the moments of a start.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        file = os.open(order[name], os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    # Polars waits at exit for a thread of its own, and only the forking process has that one.
    atexit._clear()
    sys.argv = [command, *order["arguments"]]
    if order["hurried"]:
        SYSTEM_CLOCK.__class__ = HurriedClock
        HurriedClock.hours = itertools.cycle(order["hours"])
    calls, kill = HttpCalls(order["patience"], order["refused"]), Kill(**order["kill"])
    if order["temporary"]:
        os.environ["TMPDIR"] = tempfile.tempdir = order["temporary"]
    requests.Session.request = calls.around(kill.around(requests.Session.request))  # type: ignore[method-assign] # counts every call
    uses = kill.install()

    def tell() -> None:
        counts = {"sent": calls.sent, "uses": uses.count, "given_up": calls.given_up}
        os.write(writing, json.dumps(counts).encode())

    atexit.register(tell)


def end(entry: Callable[[], object]) -> NoReturn:
    """Run the command and end the process, without the time it takes to clear its memory."""
    code: object = 1
    try:
        code = entry()
    except SystemExit as wanted:
        code = wanted.code
    except BaseException:  # noqa: BLE001 - the interpreter's last line of defence
        traceback.print_exc()
    threading._shutdown()  # type: ignore[attr-defined] # as the interpreter does, before atexit
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


if __name__ == "__main__":
    main(sys.argv[1])
