"""How a run ended, in the words of the page."""

from __future__ import annotations

from dataclasses import dataclass

GOOD, PARTLY, BAD, BUSY = "good", "partly", "bad", "busy"


@dataclass(frozen=True)
class Ending:
    """How a run ended.

    Attributes:
        look: One of `GOOD`, `PARTLY`, `BAD`, `BUSY`.
        title: In a few words.
        reason: Why the exit code is 1; empty for others.
        exit_code: None while the run goes on.
    """

    look: str
    title: str
    reason: str = ""
    exit_code: int | None = None

    @classmethod
    def complete(cls, refused: int) -> Ending:
        """The run has read all input; `refused` records are within what is allowed."""
        if not refused:
            return cls(GOOD, "Complete", exit_code=0)
        noun = "record" if refused == 1 else "records"
        return cls(PARTLY, f"Complete, with {refused:,} refused {noun}", exit_code=0)

    @classmethod
    def failed(cls, reason: str) -> Ending:
        """The run ended with this error."""
        return cls(BAD, "Failed", reason, 1)

    @classmethod
    def stopped(cls, signal: str) -> Ending:
        """The run was stopped by a signal, such as `SIGTERM`."""
        reason = f"{signal} stopped the run before the end of its input."
        return cls(BAD, f"Stopped by {signal}", reason, 1)

    @classmethod
    def open(cls) -> Ending:
        """The run has not ended when the page was written."""
        return cls(BUSY, "Not ended when this page was written")
