"""What the streams of a run share of the org: the client, its checks, the journal and the loads.

Each part is made when the first stream needs it, so a run without a stream makes no request.
"""

from __future__ import annotations

import weakref
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sfbulk import Salesforce
from target_sfbulk.all_streams import Preflight
from target_sfbulk.journal import TargetJournal
from target_sfbulk.load_context import LoadContext
from target_sfbulk.org_schema import OrgSchema
from target_sfbulk.settings import bulk1_concurrency, job_limits

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sfbulk.clock import Clock
    from sfbulk.load import LoadGroup
    from sfbulk.settings import Settings
    from target_sfbulk.output import RunOutput


class RunOrg:
    """The org, as one run uses it.

    Args:
        config: The target's settings, `with_defaults`.
        client_settings: The client's part of them.
        output: The files of the run.
        clock: The time.
        on_step: Called while a load may wait for a long time; see `LoadGroup.on_step`.
        fed_run: For rejects that are loaded again: returns the run that rejected those of a stream.
    """

    def __init__(  # noqa: PLR0913 - all that is needed of a run
        self,
        config: Mapping[str, Any],
        client_settings: Settings,
        output: RunOutput,
        clock: Clock,
        *,
        on_step: Callable[[], None],
        fed_run: Callable[[str], str] | None,
    ) -> None:
        self._config = config
        self._client_settings = client_settings
        self._output = output
        self._clock = clock
        self._on_step = on_step
        self._fed_run = fed_run

    @cached_property
    def preflight(self) -> Preflight:
        """The checks of the streams."""
        return Preflight(self._config, OrgSchema(self._salesforce))

    @property
    def group(self) -> LoadGroup:
        """The loads of all streams."""
        return self.context.group

    @cached_property
    def journal(self) -> TargetJournal:
        """API call, the first time: the journal, when what earlier runs left is settled."""
        return TargetJournal(self._config, self._salesforce, self._output, self._fed_run)

    @cached_property
    def context(self) -> LoadContext:
        """API call, the first time: what the loads of all streams share."""
        group = self._salesforce.load_group(
            jobs_in_flight=self._config["max_jobs_in_flight"], more_objects=True
        )
        # The group may wait for a long time, for the end of jobs or for room to buffer.
        group.on_step = self._on_step
        return LoadContext(
            self._salesforce,
            self.journal.folder,
            job_limits(self._config),
            group,
            self._clock,
            bulk1_concurrency(self._config),
            self.journal,
        )

    @cached_property
    def _salesforce(self) -> Salesforce:
        salesforce = Salesforce.from_settings(self._client_settings)
        # The SDK has no hook that is called however a target's run ends.
        weakref.finalize(self, salesforce.close)
        return salesforce
