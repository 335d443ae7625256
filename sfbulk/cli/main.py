"""The entry point of the command `sfbulk`."""

from sfbulk.start import end_on_signals


def main() -> None:
    """Run the command and end the process; signals are answered while it is still imported."""
    end_on_signals("sfbulk")
    from sfbulk.cli.commands import run  # noqa: PLC0415 - its imports take longer than its start

    run()
