"""How many rejected rows a run may have: `max_rejects` as a count and as a share."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from target_sfbulk.report import RejectBudget, StreamReport
from target_sfbulk.run_reports import AccountsError
from target_sfbulk.target import TargetSfbulk
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from sfbulk.load import FileOutcome
    from tests.target.support import Org

ACCOUNTS = schema("Account", "Name")


@pytest.mark.parametrize(
    ("budget", "most"),
    [
        ("0", 0),
        (" 10 ", 10),
        (10, 10),
        ("0%", 0),
        (" 2 % ", 200),
        ("2.5%", 250),
        # Each of these is a little less as a binary number.
        ("0.57%", 57),
        ("0.29%", 29),
        ("1.1%", 110),
        ("100%", 10_000),
    ],
)
def test_a_budget_is_exact_to_the_row(budget: str | int, most: int) -> None:
    parsed = RejectBudget.parse(budget)
    assert not parsed.is_exceeded(rejected=most, read=10_000)
    assert parsed.is_exceeded(rejected=most + 1, read=10_000) is (most < 10_000)


@pytest.mark.parametrize("budget", ["0", "10", "0%", "2%", "100%"])
def test_of_no_rows_none_are_too_many(budget: str) -> None:
    assert not RejectBudget.parse(budget).is_exceeded(rejected=0, read=0)


def test_all_rows_may_be_rejected_beside_those_of_an_earlier_run() -> None:
    assert not RejectBudget.parse("100%").is_exceeded(rejected=5, read=3)


@pytest.mark.parametrize("budget", ["", "-1", "1.5", "-1%", "101%", "100.1%", "%", "1e1", ".5%"])
def test_what_is_neither_a_count_nor_a_share_is_refused(budget: str) -> None:
    with pytest.raises(ValueError, match="max_rejects must be a count"):
        RejectBudget.parse(budget)


@pytest.mark.parametrize(("budget", "code"), [("0%", 1), (" 50 % ", 0), ("49.9%", 1), ("100%", 0)])
def test_a_share_decides_the_exit_code_when_the_input_ends(
    org: Org, budget: str, code: int
) -> None:
    # Salesforce requires the name.
    rows = [record("Account", Name="Acme"), record("Account", Name=None)]
    run = org.load(ACCOUNTS, *rows, state(done=1), operation="insert", max_rejects=budget)
    assert run.code == code, run.log
    assert run.states == [{"done": 1}]
    assert len(run.rejects("Account")) == 1
    if code:
        assert run.reason.startswith("1 of 2 rows were rejected, and max_rejects allows ")


def test_a_run_without_rows_ends_well_with_any_budget(org: Org) -> None:
    for budget in ("0", "0%", "100%"):
        run = org.load(ACCOUNTS, state(done=1), operation="insert", max_rejects=budget)
        assert (run.code, run.states) == (0, [{"done": 1}]), run.log


def test_a_run_whose_outcomes_are_not_as_many_as_its_records_is_an_error(
    org: Org, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose_a_row(report: StreamReport, outcome: FileOutcome) -> None:
        add(report, outcome)
        report.loaded -= 1

    add = StreamReport.add
    target = TargetSfbulk(config=json.loads(org.config(operation="insert").read_text()))
    monkeypatch.setattr(StreamReport, "add", lose_a_row)
    lines = as_lines([ACCOUNTS, record("Account", Name="A"), record("Account", Name="B")])
    with pytest.raises(AccountsError, match="2 records were read, but 1 are loaded, 0 skipped"):
        target.listen(io.TextIOWrapper(io.BytesIO(lines)))


@pytest.mark.parametrize(
    ("operation", "counts", "unaccounted"),
    [
        ("upsert", {"read": 5, "loaded": 2, "skipped": 1, "rejected": 2}, 0),
        ("upsert", {"read": 5, "loaded": 2, "rejected": 2}, 1),
        ("upsert", {"read": 1, "loaded": 2}, -1),
        ("mirror", {"read": 4, "loaded": 1, "deleted_marked": 2, "already_gone": 1}, 0),
        ("mirror", {"read": 4, "loaded": 2, "deleted_marked": 1}, 1),
        # A record that the source no longer has could not be deleted: it is not in the input.
        ("mirror", {"read": 1, "loaded": 1, "rejected": 1, "deleted_missing": 3}, 0),
    ],
)
def test_records_without_an_outcome_are_counted(
    operation: str, counts: dict[str, int], unaccounted: int
) -> None:
    report = StreamReport("S", "Account", operation, "run", "time", "file")
    for name, count in counts.items():
        setattr(report, name, count)
    assert report.unaccounted == unaccounted
