"""Rows of every new org: Organization, Profile, User, task statuses and the standard price book.

Their stamps are older than any run. A record created at the start of the sandbox would look like a
change to every incremental read.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.rules.defaults import default_value
from sfbulk_sandbox.schema.schema import Kind
from sfbulk_sandbox.schema.store import marks, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sfbulk_sandbox.schema.ids import IdSource
    from sfbulk_sandbox.schema.schema import Schema, SObject
    from sfbulk_sandbox.schema.store import Store
    from sfbulk_sandbox.schema.values import Stored

_CREATED = "2025-01-01T00:00:00.000Z"
_LOCALE = {"TimeZoneSidKey": "GMT", "LanguageLocaleKey": "en_US"}
# The values of the picklist Task.Status. Only Completed closes a task.
_TASK_STATUSES = (
    "Not Started",
    "In Progress",
    "Completed",
    "Waiting on someone else",
    "Deferred",
)


class FirstRows:
    """The first rows of one org. Their ids depend on the seed only.

    Attributes:
        org_id: The id of the org (00D).
        user_id: The id of its user (005).
    """

    def __init__(self, fixed: IdSource) -> None:
        self.org_id = fixed.new_id("00D")
        self.user_id = fixed.new_id("005")
        self._profile_id = fixed.new_id("00e")
        self._status_ids = [fixed.new_id("01S") for _ in _TASK_STATUSES]
        self._price_book_id = fixed.new_id("01s")

    def write(self, store: Store, schema: Schema, ids: IdSource) -> None:
        """Add the missing rows of the objects that the schema has."""
        for name, facts in self._rows():
            sobject = schema.sobject(name)
            # Also for a missing object, so that later ids do not depend on the describes.
            ids.reserve(facts["Id"])
            if sobject is not None:
                store.execute(*_insert(sobject, facts, self.user_id))

    def _rows(self) -> Iterator[tuple[str, dict[str, str]]]:
        yield "Organization", {"Id": self.org_id, **_ORGANIZATION}
        yield "Profile", {"Id": self._profile_id, **_PROFILE}
        yield "User", self._user()
        yield "Pricebook2", {"Id": self._price_book_id, **_PRICE_BOOK}
        for place, (status_id, status) in enumerate(
            zip(self._status_ids, _TASK_STATUSES, strict=True)
        ):
            yield (
                "TaskStatus",
                {
                    "Id": status_id,
                    "MasterLabel": status,
                    "ApiName": status,
                    "SortOrder": str(place + 1),
                    "IsDefault": str(place == 0).lower(),
                    "IsClosed": str(status == "Completed").lower(),
                },
            )

    def _user(self) -> dict[str, str]:
        return {
            "Id": self.user_id,
            "Username": f"admin@sandbox-{self.org_id.lower()}.example",
            "LastName": "Admin",
            "FirstName": "Sandbox",
            "Name": "Sandbox Admin",
            "Email": "admin@example.com",
            "Alias": "sadmin",
            "CommunityNickname": "sandbox.admin",
            "IsActive": "true",
            "LocaleSidKey": "en_US",
            "EmailEncodingKey": "UTF-8",
            "UserType": "Standard",
            "ProfileId": self._profile_id,
            **_LOCALE,
        }


_ORGANIZATION = {
    "Name": "Sandbox Org",
    "PrimaryContact": "Sandbox Admin",
    "Country": "US",
    "DefaultLocaleSidKey": "en_US",
    "FiscalYearStartMonth": "1",
    "DefaultAccountAccess": "Edit",
    "DefaultContactAccess": "ControlledByParent",
    "DefaultOpportunityAccess": "Edit",
    "OrganizationType": "Developer Edition",
    "InstanceName": "SBX1",
    "IsSandbox": "true",
    **_LOCALE,
}
_PRICE_BOOK = {"Name": "Standard Price Book", "IsActive": "true", "IsStandard": "true"}
_PROFILE = {
    "Name": "System Administrator",
    "UserType": "Standard",
    **dict.fromkeys(
        (
            "PermissionsApiEnabled",
            "PermissionsModifyAllData",
            "PermissionsViewAllData",
            "PermissionsBulkApiHardDelete",
        ),
        "true",
    ),
}


def _insert(sobject: SObject, facts: Mapping[str, str], user_id: str) -> tuple[str, list[Stored]]:
    known: dict[str, Stored] = {
        field.name: default_value(field) for field in sobject.stored if field.kind is Kind.BOOLEAN
    }
    stamps = {
        **dict.fromkeys(("CreatedDate", "LastModifiedDate", "SystemModstamp"), _CREATED),
        **dict.fromkeys(("CreatedById", "LastModifiedById"), user_id),
    }
    known |= {name: value for name, value in (stamps | dict(facts)).items() if sobject.field(name)}
    names = ", ".join(quoted(name) for name in known)
    return (
        # OR IGNORE: an org from a file already has these rows.
        f"INSERT OR IGNORE INTO {quoted(sobject.name)} ({names}) VALUES ({marks(len(known))})",
        list(known.values()),
    )
