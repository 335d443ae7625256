"""The outcome of each record of a 2.0 load, in the order of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import (
    ApiError,
    JobAborted,
    JobFailed,
    Operation,
    ResultsMismatch,
    RowCountMismatch,
    RowOutcome,
    RowStatus,
    Salesforce,
    client,
)
from sfbulk.load import record_load
from sfbulk.load.group import BufferLimits
from sfbulk.load.spool import FileLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox import Sandbox

ABCDE = [{"Name": f"N{letter}"} for letter in "abcde"]
STATUSES = {"S": RowStatus.SUCCEEDED, "F": RowStatus.FAILED, "U": RowStatus.UNPROCESSED}


def expected(letters: str) -> list[tuple[int, RowStatus]]:
    """`SFU` for: the first is in, the second refused, the third not tried."""
    return [(at, STATUSES[letter]) for at, letter in enumerate(letters, start=1)]


def told(outcomes: list[RowOutcome]) -> list[tuple[int, RowStatus]]:
    return [(outcome.number, outcome.status) for outcome in outcomes]


def accounts(sandbox: Sandbox) -> dict[str, str]:
    rows = sandbox.org.query("SELECT Name, Id FROM Account").rows()
    return {str(name): str(record_id) for name, record_id in rows}


def test_every_record_of_an_insert_has_its_id_by_its_values(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records: list[dict[str, Any]] = [
        {"Name": f"New {n}", "AnnualRevenue": n if n % 2 else None} if n % 7 else {"Name": None}
        for n in range(1, 60)
    ]
    outcomes = list(sf.load("Account", Operation.INSERT, records))
    assert told(outcomes) == expected("".join("S" if n % 7 else "F" for n in range(1, 60)))
    saved = accounts(sandbox)
    for record, outcome in zip(records, outcomes, strict=True):
        if outcome.success:
            assert outcome.id == saved[record["Name"]]
            assert outcome.created
        else:
            assert outcome.error
            assert outcome.error.code == "REQUIRED_FIELD_MISSING"


def test_every_record_of_an_upsert_has_its_outcome_by_its_key(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    records = [
        {"Ext_Id__c": "new-1", "Name": "a"},
        {"Ext_Id__c": "e001", "Name": "b"},
        {"Ext_Id__c": "new-2", "Name": "x" * 300},
        {"Ext_Id__c": "E001", "Name": "c"},
    ]
    outcomes = list(sf.load("Account", Operation.UPSERT, records, external_id="Ext_Id__c"))
    assert told(outcomes) == expected("SSFS")
    assert [outcome.created for outcome in outcomes] == [True, False, False, False]
    saved = accounts(sandbox)
    assert outcomes[0].id == saved["a"]
    assert outcomes[1].id == outcomes[3].id == saved["c"]
    # The later version of E001 went into a later job.
    assert len({outcome.job_id for outcome in outcomes}) == 2


def test_records_are_found_by_ids_of_15_characters(sandbox: Sandbox, sf: Salesforce) -> None:
    ids = sorted(accounts(sandbox).values())
    rows = [{"Id": record_id[:15]} for record_id in ids]
    outcomes = list(sf.load("Account", Operation.DELETE, rows))
    assert [outcome.id for outcome in outcomes] == ids
    assert told(outcomes) == expected("S" * len(ids))


def test_numbers_dates_and_parents_come_back_in_another_form_and_are_matched(
    sf: Salesforce,
) -> None:
    (account,) = sf.load("Account", Operation.INSERT, [{"Name": "P", "Ext_Id__c": "p"}])
    assert account.success
    rows = [
        {
            "Name": f"Deal {n}",
            "StageName": "Prospecting",
            "CloseDate": "2026-11-25",
            "Amount": text,
            "Account.Ext_Id__c": "P",
        }
        for n, text in enumerate(["1", "1.50", "912260031", "0.10"])
    ]
    outcomes = list(sf.load("Opportunity", Operation.INSERT, rows))
    assert told(outcomes) == expected("SSSS")


def test_rows_of_a_failed_job_are_reported_before_the_error(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    sandbox.control.add_fault(kind="job_failed", after_rows=2, message="InternalServerError : no")
    outcomes: list[RowOutcome] = []
    with pytest.raises(JobFailed, match="2 succeeded, 0 failed, 3 not processed"):
        outcomes.extend(
            outcome
            for outcome in sf.load(
                "Account", Operation.INSERT, [{"Name": f"N{n}"} for n in "abcde"]
            )
        )
    assert told(outcomes) == expected("SSUUU")
    assert outcomes[4].error
    assert (outcomes[4].error.code, outcomes[4].error.message) == ("InternalServerError", "no")
    assert {"Na", "Nb"} <= accounts(sandbox).keys()


def test_rows_of_a_job_with_unknown_columns_are_unprocessed(sf: Salesforce) -> None:
    outcomes: list[RowOutcome] = []
    with pytest.raises(JobFailed, match="Nope__c"):
        outcomes.extend(
            outcome for outcome in sf.load("Account", Operation.INSERT, [{"Nope__c": "1"}] * 3)
        )
    assert told(outcomes) == expected("UUU")


def test_equal_records_have_one_outcome_each(sandbox: Sandbox, sf: Salesforce) -> None:
    outcomes = list(sf.load("Account", Operation.INSERT, [{"Name": "Twin"}] * 3))
    assert told(outcomes) == expected("SSS")
    assert len({outcome.id for outcome in outcomes}) == 3
    assert sandbox.org.query("SELECT Id FROM Account WHERE Name = 'Twin'").total() == 3


def results(sandbox: Sandbox, name: str, *rows: str, times: int | None = 1) -> None:
    """Let a result list have these rows, without its header."""
    own = {"successfulResults": "sf__Created", "failedResults": "sf__Error"}[name]
    sandbox.control.add_fault(
        kind="answer",
        path=f"*/{name}",
        status=200,
        headers={"Content-Type": "text/csv"},
        body="\n".join([f'"sf__Id","{own}",Name,Site', *rows, ""]),
        times=times,
    )


def test_a_result_with_other_values_belongs_to_the_only_row_without_a_result(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    results(sandbox, "successfulResults", '"001000000000001AAA","true",Somebody else,')
    (outcome,) = sf.load("Account", Operation.INSERT, [{"Name": "Me", "Site": ""}])
    assert (outcome.success, outcome.id) == (True, "001000000000001AAA")
    assert outcome.returned == {"Name": "Somebody else", "Site": ""}


REFUSED: list[dict[str, Any]] = [
    {"Name": "Good", "Site": "0"},
    {"Name": "", "Site": "1"},
    {"Name": "", "Site": "2"},
    {"Name": "", "Site": "3 "},
]
LISTED = [f'"","REQUIRED_FIELD_MISSING:no {at}:Name --",,{at}' for at in (2, 1)]


@pytest.mark.parametrize("site", ["3", "something else"])
@pytest.mark.parametrize("every_row", [True, False])
def test_a_refused_row_that_comes_back_with_other_values_is_found(
    sandbox: Sandbox, sf: Salesforce, site: str, *, every_row: bool
) -> None:
    changed = f'"","REQUIRED_FIELD_MISSING:no 3:Name --",,{site}'
    results(sandbox, "failedResults", changed, *LISTED)
    if every_row:
        outcomes = list(sf.load("Account", Operation.INSERT, REFUSED))
        assert told(outcomes) == expected("SFFF")
        failures = outcomes[1:]
    else:
        summary = sf.insert("Account", REFUSED)
        assert (summary.succeeded, summary.failed, summary.unknown) == (1, 3, 0)
        failures = summary.failures
    assert [(each.number, each.error and each.error.message) for each in failures] == [
        (2, "no 1"),
        (3, "no 2"),
        (4, "no 3"),
    ]


def test_rows_whose_results_cannot_be_told_apart_are_unknown_with_every_reason(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    results(sandbox, "failedResults", '"","A:a:--",x,x', '"","B:b:--",y,y', times=None)
    results(
        sandbox,
        "successfulResults",
        '"001000000000001AAA","true",z,z',
        '"001000000000002AAA","true",Good,0',
        times=None,
    )
    # Two of which are refused, as the lists say too.
    records = [*REFUSED[:3], {"Name": "Fine", "Site": "9"}]
    outcomes = list(sf.load("Account", Operation.INSERT, records))
    statuses = [RowStatus.SUCCEEDED, *[RowStatus.UNKNOWN] * 3]
    assert [outcome.status for outcome in outcomes] == statuses
    assert [error.code for error in outcomes[1].errors] == ["UNKNOWN", "A", "B"]
    summary = sf.insert("Account", records)
    assert (summary.succeeded, summary.failed, summary.unknown) == (2, 2, 0)
    assert [each.number for each in summary.failures] == [2, 3, 4]


def test_what_is_known_is_reported_before_the_error_of_counts_that_do_not_add_up(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    results(sandbox, "failedResults", '"","A:a:--",x,x', *LISTED[:1], times=None)
    with pytest.raises(
        ResultsMismatch, match=r"1 of the results of job .* and 1 of 4 rows have no"
    ):
        sf.insert("Account", REFUSED)
    outcomes = outcomes_before(ResultsMismatch, sf.load("Account", Operation.INSERT, REFUSED))
    unknown = RowStatus.UNKNOWN
    statuses = [RowStatus.SUCCEEDED, unknown, RowStatus.FAILED, unknown]
    assert [outcome.status for outcome in outcomes] == statuses


def test_more_results_than_rows_are_an_error_after_what_is_known(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    more = (f'"","A:a:--",x,{at}' for at in range(3))
    results(sandbox, "failedResults", *LISTED, *more, times=None)
    outcomes = outcomes_before(RowCountMismatch, sf.load("Account", Operation.INSERT, REFUSED))
    unknown = RowStatus.UNKNOWN
    statuses = [RowStatus.SUCCEEDED, RowStatus.FAILED, RowStatus.FAILED, unknown]
    assert [outcome.status for outcome in outcomes] == statuses


def test_outcomes_come_in_the_order_of_the_records_across_jobs_and_rounds(
    sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=400, rows=1_000))
    monkeypatch.setattr(record_load, "BUFFER_LIMITS", BufferLimits(bytes=2_000))
    records = [
        {"Name": f"N{n}"} if n % 3 else {"Name": f"N{n}", "Site": "x" * 20} for n in range(300)
    ]
    outcomes = list(sf.load("Account", Operation.INSERT, records))
    assert told(outcomes) == expected("S" * 300)
    assert len({outcome.job_id for outcome in outcomes}) > 8


def test_outcomes_come_while_a_slow_generator_is_read(
    sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job is sent when its file is full, but not before the first 1,000 records were read."""
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=100_000, rows=500))
    read = 0

    def records() -> Iterator[dict[str, Any]]:
        nonlocal read
        for read in range(1, 2_201):
            if read > 1_000:
                # As long as the polls of a job wait, in the time of this client.
                sf._transport.clock.sleep(1.0)
            yield {"Name": f"N{read}"}

    seen = [(read, one.number) for one in sf.load("Account", Operation.INSERT, records())]
    assert [number for _, number in seen] == list(range(1, 2_201))
    assert 1_000 <= seen[0][0] < 1_100


