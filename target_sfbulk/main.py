"""The command `target-sfbulk`."""

from sfbulk.start import end_on_signals


def main() -> None:
    """Run the target and end the process; signals are answered while it is still imported."""
    end_on_signals("target-sfbulk")
    from target_sfbulk.target import TargetSfbulk  # noqa: PLC0415 - its imports take a second

    TargetSfbulk.cli()
