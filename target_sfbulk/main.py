"""The command `target-sfbulk`."""

from sfbulk.start import end_on_signals, ignore_signals


def main() -> None:
    """Run the target and end the process; signals are answered while it is still imported."""
    end_on_signals("target-sfbulk")
    from target_sfbulk.target import TargetSfbulk  # noqa: PLC0415 - its imports take a second

    try:
        TargetSfbulk.cli()
    finally:
        # What Python does at its exit, such as removing folders, is not made twice.
        ignore_signals()
