"""The loading engine: what it sends and when, how much it buffers, and what it reports."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, JobFailed, Operation, RowStatus, Salesforce
from sfbulk.load import Detail, FileLimits, Row
from sfbulk.load.group import BufferLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from sfbulk.load import FileOutcome
    from sfbulk.load.row_file import RowFile
    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock

JOB_BYTES = 1_000
"""90 rows of `row`."""


def row(number: int) -> Row:
    return Row(("Name",), [f"Many {number:03d}"])


class Load:
    """A group with one loader."""

    def __init__(self, sf: Salesforce, folder: Path, options: dict[str, Any]) -> None:
        of_group = {name: options.pop(name) for name in ("jobs_in_flight",) if name in options}
        self.group = sf.load_group(**of_group)
        limits = FileLimits(**{"bytes": JOB_BYTES, "rows": JOB_BYTES, **options.pop("limits", {})})
        self.loader = sf.loader(
            "Account", Operation.INSERT, folder, group=self.group, limits=limits, **options
        )

    def add(self, *numbers: int) -> None:
        for number in numbers:
            self.loader.add(number, row(number))
            self.group.advance()


@pytest.fixture
def new_load(sf: Salesforce, tmp_path: Path) -> Callable[..., Load]:
    return lambda **options: Load(sf, tmp_path, options)


def steps(sandbox: Sandbox) -> list[str]:
    """The requests to ingest jobs, without polls and results."""
    return [
        call.method
        for call in sandbox.requests
        if "/jobs/ingest" in call.path and call.method != "GET"
    ]


def advance_until(load: Load, clock: FakeClock, *, pending: int) -> None:
    """Look again and again: the sandbox works on a released job in a thread of its own."""
    pause = threading.Event()
    for _ in range(1_000):
        clock.sleep(60)
        load.group.advance()
        if load.loader.pending_rows == pending:
            return
        pause.wait(0.01)
    pytest.fail(f"{load.loader.pending_rows} rows are still pending")


def test_a_full_file_is_sent_while_rows_are_taken_and_others_run(
    sandbox: Sandbox, new_load: Callable[..., Load]
) -> None:
    sandbox.control.hold_jobs()
    load = new_load(jobs_in_flight=3)
    loader = load.loader
    with load.group:
        load.add(*range(1, 91))
        assert steps(sandbox) == []
        load.add(*range(91, 400))
        # The sandbox has finished none of them.
        assert steps(sandbox).count("POST") == 3
        assert (loader.settled_to, loader.pending_rows) == (0, 399)
        sandbox.control.jobs_at_once()
        load.group.drain()
        assert (loader.settled_to, loader.pending_rows, loader.pending_bytes) == (399, 0, 0)
        load.group.finish()
    assert sandbox.org.query("SELECT Id FROM Account WHERE Name LIKE 'Many%'").total() == 399


def test_a_file_is_cut_by_its_number_of_rows(
    sandbox: Sandbox, new_load: Callable[..., Load]
) -> None:
    load = new_load(limits={"rows": 4})
    load.add(*range(1, 12))
    assert steps(sandbox).count("POST") == 2
    load.group.drain()
    assert steps(sandbox).count("POST") == 3


def test_a_file_is_cut_by_the_age_of_its_first_row(
    sandbox: Sandbox, new_load: Callable[..., Load], clock: FakeClock
) -> None:
    load = new_load(limits={"seconds": 30})
    load.add(1)
    clock.sleep(20)
    load.add(2)
    assert steps(sandbox) == []
    assert load.group.due == 30
    clock.sleep(10)
    load.group.advance()
    assert steps(sandbox) == ["POST", "PUT", "PATCH"]
    # The next row begins a new file, which has all of its time.
    load.add(3)
    clock.sleep(29)
    load.group.advance()
    assert steps(sandbox).count("POST") == 1
    load.group.drain()
    assert load.loader.settled_to == 3


def test_no_more_jobs_run_than_are_allowed_for_all_loads_together(
    sandbox: Sandbox, sf: Salesforce, tmp_path: Path
) -> None:
    sandbox.control.hold_jobs()
    group = sf.load_group(jobs_in_flight=3)
    loads = []
    for at in range(2):
        (folder := tmp_path / str(at)).mkdir()
        limits = FileLimits(10_000, rows=2)
        loads.append(sf.loader("Account", Operation.INSERT, folder, group=group, limits=limits))
    for number in range(1, 10):
        for loader in loads:
            loader.add(number, row(number))
            group.advance()
    assert steps(sandbox).count("POST") == 3
    sandbox.control.jobs_at_once()
    group.drain()
    assert [loader.settled_to for loader in loads] == [9, 9]


def test_rows_are_settled_up_to_the_first_row_without_outcome(
    sandbox: Sandbox, new_load: Callable[..., Load], clock: FakeClock
) -> None:
    sandbox.control.hold_jobs()
    load = new_load()
    loader = load.loader
    with load.group:
        load.add(*range(1, 200))
        first, second = (
            call.path.split("/")[-2] for call in sandbox.requests if call.method == "PUT"
        )
        sandbox.control.release_jobs(second)
        advance_until(load, clock, pending=109)
        assert [outcome.job_id for outcome in loader.settled()] == [second]
        assert (loader.settled_to, loader.pending_rows) == (0, 109)
        sandbox.control.release_jobs(first)
        advance_until(load, clock, pending=19)
        assert (loader.settled_to, loader.pending_rows) == (180, 19)
        sandbox.control.jobs_at_once()
        load.group.drain()
        assert loader.settled_to == 199


def test_successes_leave_no_objects_behind(new_load: Callable[..., Load]) -> None:
    for detail in (Detail.REJECTED, Detail.CREATED):
        load = new_load(detail=detail)
        loader = load.loader
        with load.group:
            load.add(*range(1, 100))
            load.group.drain()
            outcomes: list[FileOutcome] = list(loader.settled())
            assert sum(outcome.counts.succeeded for outcome in outcomes) == 99
            assert [outcome.rows for outcome in outcomes] == [[]] * len(outcomes)
            assert list(loader.settled()) == []


def test_a_refused_job_leaves_its_rows_unsettled(
    sandbox: Sandbox, new_load: Callable[..., Load]
) -> None:
    body = [{"errorCode": "API_ERROR", "message": "no luck"}]
    sandbox.control.add_fault(
        kind="answer", method="PUT", path="*/batches", status=400, body=body, skip=1
    )
    load = new_load(jobs_in_flight=1)
    loader = load.loader
    load.add(*range(1, 300))
    with pytest.raises(ApiError, match="no luck") as caught:
        load.group.drain()
    assert loader.settled_to == 90
    left = list(loader.unsettled(caught.value))
    assert left[0].number == 91
    assert all(outcome.error and "no luck" in outcome.error.message for outcome in left)


def test_the_error_of_each_parallel_job_is_raised_or_logged_once(
    sandbox: Sandbox, sf: Salesforce, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.control.add_fault(kind="job_failed", message="InternalServerError : no", times=2)
    records = [{"Name": "a", "ParentId": None}, {"Name": "b", "Parent.Ext_Id__c": None}]
    with pytest.raises(JobFailed, match="InternalServerError : no") as caught:
        sf.insert("Account", records, jobs_in_flight=2)
    assert sandbox.control.faults == []
    errors = [line.getMessage() for line in caplog.records if line.levelname == "ERROR"]
    assert len({str(caught.value), *errors}) == 2
    assert len(errors) == 1


class Notes:
    """A journal that keeps the order of the steps."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str | None]] = []
        self.loaded: set[tuple[int, bytes]] = set()

    def begin(self, file: RowFile) -> None:
        self.lines.append((f"begin {file.rows}", None))

    def upload(self, file: RowFile, job_id: str) -> None:
        self.lines.append((f"upload {file.rows}", job_id))

    def close(self, file: RowFile, job_id: str) -> None:
        self.lines.append((f"close {file.rows}", job_id))

    def read(self, file: RowFile, job_id: str, batch_id: str | None) -> None:
        self.lines.append((f"read {file.rows} {(batch_id or '')[:3]}".strip(), job_id))

    def add(self, file: RowFile, job_id: str) -> None:
        self.lines.append((f"add {file.rows}", job_id))

    def added(self, file: RowFile, job_id: str, batch_id: str) -> None:
        self.lines.append((f"added {file.rows} {batch_id[:3]}", job_id))

    def settled(self, file: RowFile, not_loaded: Collection[int]) -> None:
        self.lines.append((f"settled {file.rows - len(not_loaded)}", None))

    def digest(self, row: Row) -> bytes:
        return b"".join(cell.encode() for cell in row.cells)

    def known(self, number: int, digest: bytes) -> RowStatus | None:
        return RowStatus.SUCCEEDED if (number, digest) in self.loaded else None


