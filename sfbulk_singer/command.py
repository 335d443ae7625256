"""Ends a command with one ERROR line that gives the reason, never with a bare traceback.

Every command of this distribution keeps the same promise: exit code 0 when it is done, 1
for anything else, and then the reason stands on the last ERROR line. `error_line` keeps it
for a block of code, `ErrorLineCommand` for a whole click command, option parsing included.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self


@contextmanager
def error_line(logger: logging.Logger, expected: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn an exception into one ERROR line and exit code 1.

    Args:
        logger: Where the line goes.
        expected: Exceptions whose text tells a user what happened and what to do. Any other
            is a defect of ours: its traceback is logged above the line.

    Raises:
        SystemExit: With code 1, instead of the exception. Exceptions that are no
            `Exception`, such as an interrupt, pass unchanged, and so does click's `Exit`.
    """
    try:
        yield
    except click.exceptions.Exit:
        raise
    except BrokenPipeError:
        _forget_stdout()
        _fail(logger, "The program that reads this command's output has ended.")
    except expected as error:
        logger.debug("Where it happened", exc_info=error)
        _fail(logger, one_line(error))
    except click.ClickException as error:
        _fail(logger, error.format_message())
    except Exception as error:
        logger.exception("Unexpected error")
        _fail(logger, f"Unexpected {type(error).__name__}: {one_line(error)}")


def one_line(error: BaseException) -> str:
    """The text of an error on one line; its type's name when it has no text."""
    return " ".join(str(error).split()) or type(error).__name__


class ErrorLineCommand(click.Command):
    """A click command whose every failure, a wrong option too, ends as `error_line` says."""

    logger: logging.Logger
    expected: tuple[type[Exception], ...]

    @classmethod
    def like(
        cls,
        command: click.Command,
        *,
        logger: logging.Logger,
        expected: tuple[type[Exception], ...],
    ) -> Self:
        """The same name, options, help and callback as another command."""
        made = cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            help=command.help,
            context_settings=command.context_settings,
        )
        made.logger, made.expected = logger, expected
        return made

    # Not around `main`: click takes a reader that has gone for a silent end.
    def make_context(self, *args: Any, **options: Any) -> click.Context:
        """Parse the options; those that act at once, such as `--discover`, act here."""
        with error_line(self.logger, self.expected):
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the callback."""
        with error_line(self.logger, self.expected):
            return super().invoke(ctx)

    def main(self, *args: Any, **options: Any) -> NoReturn:
        """Run the command and end the process with its exit code.

        Raises:
            SystemExit: Always: 0 when the command is done, 1 otherwise.
        """
        logging.captureWarnings(capture=True)
        _give_stdout_a_buffer()
        try:
            # Outside its standalone mode click returns the code of an exit that was asked for.
            code = super().main(*args, **{**options, "standalone_mode": False})
        except SystemExit as end:
            # The SDK ends `--about` so.
            code = end.code
        with error_line(self.logger, self.expected):
            # Here a reader that has gone is still an error with a reason; at the
            # interpreter's end it would be an ignored exception.
            sys.stdout.flush()
        sys.exit(1 if isinstance(code, (int, str)) and code else 0)


def _fail(logger: logging.Logger, reason: str) -> NoReturn:
    logger.error("%s", reason)
    raise SystemExit(1) from None


def _give_stdout_a_buffer() -> None:
    # Under PYTHONUNBUFFERED, which images with Python set, there is none. Then a signal ends
    # a write before its end, and what was not written is lost without an error.
    out = sys.stdout
    if out is not sys.__stdout__ or not isinstance(out, io.TextIOWrapper):
        return
    if isinstance(out.buffer, io.RawIOBase):
        encoding, errors = out.encoding, out.errors
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(out.detach()), encoding, errors)


def _forget_stdout() -> None:
    # What is still buffered would raise once more when the interpreter flushes at its end.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
