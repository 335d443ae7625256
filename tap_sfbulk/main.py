"""The command `tap-sfbulk`."""

from sfbulk.start import end_on_signals


def main() -> None:
    """Run the tap and end the process; signals are answered while it is still imported."""
    end_on_signals("tap-sfbulk")
    from tap_sfbulk.tap import TapSfbulk  # noqa: PLC0415 - its imports take a second

    TapSfbulk.cli()
