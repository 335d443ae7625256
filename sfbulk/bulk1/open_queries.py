"""Closes the query jobs of Bulk API 1.0 that killed runs have left open.

Such a job stays Open until somebody closes it. So each process notes the ids of its own in a
temporary folder, which goes with the process. A later one finds that of a killed process, and
closes its jobs. Their results can still be read, also by a run that goes on with one of them.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from sfbulk.errors import SalesforceError
from sfbulk.run_folder import RunFolder, remove_abandoned

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

log = logging.getLogger(__name__)

_PREFIX = "sfbulk-queries-"
_IDS = "750*"

_lock = threading.Lock()
_folders: dict[str, RunFolder | None] = {}
"""By org; None where no folder can be made."""


def close_left(org: str, close: Callable[[str], None]) -> None:
    """API calls: close the jobs of killed processes, at the first call in a process.

    Args:
        org: the address of the org.
        close: API call: closes the job with an id if it is open.
    """
    # It only tidies up, so a full disk is no error.
    with suppress(OSError):
        _folder(org, close)


def note(org: str, job_id: str, close: Callable[[str], None]) -> None:
    """Note a job that was created; see `close_left`, which is done before."""
    with suppress(OSError):
        if folder := _folder(org, close):
            (folder.path / job_id).touch()


def forget(org: str, job_id: str) -> None:
    """Forget a job that is closed or aborted."""
    folder = _folders.get(org)
    if folder:
        with suppress(OSError):
            (folder.path / job_id).unlink(missing_ok=True)


def _folder(org: str, close: Callable[[str], None]) -> RunFolder | None:
    with _lock:
        if org not in _folders:
            # One for each org, as another org's jobs cannot be closed here.
            prefix = f"{_PREFIX}{hashlib.sha256(org.encode()).hexdigest()[:12]}-"
            _folders[org] = None
            _folders[org] = RunFolder(prefix, None)
            remove_abandoned(prefix, None, before=partial(_close_all, close))
        return _folders[org]


def _close_all(close: Callable[[str], None], folder: Path) -> None:
    for path in sorted(folder.glob(_IDS)):
        _close_left(close, path.name)


def _close_left(close: Callable[[str], None], job_id: str) -> None:
    try:
        close(job_id)
        log.info("Job %s of a run that was killed is closed", job_id)
    except SalesforceError as error:
        # It loads nothing, and Salesforce removes it after seven days.
        reason = error.code or type(error).__name__
        log.warning("Could not close job %s of a run that was killed: %s", job_id, reason)
