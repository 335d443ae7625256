"""Remembers the jobs a client has created, to tell a lost one from them."""

from __future__ import annotations

import threading


class KnownJobs:
    """What a client knows of its own jobs; shared by its threads."""

    def __init__(self) -> None:
        self.creating = threading.Lock()
        """Hold it while a job is created and added: a lost one is told from the others by
        being unknown."""
        self._ids: set[str] = set()
        self.user_id: str | None = None
        """Who creates them, once Salesforce has said."""

    def add(self, job_id: str) -> None:
        """Take a job for known."""
        self._ids.add(job_id)

    def __contains__(self, job_id: object) -> bool:
        return job_id in self._ids
