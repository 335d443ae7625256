"""The walk-through of docs/sandbox.md, run as it stands against an org with objects of its own."""

from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import BIN, ROOT, bash, succeed

if TYPE_CHECKING:
    from pathlib import Path

TIER = {
    "name": "Tier__c",
    "label": "Tier",
    "type": "picklist",
    "restrictedPicklist": True,
    "picklistValues": [
        {"active": True, "defaultValue": False, "label": word, "validFor": None, "value": word}
        for word in ("Gold", "Silver")
    ],
}
WORDS = "Tier: bad value for restricted picklist field: Golden"


def walk_through() -> str:
    text = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
    steps = re.findall(r"<!-- example: rehearse -->\n```bash\n(.*?)```", text, re.DOTALL)
    assert len(steps) == 4
    # Whatever happens, what the steps leave running ends with the script.
    return "\n".join(["trap 'kill $(jobs -p); wait' EXIT", *steps])


def own_describes(folder: Path) -> Path:
    """Describes of the org whose load is rehearsed: Account has a picklist of its own."""
    folder.mkdir()
    account: dict[str, Any] = json.loads(succeed([BIN / "sfbulk-sandbox", "describe", "Account"]))
    template = next(field for field in account["fields"] if field["name"] == "Industry")
    account["fields"].append({**template, **TIER, "custom": True})
    (folder / "Account.json").write_text(json.dumps(account))
    return folder


@pytest.mark.skipif(not shutil.which("curl"), reason="the walk-through uses curl")
def test_a_load_is_rehearsed_against_the_describe_of_another_org(tmp_path: Path) -> None:
    folder = tmp_path / "rehearsal"
    folder.mkdir()
    with Sandbox(describe=own_describes(tmp_path / "own"), sample=False) as real:
        credentials = {"INSTANCE_URL": real.url, "ACCESS_TOKEN": real.access_token}
        done = bash(walk_through(), folder, **credentials)
        asked = [(one.method, one.path) for one in real.requests]
    assert done.returncode == 0, done.stderr
    assert asked == [("GET", "/services/data/v68.0/sobjects/Account/describe")]
    loaded, refused, rejects = done.stdout.splitlines()
    assert (loaded, refused) == ("Account: 1", "refused rows:")
    reject = json.loads(rejects)
    assert (reject["record"]["Ext_Id__c"], reject["kind"]) == ("A-2", "rejected")
    assert (reject["code"], reject["message"]) == (
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        WORDS,
    )
    with Sandbox(db=folder / "rehearsal.db") as kept:
        rows = kept.org.query("SELECT Ext_Id__c, Name, Tier__c FROM Account").rows()
        assert [list(row) for row in rows] == [["A-1", "Acme Ltd", "Gold"]]
