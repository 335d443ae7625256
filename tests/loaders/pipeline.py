"""The tap and one loader as processes, joined as a shell joins them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.clients.conftest import json_lines
from tests.clients.installed import RUN_SECONDS, run, without_python_settings
from tests.e2e.commands import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

TAP = Path(sys.executable).with_name("tap-sfbulk")
Schemas = dict[str, dict[str, dict[str, Any]]]
"""What a catalog declares for a field in the place of what is discovered: by stream, by field."""


class LoaderFailed(Exception):  # noqa: N818 - it says what happened
    """The loader ended with an error; the text is its stderr."""


class Pipeline:
    """The tap and a loader; the state goes from run to run.

    Args:
        folder: Where the files of the runs lie.
        config: The settings of the tap.
        loader: The loader's command.
        settings: The settings of the loader.
        schemas: What the catalog declares, as Meltano's `schema` does; None for no catalog.
    """

    def __init__(
        self,
        folder: Path,
        config: Mapping[str, Any],
        loader: Path,
        settings: Mapping[str, Any],
        schemas: Schemas | None = None,
    ) -> None:
        self._folder, self._loader = folder, loader
        self._settings = write_json(folder / "loader.json", settings)
        self._config = write_json(folder / "tap.json", config)
        self._words: list[str | Path] = ["--catalog", self._catalog(schemas)] if schemas else []
        self.state: dict[str, Any] = {}

    def run(self) -> list[dict[str, Any]]:
        """Load what a run reads, and return its records.

        Raises:
            LoaderFailed: The loader ended with an error.
        """
        state = write_json(self._folder / "state.json", self.state)
        lines = run(TAP, "--config", self._config, "--state", state, *self._words)
        self._load(lines)
        messages = json_lines(lines)
        self.state = [message["value"] for message in messages if message["type"] == "STATE"][-1]
        return [message["record"] for message in messages if message["type"] == "RECORD"]

    def _load(self, lines: str) -> None:
        done = subprocess.run(
            [self._loader, "--config", self._settings],
            input=lines.encode(),
            capture_output=True,
            check=False,
            timeout=RUN_SECONDS,
            cwd=self._folder,
            env=without_python_settings(),
        )
        if done.returncode:
            raise LoaderFailed(done.stderr.decode(errors="replace"))

    def _catalog(self, schemas: Schemas) -> Path:
        catalog = json.loads(run(TAP, "--config", self._config, "--discover"))
        for stream in catalog["streams"]:
            declared = schemas.get(stream["tap_stream_id"], {})
            for name, schema in declared.items():
                stream["schema"]["properties"][name] |= schema
        return write_json(self._folder / "catalog.json", catalog)