def test_a_load_describes_its_object_once(sandbox: Sandbox, sf: Salesforce) -> None:
    sf.insert("Account", [{"Name": "One"}, {"Name": "Two", "Site": "x"}])
    described = [call.path for call in sandbox.requests if call.path.endswith("/describe")]
    assert described == ["/services/data/v68.0/sobjects/Account/describe"]


def outcomes_before(error: type[Exception], outcomes: Iterator[RowOutcome]) -> list[RowOutcome]:
    told: list[RowOutcome] = []
    with pytest.raises(error):
        told.extend(outcome for outcome in outcomes)
    return told


def test_records_whose_job_was_never_created_are_reported_too(
    sandbox: Sandbox, sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "JOB_LIMITS", FileLimits(bytes=400, rows=1_000))
    sandbox.control.add_fault(kind="job_failed", skip=1, message="InternalServerError : no luck")
    records = [{"Name": f"N{n:03d}"} for n in range(300)]
    rows = sf.load("Account", Operation.INSERT, records, jobs_in_flight=1)
    outcomes = outcomes_before(JobFailed, rows)
    assert [outcome.number for outcome in outcomes] == list(range(1, 301))
    saved = accounts(sandbox)
    for record, outcome in zip(records, outcomes, strict=True):
        assert outcome.success == (record["Name"] in saved)
    unsent = [outcome for outcome in outcomes if outcome.job_id is None]
    assert 0 < len(unsent) < 300
    assert {outcome.status for outcome in unsent} == {RowStatus.UNPROCESSED}