def test_a_journal_is_called_before_each_step_of_a_2_0_job(sf: Salesforce) -> None:
    notes = Notes()
    (job_id,) = sf.insert("Account", [{"Name": "a"}, {"Name": "b"}], journal=notes).job_ids
    assert notes.lines == [
        ("begin 2", None),
        ("upload 2", job_id),
        ("close 2", job_id),
        ("read 2", job_id),
        ("settled 2", None),
        ("settled 2", None),
    ]


def test_a_journal_is_called_before_each_step_of_a_1_0_batch(sf: Salesforce) -> None:
    notes = Notes()
    (job_id,) = sf.bulk1.insert("Account", [{"Name": "a"}], journal=notes).job_ids
    assert notes.lines == [
        ("begin 1", None),
        ("add 1", job_id),
        ("added 1 751", job_id),
        ("read 1 751", job_id),
        ("settled 1", None),
    ]


def test_a_step_is_recorded_before_it_is_done(sandbox: Sandbox, sf: Salesforce) -> None:
    class Watching(Notes):
        def upload(self, file: RowFile, job_id: str) -> None:
            seen["upload"] = steps(sandbox)
            super().upload(file, job_id)

        def close(self, file: RowFile, job_id: str) -> None:
            seen["close"] = steps(sandbox)
            super().close(file, job_id)

    seen: dict[str, list[str]] = {}
    sf.insert("Account", [{"Name": "a"}], journal=Watching())
    assert seen == {"upload": ["POST"], "close": ["POST", "PUT"]}


