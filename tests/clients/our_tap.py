"""Our tap on an org that another extractor has read, with that one's catalog and state."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.clients.conftest import json_lines
from tests.clients.installed import run

if TYPE_CHECKING:
    from tests.clients.conftest import Salesforce


class OurTap:
    """tap-sfbulk on the same org."""

    def __init__(self, salesforce: Salesforce, folder: Path) -> None:
        self._salesforce, self._folder = salesforce, folder
        config = salesforce.config() | {
            "login_url": salesforce.sandbox.url,
            "streams_to_discover": ["Invoice__c"],
        }
        self._config = self._file("ours.json", config)

    def read(self, **files: Any) -> list[dict[str, Any]]:
        """Return the messages of a run with these documents as `--catalog` and `--state`."""
        words: list[str | Path] = []
        for option, document in files.items():
            words += [f"--{option}", self._file(f"ours-{option}.json", document)]
        # A window ends before the second in which it is read, and so without what was just changed.
        changed = int(time.time())
        while int(time.time()) == changed:
            pass
        command = Path(sys.executable).with_name("tap-sfbulk")
        environment = self._salesforce.environment
        return json_lines(run(command, "--config", self._config, *words, environment=environment))

    def _file(self, name: str, document: Any) -> Path:
        path = self._folder / name
        path.write_text(json.dumps(document), "utf-8")
        return path