def test_records_of_a_job_that_cannot_be_read_are_unknown(sandbox: Sandbox, sf: Salesforce) -> None:
    body = [{"errorCode": "API_ERROR", "message": "no luck"}]
    sandbox.control.add_fault(
        kind="answer", method="GET", path="*/failedResults", status=400, body=body
    )
    outcomes = outcomes_before(ApiError, sf.load("Account", Operation.INSERT, ABCDE))
    assert [(o.number, o.status) for o in outcomes] == [(n, RowStatus.UNKNOWN) for n in range(1, 6)]
    assert all(outcome.job_id for outcome in outcomes)
    # In fact they are loaded: a row whose outcome is not known is never called unprocessed.
    assert {"Na", "Ne"} <= accounts(sandbox).keys()


def test_records_whose_upload_was_refused_are_unprocessed(sandbox: Sandbox, sf: Salesforce) -> None:
    body = [{"errorCode": "API_ERROR", "message": "no luck"}]
    sandbox.control.add_fault(kind="answer", method="PUT", path="*/batches", status=400, body=body)
    outcomes = outcomes_before(ApiError, sf.load("Account", Operation.INSERT, ABCDE))
    assert told(outcomes) == expected("UUUUU")
    assert "Na" not in accounts(sandbox)


def empty(sandbox: Sandbox, *lists: str) -> None:
    """Let some result lists have no rows."""
    for name in lists:
        sandbox.control.add_fault(
            kind="answer", method="GET", path=f"*/{name}", status=200, body="", times=None
        )


