"""Ends a command with one ERROR line that gives the reason, never with a bare traceback.

Every command of this distribution keeps the same promise: exit code 0 when it is done, 1
for anything else, and then the reason stands on the last ERROR line. `error_line` keeps it
for a block of code, `ErrorLineCommand` and `ErrorLineGroup` for whole click commands, option
parsing included.
"""

from __future__ import annotations

import io
import logging
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import click

from sfbulk.error_text import one_line, unexpected
from sfbulk.safe import make_log_safe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Self


__all__ = [
    "ErrorLineCommand",
    "ErrorLineGroup",
    "error_line",
    "forget_stdout",
]


@contextmanager
def error_line(logger: logging.Logger, expected: tuple[type[Exception], ...]) -> Iterator[None]:
    """Turn an exception into one ERROR line and exit code 1.

    Args:
        logger: Where the line goes.
        expected: Exceptions whose text tells a user what happened and what to do. Any other
            is a bug in this package: see `unexpected`.

    Raises:
        SystemExit: With code 1, instead of the exception. A `BaseException` that is not an
            `Exception`, such as an interrupt, passes unchanged, and so does click's `Exit`.
    """
    try:
        yield
    except click.exceptions.Exit:
        raise
    except BrokenPipeError:
        forget_stdout()
        _fail(logger, "The program that reads this command's output has ended.")
    except expected as error:
        logger.debug("Where it happened", exc_info=error)
        _fail(logger, one_line(error))
    except click.ClickException as error:
        _fail(logger, error.format_message())
    except Exception as error:  # noqa: BLE001 - whatever it is, a command ends with one line
        _fail(logger, one_line(unexpected(error)))


class _ErrorLine(click.Command):
    """A click command that ends every failure, wrong options included, as `error_line` does."""

    logger: logging.Logger
    expected: tuple[type[Exception], ...]

    # Not around `main`: click itself handles a broken pipe there, and exits silently.
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
        make_log_safe()
        logging.captureWarnings(capture=True)
        # Python has no stdout where the process was started without one (`>&-`).
        if sys.stdout is None:
            _fail(self.logger, "There is no standard output to write to. Give one.")
        _buffer_stdout()
        try:
            # Outside its standalone mode click returns the exit code that the command asked for.
            code = super().main(*args, **{**options, "standalone_mode": False})
        except SystemExit as end:
            # The SDK ends `--about` with it.
            code = end.code
        with error_line(self.logger, self.expected):
            # A broken pipe or a full disk found here is an error with a reason; when the
            # interpreter exits, the first is ignored, and the second gives the exit code 120.
            _flush_stdout()
        sys.exit(1 if isinstance(code, (int, str)) and code else 0)


class ErrorLineCommand(_ErrorLine):
    """A single command."""

    @classmethod
    def like(
        cls,
        command: click.Command,
        *,
        logger: logging.Logger,
        expected: tuple[type[Exception], ...],
    ) -> Self:
        """A command with the name, options, help and callback of another one."""
        made = cls(
            name=command.name,
            callback=command.callback,
            params=command.params,
            help=command.help,
            context_settings=command.context_settings,
        )
        made.logger, made.expected = logger, expected
        return made


class ErrorLineGroup(_ErrorLine, click.Group):
    """A command with commands of its own."""


def _fail(logger: logging.Logger, reason: str) -> NoReturn:
    logger.error("%s", reason)
    raise SystemExit(1) from None


def _buffer_stdout() -> None:
    # Container images of Python set PYTHONUNBUFFERED, which leaves stdout without a buffer. Then
    # a signal can interrupt a write, and the rest of the text is lost without an error.
    out = sys.stdout
    if out is not sys.__stdout__ or not isinstance(out, io.TextIOWrapper):
        return
    if isinstance(out.buffer, io.RawIOBase):
        encoding, errors = out.encoding, out.errors
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(out.detach()), encoding, errors)


def _flush_stdout() -> None:
    try:
        sys.stdout.flush()
    except OSError as error:
        forget_stdout()
        raise OSError(error.errno, error.strerror, "standard output") from error


def forget_stdout() -> None:
    """Let what is still written to stdout go nowhere."""
    # The interpreter flushes stdout when it exits; what is still buffered would raise again.
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
