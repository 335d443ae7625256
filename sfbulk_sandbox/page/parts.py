"""The parts of the org that the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from sfbulk_sandbox.faults.kinds import fault_document
from sfbulk_sandbox.limits import DAILY_API_REQUESTS, DAILY_INGEST_BATCHES, DAILY_QUERY_JOBS
from sfbulk_sandbox.page.bulk1_jobs import bulk1_lines
from sfbulk_sandbox.page.bulk2_jobs import bulk2_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sfbulk_sandbox.bulk1 import jobs as bulk1
    from sfbulk_sandbox.bulk2 import jobs as bulk2
    from sfbulk_sandbox.control.verbs import Control
    from sfbulk_sandbox.faults.kinds import ScriptedFault
    from sfbulk_sandbox.faults.progress import Progress
    from sfbulk_sandbox.limits import Usage
    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.page.jobs import JobLine
    from sfbulk_sandbox.sign_in.sessions import SignInState

_SHORT_ID = 15
_VERSION = 68.0
_COUNTED = (DAILY_API_REQUESTS, DAILY_QUERY_JOBS, DAILY_INGEST_BATCHES)


@dataclass(frozen=True)
class LimitLine:
    """A limit of /limits."""

    name: str
    remaining: int
    maximum: int


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What the page reads, and what its buttons change.

    Attributes:
        access_token: The session that is valid from the start.
        jobs: The jobs of Bulk API 2.0.
        bulk1_jobs: Returns the jobs of Bulk API 1.0.
    """

    org: Org
    control: Control
    progress: Progress
    usage: Usage
    sign_in: SignInState
    access_token: str
    jobs: bulk2.Jobs
    bulk1_jobs: Callable[[], Iterable[bulk1.Job]]

    def job_lines(self) -> list[JobLine]:
        """Return the jobs of both APIs, newest first."""
        lines = bulk2_lines(self.jobs, self.org.clock.now()) + bulk1_lines(self.bulk1_jobs())
        return sorted(lines, key=attrgetter("created", "id"), reverse=True)

    def job_line(self, job_id: str) -> JobLine | None:
        """Return a job by its id of 15 or 18 characters."""
        wanted = job_id[:_SHORT_ID]
        return next((line for line in self.job_lines() if line.id[:_SHORT_ID] == wanted), None)

    def limits(self) -> list[LimitLine]:
        """Return the limits that the org counts, and those that a test has changed."""
        document = self.usage.document(_VERSION)
        lines = [LimitLine(name, one["Remaining"], one["Max"]) for name, one in document.items()]
        return [one for one in lines if one.name in _COUNTED or one.remaining != one.maximum]

    def faults(self) -> list[Mapping[str, Any]]:
        """Return the scripted faults as they were given: without the keys that are defaults."""
        return [_given_keys(fault) for fault in self.control.faults]


def _given_keys(fault: ScriptedFault) -> Mapping[str, Any]:
    defaults = {one.name: _default(one) for one in msgspec.structs.fields(fault)}
    return {
        key: value
        for key, value in fault_document(fault).items()
        if key == "kind" or value != defaults[key]
    }


def _default(field: msgspec.structs.FieldInfo) -> Any:
    factory = field.default_factory
    return field.default if factory is msgspec.NODEFAULT else factory()