@pytest.mark.parametrize(
    ("lists", "statuses"),
    [
        (["failedResults"], "S?S"),
        (["successfulResults"], "?F?"),
        (["successfulResults", "failedResults"], "???"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("external_id", [None, "Ext_Id__c"])
def test_rows_in_no_result_list_of_a_completed_job_are_unknown(
    sandbox: Sandbox, sf: Salesforce, lists: list[str], statuses: str, external_id: str | None
) -> None:
    records = [
        {"Ext_Id__c": key, "Name": name} for key, name in [("a", "A"), ("b", ""), ("c", "C")]
    ]
    operation = Operation.UPSERT if external_id else Operation.INSERT
    empty(sandbox, *lists)
    outcomes = list(sf.load("Account", operation, records, external_id=external_id))
    wanted = [STATUSES.get(letter, RowStatus.UNKNOWN) for letter in statuses]
    assert [outcome.status for outcome in outcomes] == wanted
    for outcome in outcomes:
        if outcome.status is RowStatus.UNKNOWN:
            assert outcome.error
            assert outcome.error.code == "UNKNOWN"
            assert "Query the record before you send it again" in outcome.error.message
            assert outcome.job_id
    assert {"A", "C"} <= accounts(sandbox).keys()


def test_a_summary_counts_rows_in_no_result_list_as_unknown(
    sandbox: Sandbox, sf: Salesforce
) -> None:
    empty(sandbox, "failedResults")
    summary = sf.insert("Account", [{"Name": name} for name in ("A", None, "C")])
    counts = (summary.succeeded, summary.failed, summary.unprocessed, summary.unknown)
    assert counts == (2, 0, 0, 1)
    assert [(each.number, each.status) for each in summary.failures] == [(2, RowStatus.UNKNOWN)]
    assert len(summary.job_ids) == 1


@pytest.mark.parametrize("end", ["job_failed", "job_aborted"])
def test_rows_of_a_failed_job_that_are_in_no_list_are_unknown(
    sandbox: Sandbox, sf: Salesforce, end: str
) -> None:
    sandbox.control.add_fault(kind=end, after_rows=2)
    empty(sandbox, "unprocessedrecords")
    error = JobFailed if end == "job_failed" else JobAborted
    outcomes = outcomes_before(error, sf.load("Account", Operation.INSERT, ABCDE))
    assert [outcome.status for outcome in outcomes] == [
        *[RowStatus.SUCCEEDED] * 2,
        *[RowStatus.UNKNOWN] * 3,
    ]
    sandbox.control.add_fault(kind=end, after_rows=2)
    with pytest.raises(error, match="2 succeeded, 0 failed, 0 not processed, 3 unknown"):
        sf.insert("Account", ABCDE)
