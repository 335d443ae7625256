"""The command `tap-sfbulk`."""

from sfbulk.start import end_on_signals, ignore_signals


def main() -> None:
    """Run the tap and end the process; signals are answered while it is still imported."""
    end_on_signals("tap-sfbulk")
    from tap_sfbulk.tap import TapSfbulk  # noqa: PLC0415 - its imports take a second

    try:
        TapSfbulk.cli()
    finally:
        # What Python does at its exit, such as removing folders, is not made twice.
        ignore_signals()
