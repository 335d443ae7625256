"""The page of a load, `report.html`: see `sfbulk.report_page`."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk.cli.session import Stopped
from sfbulk.error_text import one_line
from sfbulk.report_page import (
    Ending,
    Jobs,
    PageStream,
    PageWriter,
    Refusal,
    Refusals,
    RunPage,
    document,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from sfbulk.clock import Clock
    from sfbulk.load.outcomes import FileOutcome

LOGGER = logging.getLogger("sfbulk")

_encode = msgspec.json.Encoder(decimal_format="number").encode
# The digits of a number are shown as they stand in the file.
_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


class LoadPage:
    """The page of one load. Whatever fails here is one WARNING; the load goes on.

    Args:
        folder: Where it is written.
        source: The input.
        clock: The time.
        is_dry: Whether nothing is sent; then the folder is that of the input.
    """

    def __init__(self, folder: Path, source: Path, clock: Clock, *, is_dry: bool) -> None:
        self._name = source.name
        self._clock = clock
        self._is_dry = is_dry
        self._begun = clock.now()
        names = ["report.html"] + [f"{source.stem}.report.html"] * (not is_dry)
        self._folder = folder
        self._source = source
        self._writer = PageWriter([folder / one for one in names], LOGGER)
        self._refusals = Refusals()
        self._jobs = Jobs()
        self.hint = ""
        """What to do after a load that did not come to its end."""
        self.counts: Callable[[], PageStream] | None = None
        """Returns what happened to the records; None before the first is read."""

    @contextmanager
    def written(self) -> Iterator[None]:
        """A block that is the load; the page is written when it ends, however it ends.

        Also before, since the load may be killed: the page of an earlier one would say how that
        ended.
        """
        self._write(Ending.open(), "")
        try:
            yield
        except Stopped as stopped:
            self._write(Ending.stopped(str(stopped)), self.hint)
            raise
        except Exception as error:
            self._write(Ending.failed(one_line(error)), "")
            raise
        self._write(Ending.complete(self._refusals.count), "")

    def sent(self, outcome: FileOutcome) -> None:
        """Add the job of a file."""
        with self._writer.guarded():
            self._jobs.add(self._name, outcome)

    def refused(self, record: Any, line: Mapping[str, Any]) -> None:
        """Add a record that has a line in the rejects file."""
        with self._writer.guarded():
            refusal = Refusal(
                self._name,
                line["kind"],
                line["code"],
                line["message"],
                tuple(line["fields"]),
                line["job_id"],
            )
            self._refusals.add(refusal, partial(_cells, record))

    def _write(self, ending: Ending, position: str) -> None:
        def page() -> str:
            streams = [self.counts()] if self.counts else []
            return document(
                RunPage(
                    "sfbulk load",
                    "",
                    self._begun,
                    self._clock.now(),
                    ending,
                    position,
                    streams,
                    self._refusals,
                    self._jobs,
                    dry_run=self._is_dry,
                    paths=[("Folder", str(self._folder)), ("Input", str(self._source))],
                    noun="File",
                )
            )

        self._writer.write(page)


def _cells(record: Any) -> Iterator[tuple[str, str | None]]:
    """Names and values of the fields of a record, which may be JSON text."""
    if isinstance(record, msgspec.Raw):
        record = _decode(record)
    for name, value in record.items():
        yield str(name), None if value is None else _text(value)


def _text(value: Any) -> str:
    # Dates and times become texts.
    plain = msgspec.to_builtins(value, builtin_types=(Decimal,))
    return plain if isinstance(plain, str) else _encode(plain).decode()
