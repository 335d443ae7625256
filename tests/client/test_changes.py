"""Records that were changed or deleted in a time span."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from sfbulk import ApiError, DataError, DeletedRecord, LimitExceeded, NotFound, Salesforce
from sfbulk.errors import TransportError
from tests.client.scripted import as_json, error

if TYPE_CHECKING:
    from sfbulk.transport import Transport
    from sfbulk_sandbox import Sandbox
    from tests.client.scripted import ScriptedServer

START = datetime(2026, 11, 23, 9, 0, tzinfo=timezone.utc)
END = datetime(2026, 11, 23, 10, 0, tzinfo=timezone(timedelta(hours=1), "CET"))
# In the words of the recorded answers of restforce's tests.
UPDATED = {"ids": ["003q000000KvQ1tAAF"], "latestDateCovered": "2015-08-19T08:17:00.000+0000"}
DELETED = {
    "deletedRecords": [{"id": "a00D0000008pQRAIA2", "deletedDate": "2013-05-07T22:07:19.000+0000"}],
    "earliestDateAvailable": "2013-05-03T15:57:00.000+0000",
    "latestDateCovered": "2013-05-08T21:20:00.000+0000",
}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def test_recorded_answers_are_read(server: ScriptedServer, transport: Transport) -> None:
    server.script.extend([as_json(UPDATED), as_json(DELETED)])
    sf = Salesforce(transport)
    updated, deleted = sf.updated("Contact", START, END), sf.deleted("A__c", START, END)
    assert updated.ids == ("003q000000KvQ1tAAF",)
    assert updated.latest_date_covered == utc("2015-08-19T08:17:00")
    assert deleted.records == (DeletedRecord("a00D0000008pQRAIA2", utc("2013-05-07T22:07:19")),)
    assert deleted.earliest_date_available == utc("2013-05-03T15:57:00")
    assert deleted.latest_date_covered == utc("2013-05-08T21:20:00")
    span = "start=2026-11-23T09%3A00%3A00%2B00%3A00&end=2026-11-23T09%3A00%3A00%2B00%3A00"
    assert server.lines == [
        f"GET /services/data/v68.0/sobjects/Contact/updated?{span}",
        f"GET /services/data/v68.0/sobjects/A__c/deleted?{span}",
    ]


@pytest.mark.parametrize("text", ["2015-08-19T08:17:00Z", "2015-08-19T10:17:00.000+02:00"])
def test_other_forms_of_a_timestamp_are_read(
    server: ScriptedServer, transport: Transport, text: str
) -> None:
    server.script.append(as_json(UPDATED | {"latestDateCovered": text}))
    found = Salesforce(transport).updated("Contact", START, END)
    assert found.latest_date_covered == utc("2015-08-19T08:17:00")


@pytest.mark.parametrize(
    "answer",
    [
        {},
        UPDATED | {"latestDateCovered": None},
        UPDATED | {"latestDateCovered": "yesterday"},
        UPDATED | {"latestDateCovered": "2015-08-19T08:17:00"},
        UPDATED | {"latestDateCovered": 1439972220000},
        UPDATED | {"ids": None},
        UPDATED | {"ids": [5]},
        DELETED | {"earliestDateAvailable": None},
        DELETED | {"deletedRecords": ["a00D0000008pQRAIA2"]},
        DELETED | {"deletedRecords": [{"id": "a00D0000008pQRAIA2"}]},
    ],
)
def test_an_answer_in_another_form_is_named(
    server: ScriptedServer, transport: Transport, answer: dict[str, Any]
) -> None:
    server.script.extend([as_json(answer)] * 6)
    sf = Salesforce(transport)
    ask = sf.deleted if "deletedRecords" in answer else sf.updated
    with pytest.raises(TransportError, match=r"A__c were (updated|deleted): .* at `\$|missing"):
        ask("A__c", START, END)
    assert len(server.seen) == (6 if "deletedRecords" in answer else 2)


def test_a_date_without_a_zone_is_refused(transport: Transport) -> None:
    with pytest.raises(DataError, match="time zone"):
        Salesforce(transport).updated("Account", START.replace(tzinfo=None), END)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(404, "NOT_FOUND"), NotFound),
        (error(400, "INVALID_REPLICATION_DATE"), ApiError),
        (error(500, "EXCEEDED_ID_LIMIT"), LimitExceeded),
    ],
)
def test_refusals_are_salesforces_own(
    server: ScriptedServer, transport: Transport, answer: Any, kind: type[ApiError]
) -> None:
    server.script.extend([answer] * 6)
    with pytest.raises(kind):
        Salesforce(transport).updated("Account", START, END)


def test_the_org_says_what_was_changed_and_deleted(sandbox: Sandbox, sf: Salesforce) -> None:
    made, gone = (sandbox.org.save_record("insert", "Account", {"Name": name}) for name in "ab")
    sandbox.org.save_record("delete", "Account", {"Id": gone.id})
    # To the minute, and a minute at least: what was done just now lies before the next one.
    now = sf.server_time()
    span = (now - timedelta(minutes=5), now + timedelta(minutes=1))
    updated, deleted = sf.updated("Account", *span), sf.deleted("Account", *span)
    assert made.id in updated.ids
    assert gone.id in [record.id for record in deleted.records]
    assert updated.latest_date_covered <= span[1]
    assert deleted.earliest_date_available < now
