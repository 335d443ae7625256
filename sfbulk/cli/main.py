"""The entry point of the command `sfbulk`."""

from sfbulk.cli.last_step import exit_with_last_step
from sfbulk.start import end_on_signals


def main() -> None:
    """Run the command and end the process; signals are answered while it is still imported."""
    end_on_signals("sfbulk")
    from sfbulk.cli.commands import run  # noqa: PLC0415 - its imports take longer than its start

    try:
        run()
    except SystemExit as end:
        exit_with_last_step(end.code)
        raise
