"""What a run leaves behind has no secret, and record values only where they belong.

Everything is searched: log, standard output, output folder, spool, journal, ids, and the names of
files. Servers quote what they were sent, so the secrets are planted in their answers too.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from sfbulk_sandbox import Sandbox
from tests.client.keys import RSA_KEY, pem, public_pem
from tests.faults.commands import forked
from tests.faults.kills import Kill
from tests.target.support import as_lines, record, schema, state

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.faults.commands import Ended

VALUE = "Zanzibar-4711"
"""A value of a record."""
FIELDS = ("Ext_Id__c", "Name", "Industry", "NumberOfEmployees")
INPUT = (
    schema("Account", *FIELDS, key="Ext_Id__c"),
    record("Account", Ext_Id__c=f"{VALUE}-1", Name=f"{VALUE} Inc", Industry=VALUE),
    record("Account", Ext_Id__c=f"{VALUE}-2", Name=None),
    record("Account", Ext_Id__c=f"{VALUE}-3", Name="x" * 300 + VALUE),
    record("Account", Ext_Id__c=f"{VALUE}-4", Name="x", NumberOfEmployees=VALUE),
    state(done=1),
)
# What is for records: the rejects, the results, the page with refused records, and dry runs.
FOR_RECORDS = (
    "*.rejects.jsonl",
    "*.rejects.*.csv",
    "*.results.csv",
    "*report*.html",
    "dry-run/*.csv",
)
OF_CONFIG = ("config.json", "refresh-token", "stdin")
COMMANDS = {"sfbulk": "sfbulk.cli.main:main"}
PEM = pem(RSA_KEY)


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox(sample=False) as sandbox:
        yield sandbox


@pytest.fixture
def org(running: Sandbox) -> Sandbox:
    running.control.reset()
    running.control.clear_faults()
    row = {"Name": VALUE, "Ext_Id__c": f"{VALUE}-0"}
    running.control.seed({"Account": [row, {**row, "Ext_Id__c": "other"}]})
    return running


def flows(org: Sandbox, folder: Path) -> dict[str, dict[str, Any]]:
    """The settings of each way to sign in."""
    app = {"client_id": org.client_id, "client_secret": org.client_secret}
    user = {"username": org.username, "password": org.password}
    user["security_token"] = org.security_token
    kept = folder / "refresh-token"
    kept.write_text(org.refresh_token)
    return {
        "access_token": {"instance_url": org.url, "access_token": org.access_token},
        "client_credentials": {"login_url": org.url, **app},
        "refresh_token": {"login_url": org.url, **app, "refresh_token_path": str(kept)},
        "oauth_password": {"login_url": org.url, **app, **user, "auth_flow": "oauth_password"},
        "soap_login": {"login_url": org.url, **user, "auth_flow": "soap_login"},
        "jwt_bearer": {
            "login_url": org.url,
            "client_id": org.client_id,
            "username": org.username,
            "private_key": PEM,
        },
    }


def secrets(org: Sandbox) -> list[str]:
    found = [org.access_token, org.client_secret, org.refresh_token, org.password]
    return [*found, org.security_token, *(line for line in PEM.splitlines()[1:3])]


def echoes(*known: str) -> dict[str, Mapping[str, Any]]:
    """Answers that quote secrets, in each form that a server may have."""
    said = " ".join([*known, *(quote(each, safe="") for each in known), "".join(known)])
    fault = f"<faultcode>X</faultcode><faultstring>{said}</faultstring>"
    return {
        "list": {"status": 400, "body": [{"errorCode": "ODD", "message": said}]},
        "code": {"status": 403, "body": [{"errorCode": said, "message": "no"}]},
        "session": {"status": 401, "body": [{"errorCode": "INVALID_SESSION_ID", "message": said}]},
        "oauth": {"status": 400, "body": {"error": "invalid_grant", "error_description": said}},
        "page": {"status": 503, "body": f"<html>{said}</html>", "headers": {"Retry-After": "0"}},
        "text": {"status": 500, "body": said},
        "header": {"status": 302, "body": "", "headers": {"Location": f"https://{said[:90]}/"}},
        "odd": {"status": 200, "body": {said: said, "access_token": said, "instance_url": said}},
        "not json": {"status": 200, "body": "{" + said},
        "fault": {
            "status": 500,
            "body": f"<Envelope><Body><Fault>{fault}</Fault></Body></Envelope>",
        },
    }


def run(name: str, folder: Path, config: Mapping[str, Any], *words: str, **more: Any) -> Ended:
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    arguments = ["--config", str(path), *words]
    return forked(COMMANDS.get(name, name)).run_line(folder, arguments, hurried=True, **more)


def load(folder: Path, sign_in: Mapping[str, Any], **settings: Any) -> Ended:
    (folder / "spool").mkdir(exist_ok=True)
    config = {
        **sign_in,
        "external_id": "Ext_Id__c",
        "output_dir": str(folder / "output"),
        "spool_dir": str(folder / "spool"),
        "write_results": True,
        **settings,
    }
    kill = config.pop("kill", None)
    return run("target-sfbulk", folder, config, stdin=as_lines(INPUT), kill=kill)


def read(folder: Path, sign_in: Mapping[str, Any], **settings: Any) -> Ended:
    (folder / "spool").mkdir(exist_ok=True)
    options = {"Account": {"hard_deletes": "sweep"}}
    config = {
        **sign_in,
        "streams_to_discover": ["Account"],
        "stream_options": options,
        "ids_dir": str(folder / "ids"),
        "spool_dir": str(folder / "spool"),
        "api_type": "BULK2",
        **settings,
    }
    return run("tap-sfbulk", folder, config)


def query(folder: Path, sign_in: Mapping[str, Any]) -> Ended:
    words = ("query", "SELECT Id, Name FROM Account", "-o", str(folder / "rows.csv"))
    return run("sfbulk", folder, sign_in, *words)


RUNS = {"target": load, "tap": read, "command": query}


def left(folder: Path) -> dict[str, bytes]:
    """Everything that a run wrote, by name; RECORD messages are left out."""
    found = {}
    for path in (path for path in folder.rglob("*") if path.is_file()):
        name = str(path.relative_to(folder))
        body = path.read_bytes()
        if name == "stdout":
            lines = [line for line in body.splitlines() if b'"type":"RECORD"' not in line]
            body = b"\n".join(line for line in lines if b'"type": "RECORD"' not in line)
        if name not in OF_CONFIG:
            found[name] = name.encode() + b"\n" + body
    assert {"stdout", "stderr"} <= set(found)
    return found


def with_secret(org: Sandbox, folder: Path) -> list[tuple[str, str]]:
    return [
        (name, secret)
        for name, body in left(folder).items()
        for secret in secrets(org)
        if secret.encode() in body
    ]


def with_value(folder: Path, *allowed: str) -> list[str]:
    places = {path for glob in (*FOR_RECORDS, *allowed) for path in folder.rglob(glob)}
    hidden = {str(path.relative_to(folder)) for path in places}
    return [
        name for name, body in left(folder).items() if VALUE.encode() in body and name not in hidden
    ]


@pytest.mark.parametrize(
    "flow",
    [
        "client_credentials",
        pytest.param("refresh_token", marks=pytest.mark.slow),
        pytest.param("access_token", marks=pytest.mark.slow),
        pytest.param("oauth_password", marks=pytest.mark.slow),
        pytest.param("soap_login", marks=pytest.mark.slow),
        pytest.param("jwt_bearer", marks=pytest.mark.slow),
    ],
)
def test_a_run_leaves_no_secret_and_no_value_behind(
    org: Sandbox, tmp_path: Path, flow: str
) -> None:
    org.control.rotate_refresh_tokens()
    org.control.register_jwt_key(public_pem(RSA_KEY))
    for name, start in RUNS.items():
        folder = tmp_path / name
        folder.mkdir()
        ended = start(folder, flows(org, folder)[flow])
        # Three records are refused.
        assert ended.code == (1 if name == "target" else 0), ended.log
        assert with_secret(org, folder) == [], name
        assert with_value(folder, *(("rows.csv",) if name == "command" else ())) == [], name


@pytest.mark.parametrize("settings", [{"dry_run": True}, {"operation": "mirror"}])
def test_other_loads_leave_none_either(
    org: Sandbox, tmp_path: Path, settings: dict[str, Any]
) -> None:
    ended = load(tmp_path, flows(org, tmp_path)["client_credentials"], **settings)
    assert ended.code == 1, ended.log
    assert with_secret(org, tmp_path) == []
    # The keys of the source, by which a mirror finds what to delete.
    assert with_value(tmp_path, "*.keys.sqlite*") == []


def test_a_killed_load_leaves_values_only_with_its_rows(org: Sandbox, tmp_path: Path) -> None:
    kill = Kill(before="sfbulk.bulk2.ingest:IngestJob.upload")
    sign_in = flows(org, tmp_path)["client_credentials"]
    ended = load(tmp_path, sign_in, kill=kill, write_results=False)
    assert ended.code == -9, ended.log
    assert with_secret(org, tmp_path) == []
    found = with_value(tmp_path)
    # The folder of the journal has the rows, the next run needs them; the journal has digests.
    assert found
    assert all("/journal.sqlite-" in name or name.startswith("spool/") for name in found), found


TOKEN = "/services/oauth2/token"
PLACES = {
    "tap": ("/sobjects", "/describe", "/jobs/query", "/results"),
    "target": ("/describe", "/jobs/ingest", "/batches", "Results"),
    "command": ("/jobs/query",),
}
ECHOES = [pytest.param(name, marks=[] if name == "list" else pytest.mark.slow) for name in echoes()]


@pytest.mark.parametrize("echo", ECHOES)
@pytest.mark.parametrize("name", RUNS)
def test_a_token_that_a_server_echoes_is_cut_out(
    org: Sandbox, tmp_path: Path, name: str, echo: str
) -> None:
    for number, place in enumerate(PLACES[name]):
        folder = tmp_path / str(number)
        folder.mkdir()
        org.control.clear_faults()
        org.control.forget_requests()
        answer = echoes(org.access_token)[echo]
        org.control.add_fault(kind="answer", path=f"*{place}*", times=None, **answer)
        ended = RUNS[name](folder, flows(org, folder)["access_token"])
        assert [one for one in org.requests if place in one.path], (place, ended.log)
        assert (ended.code, "Traceback" in ended.log) == (1, False), (place, ended.log)
        assert with_secret(org, folder) == [], (place, ended.log)
        # What was not sent stays with the journal, for the next run.
        assert with_value(folder, "spool/journal.sqlite-*/0/*", "*.part") == [], place


@pytest.mark.parametrize("echo", ECHOES)
def test_the_secrets_of_a_sign_in_that_a_server_echoes_are_cut_out(
    org: Sandbox, tmp_path: Path, echo: str
) -> None:
    org.control.forget_requests()
    for number, (flow, sign_in) in enumerate(flows(org, tmp_path).items()):
        if flow == "access_token":
            continue
        folder = tmp_path / str(number)
        folder.mkdir()
        given = [sign_in.get(name) for name in ("client_secret", "password", "security_token")]
        given += PEM.splitlines()[1:3] if flow == "jwt_bearer" else []
        given += [org.refresh_token] if flow == "refresh_token" else []
        answer = echoes(*[one for one in given if one])[echo]
        org.control.clear_faults()
        path = "/services/Soap/*" if flow == "soap_login" else TOKEN
        org.control.add_fault(kind="answer", path=path, times=None, **answer)
        ended = query(folder, sign_in)
        assert (ended.code, "Traceback" in ended.log) == (1, False), (flow, ended.log)
        assert with_secret(org, folder) == [], (flow, ended.log)
    assert len({one.path for one in org.requests}) == 2


def test_what_salesforce_says_of_a_row_is_with_the_rejects_only(
    org: Sandbox, tmp_path: Path
) -> None:
    said = f"{VALUE} is not good, nor is {org.client_secret}"
    org.control.add_fault(kind="row_error", object="Account", code="ODD", message=said)
    ended = load(tmp_path, flows(org, tmp_path)["client_credentials"], max_rejects="9")
    assert ended.code == 0, ended.log
    assert with_secret(org, tmp_path) == []
    assert with_value(tmp_path) == []
    rejects = (tmp_path / "output" / "Account.rejects.jsonl").read_text("utf-8")
    assert f"{VALUE} is not good" in rejects
