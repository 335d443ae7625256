"""docs/troubleshooting.md: its commands run as they stand, and show the causes that it names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sfbulk_sandbox import Sandbox
from tests.e2e.commands import ROOT, bash, sign_in, write_json
from tests.target.support import Org, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
SECTIONS = re.findall(r"^##+ ([^\n]+)\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = {
    title: "".join(re.findall(r"^```bash\n(.*?)^```", body, re.MULTILINE | re.DOTALL))
    for title, body in SECTIONS
}

pytestmark = pytest.mark.slow


class Desk:
    """A folder in which a tap has run once, and a target twice, with a refused row each time."""

    def __init__(self, sandbox: Sandbox, folder: Path) -> None:
        self.folder = folder
        self.sandbox = sandbox
        signed_in = sign_in(sandbox)
        target = {"external_id": "Ext_Id__c", "streams": {"contacts": {"sobject": "Contact"}}}
        write_json(folder / "tap.json", {**signed_in, "streams_to_discover": ["Account"]})
        org = Org(sandbox, folder)
        for key in ("C-1", "C-2"):
            run = org.load(
                schema("contacts", "Ext_Id__c", "LastName", key="Ext_Id__c"),
                record("contacts", Ext_Id__c=f"{key}-good", LastName="Good"),
                record("contacts", Ext_Id__c=key, LastName=None),
                state(at=key),
                **target,
            )
            assert run.code == 1, run.log
        write_json(folder / "target.json", {**signed_in, **target})
        self.job = org.jobs()[0]["id"]
        rows = self.shell("tap-sfbulk --config tap.json > rows.jsonl").folder / "rows.jsonl"
        (folder / "state.json").write_bytes(rows.read_bytes().splitlines()[-1])

    def shell(self, lines: str) -> Shown:
        """What the lines print; they must not fail."""
        done = bash(lines, self.folder, JOB=self.job)
        assert done.returncode == 0, done.stderr
        return Shown(done.stdout.splitlines(), done.stderr, self.folder)


class Shown(NamedTuple):
    lines: list[str]
    log: str
    folder: Path


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    with Sandbox() as sandbox:
        yield Desk(sandbox, tmp_path_factory.mktemp("desk"))


def test_every_section_is_tried_here() -> None:
    tried = set(re.findall(r'BLOCKS\["([^"]+)"\]', Path(__file__).read_text("utf-8")))
    assert tried == {title for title, block in BLOCKS.items() if block}


def test_no_rows_came(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["No rows came"])
    accounts = desk.sandbox.org.counts()["Account"]
    rows = (desk.folder / "accounts.csv").read_text("utf-8").splitlines()
    assert len(rows) == accounts + 1
    bookmark = json.loads(shown.lines[-1])["value"]["bookmarks"]["Account"]
    assert set(bookmark) >= {"replication_key", "replication_key_value", "window_end"}


def test_a_field_is_missing(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["A field is missing"])
    assert "Account.Rating\tread\tgranted\t\t" in shown.lines
    assert int(shown.lines[-1]) > 0
    hidden = BLOCKS["A field is missing"].replace("Rating", "Hidden__c").partition("\n")[0]
    assert "Account.Hidden__c\tread\tmissing" in "\n".join(desk.shell(f"{hidden} || true").lines)


def test_the_loader_rounds_my_numbers(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["The loader rounds my numbers"])
    assert any(re.search(r'"AnnualRevenue":\d+', line) for line in shown.lines)


def test_all_objects_were_read(desk: Desk) -> None:
    assert desk.shell(BLOCKS["All objects were read"]).lines == ["1"]
    variable = re.search(r"`(TAP_SFBULK_STREAMS_TO_DISCOVER=.*?)`", PAGE)
    assert variable
    settings = json.loads((desk.folder / "tap.json").read_text())
    given = "".join(
        f"TAP_SFBULK_{k.upper()}={v} " for k, v in settings.items() if "streams" not in k
    )
    command = f"{variable[1]} {given} tap-sfbulk --config ENV --discover > catalog.json"
    desk.shell(command)
    assert len(json.loads((desk.folder / "catalog.json").read_text())["streams"]) == 1


def test_all_rows_are_read_in_each_run(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["All rows are read in each run"])
    assert shown.lines[0] == '"replication_key":"SystemModstamp"'


def test_deleted_rows(desk: Desk) -> None:
    (number,) = desk.shell(BLOCKS["Deleted rows are still in the warehouse"]).lines
    assert number.isdigit()


def test_the_exit_code_is_1_but_rows_are_in(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["The exit code is 1, but rows are in"])
    assert '  "loaded": 1,' in shown.lines
    assert shown.lines[-1].split() == ["2", '"code":"REQUIRED_FIELD_MISSING"']


def test_the_rejects_file_has_old_rows(desk: Desk) -> None:
    *runs, last = desk.shell(BLOCKS["The rejects file has old rows"]).lines
    assert len(runs) == 2
    assert re.findall(r"\d{8}T\d{6}Z-\w{6}", last)[0] in "".join(runs)


def test_a_refused_row_is_not_sent_again(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["A refused row is not sent again"])
    assert shown.lines[0].startswith("Journal output/journal.sqlite")


def test_state_does_not_move(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["STATE does not move"])
    assert any(line.startswith(f"{desk.job}\tBULK2\tupsert\tContact") for line in shown.lines)


def test_the_run_hangs(desk: Desk) -> None:
    assert desk.job in "\n".join(desk.shell(BLOCKS["The run hangs"]).lines)


def test_the_certificate_is_not_trusted(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["The certificate is not trusted, or a proxy is in the way"])
    assert any(line.startswith("DailyApiRequests\t") for line in shown.lines)


def test_rows_wait_for_locks(desk: Desk) -> None:
    assert desk.shell(BLOCKS["Rows wait for locks"]).lines == ["0"]


def test_a_setting_has_no_effect(desk: Desk) -> None:
    assert desk.shell(BLOCKS["A setting has no effect"]).lines == ['"max_rejects"']


def test_more_is_logged(desk: Desk) -> None:
    shown = desk.shell(BLOCKS["Ask for more"])
    assert re.search(r"DEBUG.*GET /services/data/v68\.0/sobjects", shown.log)
    assert desk.sandbox.access_token not in shown.log
    assert desk.sandbox.client_secret not in shown.log
