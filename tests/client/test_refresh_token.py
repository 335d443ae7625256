"""Refresh tokens that rotate: who gets the next one, and runs that share a file."""

from __future__ import annotations

import fcntl
import logging
import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import Salesforce
from sfbulk.errors import SignInError
from tests.client.problems import problems_of

if TYPE_CHECKING:
    from pathlib import Path

    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import FakeClock


def app(sandbox: Sandbox, **more: str) -> dict[str, str]:
    return {"login_url": sandbox.url, "client_id": sandbox.client_id, **more}


def sign_ins(sandbox: Sandbox) -> int:
    return sum(request.path == "/services/oauth2/token" for request in sandbox.requests)


@pytest.fixture
def rotating(sandbox: Sandbox) -> Sandbox:
    sandbox.control.rotate_refresh_tokens()
    return sandbox


@pytest.fixture
def token_file(rotating: Sandbox, tmp_path: Path) -> Path:
    file = tmp_path / "refresh-token"
    file.write_text(rotating.refresh_token + "\n")
    file.chmod(0o644)
    return file


def test_the_next_refresh_token_is_given_to_the_caller_and_used_for_renewal(
    rotating: Sandbox, clock: FakeClock
) -> None:
    handed: list[str] = []
    settings = app(rotating, refresh_token=rotating.refresh_token)
    with Salesforce.from_settings(settings, clock=clock, on_new_refresh_token=handed.append) as org:
        org.describe_global()
        assert handed == [rotating.refresh_token]
        rotating.control.end_sessions()
        org.describe_global()
    assert len(handed) == 2
    assert handed[1] == rotating.refresh_token
    with Salesforce.from_settings(settings | {"refresh_token": handed[1]}) as later:
        later.describe_global()


def test_without_rotation_the_caller_gets_no_token(sandbox: Sandbox, clock: FakeClock) -> None:
    handed: list[str] = []
    settings = app(sandbox, refresh_token=sandbox.refresh_token)
    with Salesforce.from_settings(settings, clock=clock, on_new_refresh_token=handed.append) as org:
        org.describe_global()
    assert handed == []


def test_an_exception_of_the_callback_is_raised_and_the_run_can_continue(
    rotating: Sandbox, clock: FakeClock
) -> None:
    def full(_: str) -> None:
        raise OSError(28, "No space left on device")

    settings = app(rotating, refresh_token=rotating.refresh_token)
    with Salesforce.from_settings(settings, clock=clock, on_new_refresh_token=full) as org:
        with pytest.raises(OSError, match="No space left"):
            org.describe_global()
        rotating.control.rotate_refresh_tokens(rotate=False)
        org.describe_global()


