"""The words of an error: on one line, with notes, and for an exception that nobody expected."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from sfbulk.errors import SalesforceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["add_note", "as_sentence", "contained", "one_line", "unexpected"]

log = logging.getLogger(__name__)


def one_line(error: BaseException) -> str:
    """The text of an error and its notes on one line; the name of its type if it has no text."""
    text = " ".join(str(error).split()) or type(error).__name__
    for note in getattr(error, "__notes__", []):
        text = f"{text if note.startswith('(') else as_sentence(text)} {note}"
    return text


def as_sentence(text: str) -> str:
    """The text with a full stop, if it has none: Salesforce's own texts often end without one."""
    return text if text.endswith((".", "!", "?", ")")) else f"{text}."


def add_note(error: BaseException, note: str) -> None:
    """Add a sentence to what `one_line` says of an error; Python 3.10 has no `add_note`."""
    error.__notes__ = [*getattr(error, "__notes__", []), note]


def unexpected(error: Exception, what: str) -> SalesforceError:
    """The error for work on one object that an exception has ended which nobody expected.

    Its traceback is logged at DEBUG: it is a fault of this package, and no reason to end the work
    on other objects.

    Args:
        error: any exception; an error of the client is returned as it is.
        what: names the object.
    """
    if isinstance(error, SalesforceError):
        return error
    log.debug("%s: where it happened", what, exc_info=error)
    named = f"unexpected {type(error).__name__}: {one_line(error)}"
    advice = "The log at level DEBUG says where: please report it."
    found = SalesforceError(f"{what}: {as_sentence(named)} {advice}")
    found.__cause__ = error
    return found


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
