"""Settings that both connectors have beside those of the client, with their checks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from singer_sdk import typing as th

if TYPE_CHECKING:
    from collections.abc import Iterator


def spool_dir(content: str) -> th.Property[str]:
    """The setting `spool_dir`; `content` says what lies there, such as `result pages`."""
    return th.Property(
        "spool_dir",
        th.StringType,
        title="Spool Folder",
        description=f"Folder for {content}. Without it: the system's folder for temporary files.",
    )


def spool_dir_problems(folder: Any) -> Iterator[str]:
    """Why rows cannot be put into the folder that `spool_dir` names; reads the file system."""
    if folder and isinstance(folder, str) and not Path(folder).is_dir():
        yield f"spool_dir: there is no folder {folder}."
