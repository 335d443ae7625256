"""What the loads of all streams of a run share."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from sfbulk.private_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sfbulk import Concurrency, Salesforce
    from sfbulk.clock import Clock
    from sfbulk.load import FileLimits, LoadGroup
    from target_sfbulk.journal import TargetJournal


@dataclass
class LoadContext:
    """What the streams of a run share.

    Attributes:
        folder: For rows until they are loaded; the caller removes it.
        limits: The limits of one job.
        group: The loads of all streams.
        bulk1_mode: The mode of Bulk API 1.0; None for Bulk API 2.0.
        journal: Records each step of the run.
    """

    salesforce: Salesforce
    folder: Path
    limits: FileLimits
    group: LoadGroup
    clock: Clock
    bulk1_mode: Concurrency | None
    journal: TargetJournal
    _numbers: Iterator[int] = field(default_factory=count)

    def new_folder(self) -> Path:
        """A new, empty folder for the files of one stream."""
        folder = self.folder / str(next(self._numbers))
        return private_folder(folder)
