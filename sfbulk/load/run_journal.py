"""The journal during one run: settles what earlier runs left, then records this one."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING
from uuid import uuid4

from sfbulk.errors import JournalError
from sfbulk.load.journal_file import JournalFile
from sfbulk.load.recovery import Recovery
from sfbulk.private_files import private_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Self

    from sfbulk.load.columns import Describe
    from sfbulk.load.journal_entries import LoadName
    from sfbulk.load.journal_file import LoadJournal
    from sfbulk.load.recovery import Report, Reported
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)


class RunJournal:
    """The journal of a run, as a context manager.

    API calls, when it is made: what earlier runs have left is settled; see `Recovery`.

    Args:
        path: the journal's file; it is created if it does not exist.
        transport: the org.
        describe: describes an object.
        parent: where `folder` is made; None for the folder of the journal.
        report: writes down rejected rows of earlier runs; without it they are sent again.
        reported: finds those that are written down already.

    Raises:
        JournalError: another run uses it, it is damaged, or it cannot be written.
        SalesforceError: Salesforce does not answer.
    """

    def __init__(  # noqa: PLR0913 - all that a caller can say of lost rows
        self,
        path: Path,
        transport: Transport,
        describe: Describe,
        *,
        parent: Path | None = None,
        report: Report | None = None,
        reported: Reported | None = None,
    ) -> None:
        self._journal = JournalFile(path, transport.clock)
        self._is_removed = False
        self._loads: list[LoadJournal] = []
        # Recorded before it is made, so that a run that is killed in between leaves none behind.
        self.folder = (parent or path.parent).resolve() / f"{path.name}-{uuid4().hex[:12]}"
        """For the files of this run. They must outlive it: a later run may need them."""
        try:
            self._org = transport.instance_url
            Recovery(
                transport,
                self._journal,
                self._org,
                describe=describe,
                report=report,
                reported=reported,
            ).run()
            self._journal.record_folder(self._org, self.folder)
            private_folder(self.folder)
        except BaseException:
            self._journal.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def load(
        self,
        name: LoadName,
        folder: Path | None = None,
        *,
        before_sending: Callable[[], None] = lambda: None,
    ) -> LoadJournal:
        """The journal of one load of this run.

        Args:
            name: names the load; the same one in every run.
            folder: where the load keeps its files, if not in `folder` itself.
            before_sending: called before a file is sent, to write what a later run needs of it.
        """
        load = self._journal.load(self._org, name, folder or self.folder, before_sending)
        self._loads.append(load)
        return load

    def end(self, *, one_load_a_name: bool = False) -> None:
        """The run has read its input to the end, and each row has its outcome: forget all rows.

        Args:
            one_load_a_name: whether the rows of a name are loaded in one way only, so that what
                earlier runs have loaded under the same name in other ways is forgotten too.
        """
        # Before: a run that is killed after it has forgotten its rows would load them again.
        self._remove_folder()
        for load in self._loads:
            if left := load.end():
                log.warning(
                    "%s: %d rows that an earlier run has sent did not come again. Their outcome is "
                    "in that run's log, and they are forgotten now",
                    load.name.name,
                    left,
                )
        for name in dict.fromkeys(load.name.name for load in self._loads):
            if one_load_a_name and (left := self._journal.forget_name(self._org, name)):
                log.warning(
                    "%s: %d rows that an earlier run has sent with other settings (object, "
                    "operation or external id) are forgotten now",
                    name,
                    left,
                )

    def close(self) -> None:
        """Let other runs use the journal; remove the folder if no later run needs its files.

        Each step of a row is recorded by now. So this raises no error: where it cannot be written
        that the folder is gone, a later run finds out.
        """
        try:
            self._remove_folder()
        except JournalError as error:
            log.warning("%s", error)
        try:
            self._journal.close()
        except JournalError as error:
            log.warning("%s", error)

    def _remove_folder(self) -> None:
        # A job of this run may still load rows, and its rejected rows are only in these files.
        if not self._is_removed and not self._journal.has_unsettled(self._org):
            shutil.rmtree(self.folder, ignore_errors=True)
            self._journal.forget_folder(self.folder)
            self._is_removed = True
