"""Query jobs of Bulk API 1.0 of a process that was killed are closed by the next one."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from sfbulk import Bulk1JobState, Salesforce
from sfbulk.bulk1 import open_queries
from tests.client.sign_in_settings import client_credentials

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sfbulk_sandbox import Sandbox

SOQL = "SELECT Id FROM Account"
KILLED = """
import json, os, signal, sys, tempfile
from sfbulk import Salesforce
tempfile.tempdir = sys.argv[1]
with Salesforce.from_settings(json.loads(sys.argv[2])) as sf:
    ended, left = (sf.bulk1.query_job("Account") for _ in range(2))
    ended.abort()
    print(left.id, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def new_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process has created no query yet."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(open_queries, "_folders", {})


def left_by_a_killed_process(settings: Mapping[str, str], temporary: Path) -> str:
    line = [sys.executable, "-c", KILLED, str(temporary), json.dumps(settings)]
    done = subprocess.run(line, stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip()


def test_the_open_query_of_a_killed_process_is_closed_by_the_next_query(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    settings = client_credentials(sandbox)
    left = left_by_a_killed_process(settings, tmp_path)
    (folder,) = tmp_path.glob("sfbulk-queries-*")
    assert [path.name for path in folder.glob("750*")] == [left]
    with Salesforce.from_settings(settings) as sf:
        assert sf.bulk1.job(left).state is Bulk1JobState.OPEN
        living = sf.bulk1.query_job("Account")
        assert sf.bulk1.job(left).state is Bulk1JobState.CLOSED
        assert not folder.exists()
        # The same in a later query of this process, and its own job is no job of a killed one.
        list(sf.bulk1.query(SOQL))
        assert sf.bulk1.job(living.id).state is Bulk1JobState.OPEN
    (own,) = tmp_path.glob("sfbulk-queries-*")
    assert [path.name for path in own.glob("750*")] == [living.id]


def test_a_job_that_cannot_be_closed_does_not_disturb_the_query(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = client_credentials(sandbox)
    left = left_by_a_killed_process(settings, tmp_path)
    refusal = [{"errorCode": "API_DISABLED_FOR_ORG", "message": "no luck"}]
    path = f"/services/async/*/job/{left}"
    sandbox.control.add_fault(kind="answer", path=path, status=403, body=refusal)
    with Salesforce.from_settings(settings) as sf:
        list(sf.bulk1.query(SOQL))
    assert sandbox.control.faults == []
    assert f"Could not close job {left} of a run that was killed" in caplog.text
