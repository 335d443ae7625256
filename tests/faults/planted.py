"""Runs a connector's command in which one function fails, for one object, with any exception.

A program for `fork_server`: its first words are the command, the place, the exception and the
object; the others are the command's own.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

EXCEPTIONS: dict[str, Callable[[], Exception]] = {
    "ValueError": lambda: ValueError("planted"),
    "KeyError": lambda: KeyError("planted"),
    "RecursionError": lambda: RecursionError("planted"),
    "MemoryError": MemoryError,
    "UnicodeDecodeError": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "planted"),
    "OSError": lambda: OSError(5, "planted"),
    "AssertionError": AssertionError,
}

PLACES: dict[str, tuple[str, Callable[..., str]]] = {
    # Of the tap.
    "describe": ("sfbulk.describe.reader:parse_describe", lambda document: document["name"]),
    "source": ("tap_sfbulk.sources:_object_source", lambda sobject, *_: sobject.name),
    "stream": ("tap_sfbulk.stream:SalesforceStream.__init__", lambda _self, *a: a[2].name),
    "request": ("tap_sfbulk.stream:StreamRequest", lambda **given: given["source"].name),
    "schema": ("singer_sdk:Stream._write_schema_message", lambda self: self.name),
    "plan": ("tap_sfbulk.run:plan_stream", lambda request, *_: request.name),
    "queries": ("tap_sfbulk.run_jobs:RunJobs._queries", lambda _self, plan: plan.name),
    "submit": ("tap_sfbulk.run_jobs:RunJobs._submit", lambda _self, plan, _part: plan.name),
    "pages": ("tap_sfbulk.run_jobs:RunJobs._pages", lambda _self, job: job.object_name),
    "emit": ("tap_sfbulk.stream:SalesforceStream._page_rows", lambda self, *_: self.name),
    "finish": ("tap_sfbulk.stream:SalesforceStream._later_rows", lambda self, *_: self.name),
    "deletions": ("tap_sfbulk.deletions:Deletions.read", lambda self, _reading: self._name),
    "maps": ("tap_sfbulk.stream:Output.emit", lambda self, *_: self._stream.name),
    # Of the target.
    "preflight": ("target_sfbulk.all_streams:plan_stream", lambda stream, *_a, **_k: stream),
    "encode": ("target_sfbulk.stream:StreamLoad._take", lambda self, _record: self.stream),
    "send": ("sfbulk.load.by_bulk2:Bulk2Carrier._send", lambda self, _f: self._settings.sobject),
    "poll": ("sfbulk.bulk2.ingest:IngestJob.poll", lambda self: self.object_name),
    "results": ("sfbulk.load.job_rows:JobRows.read", lambda self, *_: self._job.object_name),
    "follow-ups": (
        "sfbulk.load.group:take_out",
        lambda outcome, **_k: "Contact" if "LastName" in outcome.file.columns else "Account",
    ),
    "outcomes": ("target_sfbulk.stream:StreamLoad._record", lambda self, _outcome: self.stream),
    "mirror": ("target_sfbulk.mirror:MirrorLoad.find_missing", lambda self: self.stream),
}
"""What is called, by module and name, and for which object a call is."""


def main() -> None:
    """Plant the exception and run the command."""
    _, command, place, kind, name, *words = sys.argv
    sys.argv = [command, *words]
    if place != "nowhere":
        _plant(*PLACES[place], EXCEPTIONS[kind], name)
    (script,) = entry_points(group="console_scripts", name=command)
    script.load()()


def _plant(
    target: str, object_of: Callable[..., str], exception: Callable[[], Exception], name: str
) -> None:
    module, _, path = target.partition(":")
    *outer, last = path.split(".")
    holder: Any = import_module(module)
    for part in outer:
        holder = getattr(holder, part)
    real = getattr(holder, last)

    def planted(*args: Any, **given: Any) -> Any:
        if object_of(*args, **given) == name:
            raise exception()
        return real(*args, **given)

    setattr(holder, last, planted)
