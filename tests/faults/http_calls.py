"""Counts the requests of this process, and shortens the patience of each."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests


class HttpCalls:
    """The requests of one run of a client.

    Args:
        patience: Seconds that a request waits for its answer; None leaves that to the client.
    """

    def __init__(self, patience: float | None) -> None:
        self.sent = 0
        self._patience = patience
        self._lock = threading.Lock()

    def around(self, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
        """`requests.Session.request`, counted."""

        def counted(session: requests.Session, *args: Any, **options: Any) -> requests.Response:
            with self._lock:
                self.sent += 1
            if self._patience is not None:
                options["timeout"] = self._patience
            return send(session, *args, **options)

        return counted
