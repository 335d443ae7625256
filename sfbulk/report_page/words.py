"""Numbers, times and durations in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_MINUTE, _HOUR = 60, 3600


def counted(number: int, noun: str) -> str:
    """A number and a noun, such as `1 job` or `2,000 jobs`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def moment(time: datetime) -> str:
    """A date and time in UTC."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def duration(seconds: float) -> str:
    """A duration, such as `40 ms`, `1.2 s`, `3 min 20 s` or `2 h 5 min`."""
    if 0 < seconds < 1:
        return f"{max(round(1000 * seconds), 1)} ms"
    if seconds < _MINUTE:
        return f"{seconds:.1f} s"
    # Beyond a minute, nobody needs tenths.
    whole = round(seconds)
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    return f"{whole // _HOUR:,} h {whole % _HOUR // _MINUTE} min"


def percent(number: int, whole: int) -> str:
    """A share, such as `12.5%`."""
    # One of a million is neither nothing nor is the rest all.
    return "100%" if number == whole else f"{min(max(100 * number / whole, 0.1), 99.9):.1f}%"
