"""CumulusCI loads, extracts and deletes a data set; it reaches Bulk API 1.0 by salesforce-bulk.

It takes an org that speaks https only.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import ROWS, Salesforce, held
from tests.clients.installed import python_client, run

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

pytestmark = pytest.mark.skipif(
    sys.version_info < (3, 11), reason="CumulusCI 4.10 needs Python 3.11 or newer"
)

PROJECT = """\
project:
  name: sandbox
  package: {name: sandbox, api_version: "62.0"}
"""
MAPPING = """\
accounts:
  sf_object: Account
  table: accounts
  api: %s
  fields: [%s]
"""


class Project:
    """A project of CumulusCI in a folder, with an org named `sandbox`."""

    def __init__(self, salesforce: Salesforce, folder: Path, api: str) -> None:
        self._folder = folder
        home = folder / "home"
        (home / ".cumulusci").mkdir(parents=True)
        # It looks for a newer version of itself an hour after the last time.
        (home / ".cumulusci" / "cumulus_timestamp").write_text(str(time.time()))
        run("git", "init", "--quiet", folder)
        (folder / "cumulusci.yml").write_text(PROJECT)
        (folder / "mapping.yml").write_text(MAPPING % (api, ", ".join(ROWS[0])))
        sandbox = salesforce.sandbox
        org = {
            "access_token": sandbox.access_token,
            "instance_url": "https://example.my.salesforce.com",
            "username": sandbox.username,
            "id": f"{sandbox.url}/id/{sandbox.org.id}/{sandbox.org.user_id}",
        }
        self._environment = salesforce.environment | {
            "HOME": str(home),
            "CUMULUSCI_KEYCHAIN_CLASS": "cumulusci.core.keychain.EnvironmentProjectKeychain",
            "CUMULUSCI_DISABLE_REFRESH": "1",
            "CUMULUSCI_ORG_sandbox": json.dumps(org),
        }

    def task(self, name: str, *words: str) -> None:
        """Run a task on the org to its good end."""
        command = (python_client("cumulusci") / "cci", "task", "run", name, "--org", "sandbox")
        run(*command, *words, cwd=self._folder, environment=self._environment)


def data_set(rows: list[dict[str, str]]) -> str:
    """Return rows as the SQL that CumulusCI keeps a data set in."""
    with closing(sqlite3.connect(":memory:")) as database:
        columns = ", ".join(f'"{name}" VARCHAR(255)' for name in rows[0])
        database.execute(f"CREATE TABLE accounts (id INTEGER NOT NULL PRIMARY KEY, {columns})")
        marks = ", ".join("?" * len(rows[0]))
        for row in rows:
            values = list(row.values())
            database.execute(f"INSERT INTO accounts VALUES (NULL, {marks})", values)  # noqa: S608 - question marks
        return "\n".join(database.iterdump())


def rows_of(data_set: str) -> list[dict[str, str]]:
    """Return the rows of such SQL."""
    with closing(sqlite3.connect(":memory:")) as database:
        database.executescript(data_set)
        names = list(ROWS[0])
        found = database.execute(f"SELECT {', '.join(names)} FROM accounts ORDER BY Ext_Id__c")  # noqa: S608 - constants
        return [dict(zip(names, row, strict=True)) for row in found]


@pytest.mark.parametrize("api", ["bulk", "rest"])
def test_cumulusci_loads_extracts_and_deletes(
    salesforce: Callable[[], AbstractContextManager[Salesforce]], tmp_path: Path, api: str
) -> None:
    with salesforce() as there:
        project = Project(there, tmp_path, api)
        (tmp_path / "in.sql").write_text(data_set(ROWS), "utf-8")
        project.task("load_dataset", "--mapping", "mapping.yml", "--sql_path", "in.sql")
        assert held(there.sandbox) == ROWS
        project.task("extract_dataset", "--mapping", "mapping.yml", "--sql_path", "out.sql")
        assert rows_of((tmp_path / "out.sql").read_text("utf-8")) == ROWS
        project.task("delete_data", "--objects", "Account", "--api", api)
        assert there.sandbox.org.counts()["Account"] == 0
        asynchronous = {"/services/async/" in call.path for call in there.sandbox.requests}
    assert (True in asynchronous) is (api == "bulk")
