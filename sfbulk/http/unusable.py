"""The error for an answer that says it is good, and is not what was asked for; no I/O."""

from __future__ import annotations

from typing import Protocol

from sfbulk.errors import TransportError

_ADVICE = (
    "Run again later. If it stays, check the proxies on the way and https://status.salesforce.com, "
    "and report it."
)


class _Sent(Protocol):
    """What was sent: a `Request`, whose module uses this one."""

    @property
    def purpose(self) -> str: ...

    @property
    def job_id(self) -> str | None: ...


def unusable(
    request: _Sent, status: int, what: str, *, attempts: int | None = None
) -> TransportError:
    """The error for a success whose body is not the answer.

    Args:
        request: what was sent.
        status: the status of the answer.
        what: describes the body.
        attempts: how often such a request is sent at most; None: as often as others.
    """
    return TransportError(
        f"{request.purpose}: HTTP {status} with {what}. {_ADVICE}",
        ambiguous=True,
        attempts=attempts,
        status=status,
        job_id=request.job_id,
    )
