"""The server: uvicorn in a thread, on the loopback address only."""

from __future__ import annotations

import socket
import struct
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    import asyncio
    from asyncio import Transport
    from pathlib import Path

    from starlette.types import ASGIApp

LOOPBACK = "127.0.0.1"
# After this time, open answers to clients that do not read them are cut.
_GRACE_SECONDS = 2


class Connections:
    """The open connections by client address, so that a fault can close one, or write to it."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, int], Transport] = {}

    def disconnect(self, client: tuple[str, int], *, reset: bool = False) -> None:
        """Close a client's connection. To be called on the event loop.

        Args:
            client: The client's host and port.
            reset: Reset it (RST), and drop what is not sent. Else its buffer is sent first.
        """
        transport = self._open.pop(client, None)
        if transport is not None and reset:
            # A socket that closes without lingering sends RST instead of FIN.
            transport.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
            )
            transport.abort()
        elif transport is not None:
            transport.close()

    def write(self, client: tuple[str, int], data: bytes) -> None:
        """Send bytes that are no part of an answer. To be called on the event loop."""
        transport = self._open.get(client)
        if transport is not None:
            transport.write(data)

    def protocol(self) -> type[asyncio.Protocol]:
        """Return an HTTP protocol class that registers its connections here."""
        open_connections = self._open

        class CuttableProtocol(H11Protocol):
            """uvicorn's protocol; it registers its connection."""

            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                super().connection_made(cast("Transport", transport))
                self._peer = transport.get_extra_info("peername")
                open_connections[self._peer] = cast("Transport", transport)

            def connection_lost(self, exc: Exception | None) -> None:
                open_connections.pop(self._peer, None)
                super().connection_lost(exc)

        return CuttableProtocol


@dataclass(frozen=True)
class Tls:
    """PEM files: a certificate (with its chain) and its private key."""

    certificate: Path
    key: Path


class Server:
    """An ASGI app on a port of 127.0.0.1. It cannot listen on another address.

    Args:
        app: The app.
        connections: Where connections are registered.
        port: The port; 0 for a free one.
        tls: Certificate and key for https; None for http.

    Raises:
        OSError: The port is in use, or the certificate cannot be used.
    """

    def __init__(
        self, app: ASGIApp, connections: Connections, port: int = 0, tls: Tls | None = None
    ) -> None:
        # Without IPPROTO_TCP, asyncio leaves Nagle's algorithm on, which costs 40 ms an answer.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        # So that a port can be used again at once after a sandbox has ended.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        config = uvicorn.Config(
            app,
            http=connections.protocol(),
            loop="asyncio",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            # What a client says of another address is not believed.
            proxy_headers=False,
            # Date comes from the org's clock.
            date_header=False,
            timeout_graceful_shutdown=_GRACE_SECONDS,
            ssl_certfile=tls.certificate if tls else None,
            ssl_keyfile=tls.key if tls else None,
        )
        try:
            self._bind(port)
            # Not in the thread, so that the caller gets the error of a wrong certificate file.
            config.load()
        except OSError:
            self._socket.close()
            raise
        self._ready = threading.Event()
        self._server = _SignallingServer(config, self._ready)
        self._thread = threading.Thread(target=self._run, name="sandbox-http", daemon=True)

    def _bind(self, port: int) -> None:
        try:
            self._socket.bind((LOOPBACK, port))
        except OSError as error:
            # The original text does not name the address.
            raise OSError(error.errno, error.strerror, f"{LOOPBACK}:{port}") from error

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._socket.getsockname()[1]
        return port

    def start(self) -> None:
        """Start the server, and return when it is ready.

        Raises:
            RuntimeError: The server ended before it was ready.
        """
        self._thread.start()
        self._ready.wait()
        if not self._server.started:
            raise RuntimeError("the sandbox's HTTP server ended before it was ready")

    def stop(self) -> None:
        """Stop the server, and return when it has ended."""
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        try:
            # `finally`, so that `start` does not wait without end if the server cannot start.
            self._server.run(sockets=[self._socket])
        finally:
            self._ready.set()


class _SignallingServer(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Set the event when the server accepts connections."""
        await super().startup(sockets)
        self._ready.set()
