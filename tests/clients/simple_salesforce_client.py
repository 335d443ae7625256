"""Drives the sandbox with simple-salesforce and compares what comes back.

Run by an interpreter that has `simple-salesforce`, with the sandbox's ready line, the file of rows
and the name of a part; `oauth` takes the file of a private key too. The parts that move rows leave
them in the org.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from simple_salesforce import (  # type: ignore[import-not-found]  # lives in the client's own venv
    Salesforce,
    SalesforceLogin,
)
from simple_salesforce.exceptions import (  # type: ignore[import-not-found]  # as above
    SalesforceAuthenticationFailed,
    SalesforceMalformedRequest,
    SalesforceResourceNotFound,
)

SOQL = (
    "SELECT Ext_Id__c, Name, Phone, NumberOfEmployees, Description"
    " FROM Account WHERE Ext_Id__c LIKE 'C-%'"
)


class MismatchError(Exception):
    """A value differs from what it must be."""


def expect(what: str, actual: Any, expected: Any) -> None:
    """Raise unless two values are equal."""
    if actual != expected:
        raise MismatchError(f"{what}: {actual!r} instead of {expected!r}")


def by_key(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return rows by their key, cells as text, without what REST adds."""
    return {
        row["Ext_Id__c"]: {k: str(v) for k, v in row.items() if k != "attributes"} for row in rows
    }


def session(ready: dict[str, str]) -> Any:
    """Sign in with a token."""
    return Salesforce(instance_url=ready["url"], session_id=ready["access_token"])


