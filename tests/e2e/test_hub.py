"""The Meltano Hub definitions under `hub/`, added to a new project by Meltano itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hub.definitions import KINDS_OF_PLUGINS, path_of
from sfbulk_sandbox import Sandbox
from tests.e2e.meltano_shell import Shell, built_wheel
from tests.target.support import Org, as_lines, record, schema, state

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.slow
@pytest.mark.meltano
@pytest.mark.timeout(600)
def test_meltano_adds_both_plugins_from_their_definitions(tmp_path: Path) -> None:
    with Sandbox() as org:
        shell = Shell(tmp_path, org)
        shell("meltano init project")
        shell.folder = project = tmp_path / "project"
        wheel = built_wheel(tmp_path)
        for command in KINDS_OF_PLUGINS:
            text = path_of(command).read_text("utf-8")
            ref = tmp_path / f"{command}.yml"
            ref.write_text(text.replace("pip_url: sfbulk\n", f"pip_url: {wheel}\n"), "utf-8")
            log = shell(
                f"meltano add {command} --from-ref {ref}\n"
                f"meltano config set {command} client_id YOUR_CLIENT_ID\n"
                f"meltano config set {command} client_secret YOUR_CLIENT_SECRET\n"
                f"meltano config list {command}"
            )
            assert "client_id, client_secret, login_url" in log
        # All settings with a default are given here, each with this default.
        shell("meltano config set tap-sfbulk streams_to_discover '[\"Account\"]'")
        shell("meltano invoke tap-sfbulk --test")
        shell("meltano config set target-sfbulk external_id Ext_Id__c")
        rows = [
            schema("Account", "Ext_Id__c", "Name"),
            record("Account", Ext_Id__c="H", Name="Hub"),
        ]
        (project / "rows.jsonl").write_bytes(as_lines([*rows, state(done=True)]))
        assert "done" in shell("meltano invoke target-sfbulk <rows.jsonl")
        assert Org(org, tmp_path).query("SELECT Name FROM Account WHERE Ext_Id__c = 'H'")