def test_a_file_whose_upload_is_unknown_starts_again(sandbox: Sandbox, sf: Salesforce) -> None:
    sandbox.control.set_behaviour(counts_after_upload="hidden")
    sandbox.control.add_fault(kind="lost", method="PUT", path="*/batches")
    notes = Notes()
    summary = sf.insert("Account", [{"Name": "Once"}], journal=notes)
    assert [step for step, _ in notes.lines] == [
        *["begin 1", "upload 1"],
        *["begin 1", "upload 1", "close 1", "read 1", "settled 1", "settled 1"],
    ]
    assert sandbox.org.query("SELECT Id FROM Account WHERE Name = 'Once'").total() == 1
    assert len(summary.job_ids) == 1


def test_a_job_is_settled_before_it_is_deleted(sandbox: Sandbox, sf: Salesforce) -> None:
    class Watching(Notes):
        def settled(self, file: RowFile, not_loaded: Collection[int]) -> None:
            seen.append(steps(sandbox))
            super().settled(file, not_loaded)

    seen: list[list[str]] = []
    sf.insert("Account", [{"Name": "a"}], journal=Watching())
    assert "DELETE" not in seen[0]


def test_a_row_that_the_journal_knows_is_not_sent_again(
    sandbox: Sandbox, new_load: Callable[..., Load]
) -> None:
    notes = Notes()
    notes.loaded.add((2, b"Many 002"))
    load = new_load(journal=notes)
    loader = load.loader
    with load.group:
        assert [loader.add(number, row(number)) for number in (1, 2, 3)] == [
            *(None, RowStatus.SUCCEEDED, None)
        ]
        load.group.drain()
        assert loader.settled_to == 3
    assert ("begin 2", None) in notes.lines
    assert sandbox.org.query("SELECT Id FROM Account WHERE Name LIKE 'Many%'").total() == 2


def test_a_job_is_only_deleted_when_all_its_rows_are_loaded(sf: Salesforce) -> None:
    good = sf.insert("Account", [{"Name": "a"}])
    assert sf._transport.json(sf._get("/jobs/ingest", "List the jobs"))["records"] == []
    assert good.failures == []
    bad = sf.insert("Account", b"Name,Site\na,x\n,y\n")
    (failed,) = sf.open_ingest_job(bad.job_ids[0]).failed()
    assert failed.error.code == "REQUIRED_FIELD_MISSING"


def test_the_limit_of_rows_holds_for_files_that_are_never_full(
    sf: Salesforce, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No later row has the columns of the first one, so its file would wait for the end."""
    monkeypatch.setattr("sfbulk.load.record_load.BUFFER_LIMITS", BufferLimits(rows=10))
    records = ({"Name": f"N{n}", **({"Site": "s"} if n == 1 else {})} for n in range(1, 200))
    most = 0
    for outcome in sf.load("Account", Operation.INSERT, records):
        most = max(most, outcome.number)
        assert outcome.success
    assert most == 199


@pytest.mark.parametrize("api", ["2.0", "1.0"])
def test_an_option_of_the_other_api_is_refused_before_any_request(
    sandbox: Sandbox, sf: Salesforce, api: str
) -> None:
    door = sf if api == "2.0" else sf.bulk1
    unfit: Any = {"compressed": True} if api == "2.0" else {"jobs_in_flight": 2}
    with pytest.raises(Exception, match=f"loads by Bulk API {api} do not have this option"):
        door.insert("Account", [{"Name": "a"}], **unfit)
    assert sandbox.requests == []