def rest(ready: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Create, read, change, upsert, query and delete single records; describe; limits."""
    sf = session(ready)
    fields = {field["name"]: field for field in sf.Account.describe()["fields"]}
    expect("external id", fields["Ext_Id__c"]["externalId"], expected=True)
    expect("global describe", "Account" in {o["name"] for o in sf.describe()["sobjects"]}, True)
    for row in rows:
        made = sf.Account.create(row)
        expect("created", made["success"], expected=True)
    expect("queried", by_key(sf.query_all(SOQL)["records"]), by_key(rows))
    expect("by key", sf.Account.get_by_custom_id("Ext_Id__c", "C-3")["Name"], rows[2]["Name"])
    expect("updated", sf.Account.update(made["id"], {"Name": "New"}), 204)
    expect("upserted", sf.Account.upsert("Ext_Id__c/C-5", {"Name": rows[4]["Name"]}), 200)
    expect("limits", "DailyApiRequests" in sf.limits(), expected=True)
    other = sf.Account.create({"Name": "Gone"})["id"]
    expect("deleted", sf.Account.delete(other), 204)
    refused(lambda: sf.Account.get(other), SalesforceResourceNotFound)
    refused(lambda: sf.query("SELECT Nope FROM Account"), SalesforceMalformedRequest)
    expect("deleted are listed", sf.query_all(SOQL, include_deleted=True)["totalSize"], len(rows))


def composite(ready: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Insert a collection; create, read, delete and query in one call; have one rolled back."""
    sf = session(ready)
    records = [{"attributes": {"type": "Account"}, **row} for row in rows]
    made = sf.restful("composite/sobjects", method="POST", json={"records": records})
    expect("collection", [one["success"] for one in made], [True] * len(rows))
    root = f"/services/data/v{sf.sf_version}"
    account = f"{root}/sobjects/Account"
    calls: list[dict[str, Any]] = [
        {"method": "POST", "url": account, "referenceId": "new", "body": {"Name": "Gone"}},
        {"method": "GET", "url": f"{account}/@{{new.id}}?fields=Name", "referenceId": "read"},
        {"method": "DELETE", "url": f"{account}/@{{new.id}}", "referenceId": "deleted"},
        {"method": "GET", "url": f"{root}/query?q={quote(SOQL)}", "referenceId": "rows"},
    ]
    answers = run_together(sf, calls)
    expect("statuses", [one["httpStatusCode"] for one in answers], [201, 200, 204, 200])
    expect("read", answers[1]["body"]["Name"], "Gone")
    expect("rows", by_key(answers[3]["body"]["records"]), by_key(rows))
    bad = {"method": "POST", "url": account, "referenceId": "bad", "body": {"Site": "No name"}}
    answers = run_together(sf, [calls[0], bad])
    codes = [one["body"][0]["errorCode"] for one in answers]
    expect("rolled back", codes, ["PROCESSING_HALTED", "REQUIRED_FIELD_MISSING"])
    expect("left", sf.query("SELECT COUNT() FROM Account")["totalSize"], len(rows))


def run_together(sf: Any, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the answers of a composite call that does all or nothing."""
    body = {"allOrNone": True, "compositeRequest": calls}
    answers: list[dict[str, Any]] = sf.restful("composite", method="POST", json=body)[
        "compositeResponse"
    ]
    return answers


def refused(call: Any, kind: type[Exception]) -> None:
    """Raise unless the call raises this."""
    try:
        call()
    except kind:
        return
    raise MismatchError(f"no {kind.__name__}")


def bulk2(ready: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Insert, read back, upsert, refuse, update and delete with Bulk API 2.0."""
    sf = session(ready)
    account = sf.bulk2.Account
    (done,) = account.insert(records=rows, wait=1)
    counts = {k: done[k] for k in ("numberRecordsFailed", "numberRecordsProcessed")}
    expect("insert", counts, {"numberRecordsFailed": 0, "numberRecordsProcessed": len(rows)})
    good = list(csv.DictReader(io.StringIO(account.get_successful_records(done["job_id"]))))
    expect("created", {row["sf__Created"] for row in good}, {"true"})
    expect("read back", bulk2_rows(account, SOQL), by_key(rows))
    again = [{"Ext_Id__c": "C-1", "Name": "Changed"}, {"Ext_Id__c": "", "Name": "No key"}]
    (done,) = account.upsert(records=again, external_id_field="Ext_Id__c", wait=1)
    bad = list(csv.DictReader(io.StringIO(account.get_failed_records(done["job_id"]))))
    expect("refused", [row["Name"] for row in bad], ["No key"])
    # The client orders columns as a set of names happens to lie.
    header = account.get_unprocessed_records(done["job_id"]).strip()
    expect("unprocessed", sorted(header.split(",")), ["Ext_Id__c", "Name"])
    ids = {row["Ext_Id__c"]: row["sf__Id"] for row in good}
    expect("changed", sf.Account.get(ids["C-1"])["Name"], "Changed")
    (done,) = account.update(records=[{"Id": ids["C-1"], "Name": rows[0]["Name"]}], wait=1)
    expect("updated", done["numberRecordsFailed"], 0)
    extra = sf.Account.create({"Name": "Gone", "Ext_Id__c": "C-9"})["id"]
    (done,) = account.delete(records=[{"Id": extra}], wait=1)
    expect("deleted", done["numberRecordsFailed"], 0)
    expect("left", bulk2_rows(account, SOQL), by_key(rows))


def bulk2_rows(account: Any, soql: str) -> dict[str, Any]:
    """Return the rows of a bulk query by their key, fetched in pages of two."""
    pages = account.query(soql, max_records=2, wait=1)
    return by_key([row for page in pages for row in csv.DictReader(io.StringIO(page))])


def bulk(ready: dict[str, str], rows: list[dict[str, str]]) -> None:
    """Insert, read back, upsert, refuse, update and delete with Bulk API 1.0, in JSON."""
    account = session(ready).bulk.Account
    results = account.insert(rows, batch_size=2, use_serial=True)
    expect("insert", [one["success"] for one in results], [True] * len(rows))
    expect("read back", by_key(account.query(SOQL)), by_key(rows))
    again = [{"Ext_Id__c": key, "Name": name} for key, name in (("C-1", "Changed"), ("", "No key"))]
    results = account.upsert(again, "Ext_Id__c", batch_size=10)
    expect("upsert", [one["success"] for one in results], [True, False])
    expect("created", results[0]["created"], expected=False)
    results = account.update([{"Id": results[0]["id"], "Name": rows[0]["Name"]}])
    expect("update", results[0]["success"], expected=True)
    (made,) = account.insert([{"Name": "Gone", "Ext_Id__c": "C-9"}])
    expect("delete", account.delete([{"Id": made["id"]}])[0]["success"], expected=True)
    expect("left", by_key(account.query(SOQL)), by_key(rows))
    expect("queryAll", len(account.query_all(SOQL)), len(rows) + 1)


def soap(ready: dict[str, str], _rows: list[dict[str, str]]) -> None:
    """Sign in by SOAP, and be refused with a wrong password."""
    who = {"username": ready["username"], "security_token": ready["security_token"]}
    token, host = SalesforceLogin(
        **who, password=ready["password"], scratch_url=ready["url"], sf_version="60.0"
    )
    expect("host", host, urlsplit(ready["url"]).netloc)
    sf = Salesforce(instance=host, session_id=token)
    expect("session", sf.query("SELECT COUNT() FROM Account")["totalSize"], 0)
    refused(
        lambda: SalesforceLogin(**who, password="wrong", scratch_url=ready["url"]),
        SalesforceAuthenticationFailed,
    )


def oauth(ready: dict[str, str], _rows: list[dict[str, str]]) -> None:
    """Sign in by password, client credentials and JWT, and be refused with a wrong secret."""
    app = {"consumer_key": ready["client_id"], "consumer_secret": ready["client_secret"]}
    user = {"username": ready["username"], "password": ready["password"] + ready["security_token"]}
    jwt = {"consumer_key": app["consumer_key"], "username": user["username"]}
    ways: list[dict[str, str]] = [
        app | user,
        # Its domain is always followed by `.salesforce.com`.
        app | {"domain": "example.my"},
        jwt | {"privatekey_file": sys.argv[4]},
    ]
    for way in ways:
        expect("session", Salesforce(**way).query("SELECT Id FROM Account")["totalSize"], 0)
    wrong = app | user | {"consumer_secret": "wrong"}
    refused(lambda: Salesforce(**wrong), SalesforceAuthenticationFailed)


PARTS = {
    "rest": rest,
    "composite": composite,
    "oauth": oauth,
    "bulk2": bulk2,
    "bulk": bulk,
    "soap": soap,
}


def main() -> None:
    """Run the part."""
    rows = json.loads(Path(sys.argv[2]).read_text("utf-8"))
    PARTS[sys.argv[3]](json.loads(sys.argv[1]), rows)


if __name__ == "__main__":
    main()
