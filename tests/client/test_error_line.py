"""Every failure of a command is one ERROR line and exit code 1."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys

import click
import pytest

from sfbulk.error_line import ErrorLineCommand, error_line
from sfbulk.error_text import add_note, one_line, unexpected

LOGGER = logging.getLogger("test-command")


class WorldError(Exception):
    """Something a user can act on."""


def command_that(action: str) -> ErrorLineCommand:
    @click.command("tool")
    @click.option("--file", type=click.File())
    def tool(file: object) -> None:
        del file
        if action == "fail":
            raise WorldError("Object Acount\nis unknown.")
        if action == "crash":
            raise KeyError("surprise")
        if action == "exit 3":
            click.get_current_context().exit(3)
        click.echo("done")

    return ErrorLineCommand.like(tool, logger=LOGGER, expected=(WorldError,))


def run(action: str, *args: str) -> object:
    with pytest.raises(SystemExit) as ended:
        command_that(action)(list(args))
    return ended.value.code


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.ERROR]


def test_a_command_that_is_done_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("work") == 0
    assert capsys.readouterr().out == "done\n"


def test_an_expected_error_is_one_line_without_traceback(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    assert run("fail") == 1
    assert errors(caplog) == ["Object Acount is unknown."]
    assert [r for r in caplog.records if r.exc_info] == []


def test_an_unexpected_error_is_one_line_with_its_place_and_its_traceback_at_debug(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    assert run("crash") == 1
    (said,) = errors(caplog)
    assert said.startswith("Unexpected KeyError in sfbulk.error_line, line ")
    assert "LOGLEVEL=DEBUG" in said
    # It may quote a record.
    assert "surprise" not in said
    (logged,) = (r for r in caplog.records if r.exc_info)
    assert logged.levelno == logging.DEBUG
    assert "surprise" in str(logged.exc_info)


def test_an_error_of_the_system_within_the_work_on_one_object_keeps_its_text() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/spool/rows.csv")
    said = one_line(unexpected(full, "Account"))
    assert said.startswith("Account: ")
    assert "'/spool/rows.csv'. Make room in /spool," in said
    assert "unexpected" not in said


def test_a_wrong_option_is_an_error_line_and_exit_code_1(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert run("work", "--file", "/nowhere/at/all") == 1
    assert "/nowhere/at/all" in errors(caplog)[-1]


def test_any_exit_code_but_0_becomes_1() -> None:
    assert run("exit 3") == 1


def test_an_interrupt_passes_the_error_line() -> None:
    with pytest.raises(KeyboardInterrupt), error_line(LOGGER, (WorldError,)):
        raise KeyboardInterrupt


def test_a_reader_that_has_gone_is_one_error_line() -> None:
    program = (
        "import logging, sys\n"
        "from sfbulk.error_line import error_line\n"
        "logging.basicConfig(format='%(levelname)s %(message)s')\n"
        "with error_line(logging.getLogger(), ()):\n"
        "    for _ in range(100_000):\n"
        "        sys.stdout.write('x' * 100)\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert writer.stdout is not None
    assert writer.stderr is not None
    writer.stdout.read(1)
    writer.stdout.close()
    said = writer.stderr.read().decode()
    writer.stderr.close()
    assert writer.wait(timeout=30) == 1
    assert said.splitlines() == ["ERROR The program that reads this command's output has ended."]


@pytest.mark.parametrize(
    ("text", "note", "said"),
    [
        ("contact your administrator", "No STATE was written.", "contact your administrator. No"),
        ("It is retired.", "No STATE was written.", "It is retired. No"),
        ("Is it?", "No STATE was written.", "Is it? No"),
        ("stopped", "(3 rows are in)", "stopped (3 rows are in)"),
    ],
)
def test_a_note_is_a_sentence_after_a_sentence(text: str, note: str, said: str) -> None:
    error = WorldError(text)
    add_note(error, note)
    assert one_line(error).startswith(said)
