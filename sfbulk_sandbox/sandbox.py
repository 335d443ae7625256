"""The sandbox as a context manager: an org, its HTTP server and its temporary files."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from sfbulk_sandbox.app import App
from sfbulk_sandbox.clock import SYSTEM_CLOCK
from sfbulk_sandbox.http.local import names_of_certificate
from sfbulk_sandbox.http.recorder import CONTROL_PREFIX
from sfbulk_sandbox.http.server import LOOPBACK, Connections, Server, Tls
from sfbulk_sandbox.open_org import OrgOpener

if TYPE_CHECKING:
    from types import TracebackType

    from typing_extensions import Self

    from sfbulk_sandbox.clock import Clock
    from sfbulk_sandbox.control.verbs import Control
    from sfbulk_sandbox.http.recorder import RecordedRequest
    from sfbulk_sandbox.sign_in.sessions import Credentials


class Sandbox:
    """A local Salesforce org that runs during the `with` block.

    ::

        with Sandbox() as sandbox:
            requests.get(sandbox.url + "/services/data")

    Args:
        data: A folder of `<SObject>.csv` files to load as rows.
        describe: A folder of describe JSON of a real org, for the objects.
        sample: Load the sample rows of this package. The default is to load them if neither data
            nor describe is given.
        seed: Decides ids and credentials; the same seed gives the same ones. Without a seed the
            credentials are random, and stay the same for the file `db`; the ids are those of the
            seed of the file, or of 0.
        port: The port on 127.0.0.1; 0 for a free one.
        db: A file that keeps the org's rows, seed and describes. None for an org that ends with the
            sandbox. Rows are loaded only if the file is new.
        certificate: A PEM file for https, for clients that refuse http; None for http.
        key: The PEM file of the certificate's private key.
        clock: The server's time.

    Attributes:
        org: The rows and the schema. A test may read and change them.
    """

    def __init__(  # noqa: PLR0913 - settings of the one class users construct, all but two by name
        self,
        data: Path | None = None,
        describe: Path | None = None,
        *,
        sample: bool | None = None,
        seed: int | None = None,
        port: int = 0,
        db: Path | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._opener = OrgOpener(
            data=data,
            describe=describe,
            sample=sample if sample is not None else not (data or describe),
            seed=seed,
            db=db,
            clock=clock,
        )
        self._port = port
        self._tls = _tls(certificate, key)
        self._clock = clock
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # If the start fails, the inner stack closes what is already open.
            self._start(stack)
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def control(self) -> Control:
        """The control plane."""
        return self._app.control

    @property
    def requests(self) -> list[RecordedRequest]:
        """The requests made so far."""
        return self.control.requests

    @property
    def control_url(self) -> str:
        """The URL of the control plane."""
        return self.url + CONTROL_PREFIX

    @property
    def client_id(self) -> str:
        """The connected app's key."""
        return self._credentials.client_id

    @property
    def client_secret(self) -> str:
        """The connected app's secret."""
        return self._credentials.client_secret

    @property
    def refresh_token(self) -> str:
        """The user's valid refresh token."""
        return self._app.sign_in.refresh_token.value

    @property
    def username(self) -> str:
        """The username."""
        return self._credentials.username

    @property
    def password(self) -> str:
        """The user's password, without the security token."""
        return self._credentials.password

    @property
    def security_token(self) -> str:
        """The security token, which clients append to the password."""
        return self._credentials.security_token

    def ready_line(self) -> dict[str, str]:
        """Return URLs and credentials, as `sfbulk-sandbox serve` prints them."""
        names = (
            "url",
            "access_token",
            "client_id",
            "client_secret",
            "refresh_token",
            "username",
            "password",
            "security_token",
            "control_url",
        )
        return {name: getattr(self, name) for name in names}

    @property
    def _credentials(self) -> Credentials:
        return self._app.sign_in.credentials

    def _start(self, stack: ExitStack) -> None:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sfbulk-sandbox-")))
        opened = stack.enter_context(self._opener.org(folder))
        self.org = opened.org
        self._app = App(
            opened,
            clock=self._clock,
            folder=folder / "jobs",
            reload=self._reload,
        )
        # Callbacks run in reverse order: the server stops before the app closes.
        stack.callback(self._app.close)
        connections = Connections()
        names = names_of_certificate(self._tls.certificate) if self._tls else ()
        app = self._app.asgi(connections, names)
        server = Server(app, connections, self._port, self._tls)
        server.start()
        stack.callback(server.stop)
        self.url = f"{'https' if self._tls else 'http'}://{LOOPBACK}:{server.port}"
        self.access_token = self._app.access_token

    def _reload(self) -> None:
        self._opener.reload(self.org)


def _tls(certificate: Path | None, key: Path | None) -> Tls | None:
    if certificate and key:
        return Tls(certificate, key)
    if certificate or key:
        raise ValueError("https needs both certificate and key; the other one is missing")
    return None
