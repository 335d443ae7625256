"""The words of an error: on one line, with notes, and for an exception that nobody expected."""

from __future__ import annotations

import errno
import logging
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk.errors import DataError, SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "NO_ROOM",
    "add_note",
    "as_sentence",
    "contained",
    "naming_data",
    "one_line",
    "unexpected",
]

log = logging.getLogger(__name__)


NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))
"""The numbers of errors of a full disk."""


def one_line(error: BaseException) -> str:
    """The text of an error and its notes on one line; the name of its type if it has no text.

    That of a full disk says what to do, wherever it comes from.
    """
    text = " ".join(str(error).split()) or type(error).__name__
    for note in (*_advice(error), *getattr(error, "__notes__", [])):
        text = f"{text if note.startswith('(') else as_sentence(text)} {note}"
    return text


def _advice(error: BaseException) -> Iterator[str]:
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        # The second one is where a file was copied to.
        name = error.filename2 or error.filename
        named = name is not None and Path(str(name)).parent
        yield (
            f"Make room in {named or 'its folder'}, or name a folder with more of it: spool_dir, "
            "output_dir, ids_dir, files_dir, batch_config and journal_path are settings, -o and "
            "--output-dir options of the command, TMPDIR is the system's folder for temporary "
            "files."
        )


def as_sentence(text: str) -> str:
    """The text with a full stop, if it has none: Salesforce's own texts often end without one."""
    return text if text.endswith((".", "!", "?", ")")) else f"{text}."


def add_note(error: BaseException, note: str) -> None:
    """Add a sentence to what `one_line` says of an error; Python 3.10 has no `add_note`."""
    error.__notes__ = [*getattr(error, "__notes__", []), note]


def unexpected(error: Exception, what: str = "") -> SalesforceError:
    """The error for an exception that nobody expected: a fault of this package, or of the system.

    That of the system, such as of a full disk, has its own text. The text of another may quote a
    record, so it is logged at DEBUG only, with the traceback.

    Args:
        error: any exception; an error of the client is returned as it is.
        what: names the object whose work it has ended; empty for the whole run.
    """
    if isinstance(error, SalesforceError):
        return error
    log.debug("%s: where it happened", what or "Unexpected error", exc_info=error)
    found = SalesforceError(_said(error, what))
    found.__cause__ = error
    return found


def _said(error: Exception, what: str) -> str:
    if isinstance(error, OSError):
        return f"{what}: {one_line(error)}" if what else one_line(error)
    named = f"{what}: unexpected" if what else "Unexpected"
    return (
        f"{named} {type(error).__name__}{_place(error)}. Please report it with the log at level "
        "DEBUG, which has the traceback (LOGLEVEL=DEBUG, or sfbulk --verbose)."
    )


def _place(error: Exception) -> str:
    """Where in this distribution an exception came out, such as ` in tap_sfbulk.run, line 8`."""
    places = [
        f" in {name}, line {line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
        if (name := frame.f_globals.get("__name__", "")).partition(".")[0] in _PACKAGES
    ]
    return places[-1] if places else ""


_PACKAGES = frozenset(("sfbulk", "sfbulk_singer", "sfbulk_sandbox", "tap_sfbulk", "target_sfbulk"))


@contextmanager
def contained(
    what: str, failed: Callable[[SalesforceError], object] = lambda _error: None
) -> Iterator[None]:
    """A block of the work on one object, whose exceptions do not end the work on others.

    Args:
        what: names the object.
        failed: called with the error, `unexpected` or one of the client.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - whatever it is, it is of this object
        failed(unexpected(error, what))


@contextmanager
def naming_data(what: str, job_id: str | None, rows: int | None = None) -> Iterator[None]:
    """Name what is read of a job in the errors of reading it, and say what to do.

    Args:
        what: begins the text, such as `The first result page of job 750…`.
        job_id: the job it belongs to.
        rows: how many rows it should have; None if that is not known.
    """
    try:
        yield
    except DataError as error:
        of = "" if rows is None else f", of {rows:,} row{'s' * (rows != 1)}"
        error.message = f"{what}{of}: {error.message}"
        error.args = (error.message,)
        error.job_id = error.job_id or job_id
        add_note(
            error,
            "Run again: Salesforce keeps results for seven days, and they are read once more. If "
            "it stays so, check the proxies on the way, and report it.",
        )
        raise
