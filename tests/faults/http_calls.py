"""Counts and names the requests of this process, shortens their patience, sends some nowhere."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import requests

from tests.faults.variants import REFUSED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

NAME = "x-request-name"
"""The header by which a request is found among those that the sandbox has carried out."""


class HttpCalls:
    """The requests of one run of a client.

    Args:
        patience: Seconds that a request waits for its answer; None leaves that to the client.
        refused: The numbers of requests, from 0, that go to a port at which nobody listens.
    """

    def __init__(self, patience: float | None, refused: Collection[int] = ()) -> None:
        self.sent = 0
        self.given_up: list[str] = []
        """The names of the requests whose answer was not waited for."""
        self._patience = patience
        self._refused = refused
        self._lock = threading.Lock()

    def around(self, send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
        """`requests.Session.request`, counted."""

        def counted(
            session: requests.Session, method: str, url: str, **options: Any
        ) -> requests.Response:
            with self._lock:
                number = self.sent
                self.sent += 1
            if self._patience is not None:
                options["timeout"] = self._patience
            if number in self._refused:
                return _sent_nowhere(send, session, method, url, **options)
            name = str(uuid4())
            options["headers"] = {**(options.get("headers") or {}), NAME: name}
            try:
                return send(session, method, url, **options)
            except requests.ReadTimeout:
                self.given_up.append(name)
                raise

        return counted


def _sent_nowhere(
    send: Callable[..., requests.Response],
    session: requests.Session,
    method: str,
    url: str,
    **options: Any,
) -> requests.Response:
    """Send a request to a port that is taken, so that nobody else can begin to listen there."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        place = urlsplit(url)._replace(netloc=f"127.0.0.1:{taken.getsockname()[1]}")
        return send(session, method, urlunsplit(place), **options)


def split(faults: Iterable[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], list[int]]:
    """The faults of the sandbox, and the numbers of the requests that are refused."""
    given = [*faults]
    theirs = [fault for fault in given if fault["kind"] != REFUSED]
    return theirs, [fault["skip"] for fault in given if fault["kind"] == REFUSED]
