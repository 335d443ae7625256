"""What is killed: the commands, each with one thing that it does."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from tests.faults.killed_commands import LoadKills, QueryKills
from tests.faults.killed_tap import ResumeKills, TapKills
from tests.faults.killed_target import TargetKills

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.faults.killed import KillFlow

FLOWS: dict[str, Callable[[Sandbox, Path, Path], KillFlow]] = {
    "tap full table": partial(TapKills, method="FULL_TABLE"),
    "tap incremental": partial(TapKills, method="INCREMENTAL"),
    "tap resume": partial(ResumeKills, method="INCREMENTAL"),
    "tap REST": partial(TapKills, method="FULL_TABLE", api_type="REST"),
    "tap Bulk 1.0 by chunks": partial(
        TapKills, method="FULL_TABLE", api_type="BULK", chunk_size=25
    ),
    "target insert": partial(TargetKills, operation="insert"),
    "target update": partial(TargetKills, operation="update"),
    "target upsert": partial(TargetKills, operation="upsert"),
    "target delete": partial(TargetKills, operation="delete"),
    "target mirror": partial(TargetKills, operation="mirror"),
    "sfbulk query": QueryKills,
    "sfbulk load": LoadKills,
}