def test_a_replaced_token_without_a_callback_is_a_warning_that_names_the_setting(
    rotating: Sandbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = app(rotating, refresh_token=rotating.refresh_token)
    with Salesforce.from_settings(settings, clock=clock) as org:
        org.describe_global()
    warned = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert len(warned) == 1
    assert "setting refresh_token is no longer valid" in warned[0]
    assert "refresh_token_path" in warned[0]
    assert settings["refresh_token"] not in caplog.text
    assert rotating.refresh_token not in caplog.text
    with (
        Salesforce.from_settings(settings, clock=clock) as later,
        pytest.raises(SignInError, match=r"expired access/refresh token.*use refresh_token_path"),
    ):
        later.describe_global()


def test_the_file_always_has_the_valid_token_and_only_its_owner_can_read_it(
    rotating: Sandbox, token_file: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = app(rotating, refresh_token_path=str(token_file))
    for _ in range(3):
        with Salesforce.from_settings(settings, clock=clock) as org:
            org.describe_global()
            rotating.control.end_sessions()
            org.describe_global()
        assert token_file.read_text().strip() == rotating.refresh_token
        assert stat.S_IMODE(token_file.stat().st_mode) == 0o600
        assert rotating.refresh_token not in caplog.text
    assert sign_ins(rotating) == 6
    lock = token_file.with_name("refresh-token.lock")
    assert sorted(token_file.parent.iterdir()) == [token_file, lock]
    assert lock.read_bytes() == b""


def test_a_link_to_the_file_stays_a_link(
    rotating: Sandbox, token_file: Path, tmp_path: Path, clock: FakeClock
) -> None:
    link = tmp_path / "link"
    link.symlink_to(token_file)
    with Salesforce.from_settings(app(rotating, refresh_token_path=str(link)), clock=clock) as org:
        org.describe_global()
    assert link.is_symlink()
    assert token_file.read_text().strip() == rotating.refresh_token


def test_runs_that_share_the_file_never_use_a_token_twice(
    rotating: Sandbox, token_file: Path, clock: FakeClock
) -> None:
    settings = app(rotating, refresh_token_path=str(token_file))
    runs = 8
    together = threading.Barrier(runs, timeout=30)

    def run(_: int) -> int:
        with Salesforce.from_settings(settings, clock=clock) as org:
            together.wait()
            return len(org.describe_global())

    with ThreadPoolExecutor(runs) as pool:
        assert all(pool.map(run, range(runs)))
    answers = [r.status for r in rotating.requests if r.path == "/services/oauth2/token"]
    assert answers == [200] * runs
    assert token_file.read_text().strip() == rotating.refresh_token


def test_a_run_waits_while_another_one_signs_in_and_then_takes_its_token(
    rotating: Sandbox,
    token_file: Path,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    good = rotating.refresh_token
    token_file.write_text("used-up-by-the-other-run\n")
    settings = app(rotating, refresh_token_path=str(token_file))
    other = os.open(token_file.with_name("refresh-token.lock"), os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(other, fcntl.LOCK_EX)
    waiting = threading.Event()

    class Seen(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if "waiting" in record.getMessage():
                waiting.set()

    watch = Seen()
    logging.getLogger("sfbulk").addHandler(watch)
    try:
        with Salesforce.from_settings(settings, clock=clock) as org, ThreadPoolExecutor(1) as pool:
            answer = pool.submit(org.describe_global)
            assert waiting.wait(30)
            assert sign_ins(rotating) == 0
            token_file.write_text(good)
            os.close(other)
            assert answer.result(30)
    finally:
        logging.getLogger("sfbulk").removeHandler(watch)


def test_a_token_that_cannot_be_saved_is_an_error_that_says_so(
    rotating: Sandbox, token_file: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = app(rotating, refresh_token_path=str(token_file))
    # There is no other way to have a disk that is full at this moment.
    monkeypatch.setattr(os, "fsync", _no_space)
    with (
        Salesforce.from_settings(settings, clock=clock) as org,
        pytest.raises(
            SignInError, match=r"could not be saved in .*refresh-token \(No space left"
        ) as caught,
    ):
        org.describe_global()
    assert rotating.refresh_token not in str(caught.value)
    assert sorted(p.name for p in token_file.parent.iterdir()) == [
        "refresh-token",
        "refresh-token.lock",
    ]


def test_a_token_that_a_killed_run_has_left_beside_the_file_is_removed(
    rotating: Sandbox, token_file: Path, clock: FakeClock
) -> None:
    left, other = token_file.with_name(".refresh-token-a1_b2c3d"), token_file.with_name("other")
    for path in (left, other):
        path.write_text("a token")
    settings = app(rotating, refresh_token_path=str(token_file))
    with Salesforce.from_settings(settings, clock=clock) as org:
        org.describe_global()
    assert token_file.read_text().strip() == rotating.refresh_token
    assert (left.exists(), other.exists()) == (False, True)


def _no_space(_: int) -> None:
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (None, "there is no file"),
        (b"", "must contain a refresh token and nothing else"),
        (b"two tokens\n", "must contain a refresh token and nothing else"),
        (b"\xff\xfe", "is not a text file"),
    ],
)
def test_a_file_without_a_token_is_a_wrong_setting(
    tmp_path: Path, content: bytes | None, named: str
) -> None:
    file = tmp_path / "token"
    if content is not None:
        file.write_bytes(content)
    settings: dict[str, Any] = {"client_id": "id", "refresh_token_path": str(file)}
    problems = problems_of(settings)
    assert len(problems) == 1
    assert problems[0].startswith("refresh_token_path: ")
    assert named in problems[0]
    assert "tokens" not in problems[0]
