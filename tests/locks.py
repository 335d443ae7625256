"""Keeps workers that run tests side by side out of one place on disk.

pytest-xdist's groups would do, were they not ignored under pytest 9.2: its workers no longer
see the group in a test's id.
"""

from __future__ import annotations

import fcntl
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Wait until no other process is in the block for this folder, which need not exist."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f"{place.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
