"""Real sample data turned into folders the sandbox serves: recorded describes and rows with ids.

The files in `shared/` lie beside a developer's checkout and not in a user's clone. Their
rows refer to each other by real ids, by small numbers or by `@names`; here every row gets an
id, a key of its own in `Source_Key__c`, and lookups that hold ids.
"""

from __future__ import annotations

import copy
import csv
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).resolve().parents[3] / "shared"
RECORDINGS = SHARED / "recordings" / "describe"
KEY_FIELD = "Source_Key__c"

# The recording to use for each object, where one exists.
RECORDED = {
    "Account": "cumulusci_Account_person_accounts_npsp.json",
    "Campaign": "grouparoo_Campaign_v42.json",
    "Case": "cumulusci_Case.json",
    "Contact": "grouparoo_Contact_v42.json",
    "Lead": "grouparoo_Lead_v42.json",
    "Opportunity": "cumulusci_Opportunity.json",
}
PREFIXES = {
    "Account": "001",
    "AccountContactRelation": "07k",
    "Broker__c": "a01",
    "Campaign": "701",
    "CampaignMember": "00v",
    "Case": "500",
    "Contact": "003",
    "Lead": "00Q",
    "Opportunity": "006",
    "PricebookEntry": "01u",
    "Product2": "01t",
    "Property__c": "a02",
    "Task": "00T",
    "npe01__OppPayment__c": "a03",
}
# Types of columns that no recording describes; everything else is text.
TYPES = {
    "Baths__c": "double",
    "Beds__c": "double",
    "IsActive": "boolean",
    "Location__Latitude__s": "double",
    "Location__Longitude__s": "double",
    "Price__c": "currency",
    "UnitPrice": "currency",
    "dont_create_payments": "boolean",
    "npe01__Paid__c": "boolean",
    "npe01__Payment_Amount__c": "currency",
    "npe01__Payment_Date__c": "date",
    "npe01__Scheduled_Date__c": "date",
    "npe01__Written_Off__c": "boolean",
}
# Lookup columns: the objects they may point to and the relationship's name.
LOOKUPS = {
    "AccountId": (("Account",), "Account"),
    "Broker__c": (("Broker__c",), "Broker__r"),
    "CampaignId": (("Campaign",), "Campaign"),
    "ContactId": (("Contact",), "Contact"),
    "ParentId": (("Account",), "Parent"),
    "Primary_Contact__c": (("Contact",), "Primary_Contact__r"),
    "Product2Id": (("Product2",), "Product2"),
    "WhatId": (("Opportunity", "Case"), "What"),
    "npe01__Opportunity__c": (("Opportunity",), "npe01__Opportunity__r"),
}
# Columns of the data sets that no API call could set: the numbers of other packages' rows.
LEFT_OUT = {"npe03__Recurring_Donation__c", "Primary_Affiliation__c", "RecordTypeId"}
NUMBERS = {"type": "double", "soapType": "xsd:double", "length": 0, "precision": 18, "scale": 8}
FIELD_FACTS: dict[str, dict[str, Any]] = {
    "boolean": {"type": "boolean", "soapType": "xsd:boolean", "length": 0, "nillable": False},
    "currency": {**NUMBERS, "type": "currency", "scale": 2},
    "date": {"type": "date", "soapType": "xsd:date", "length": 0},
    "double": NUMBERS,
    "key": {"externalId": True, "unique": True, "idLookup": True, "length": 80},
    "string": {"type": "string", "soapType": "xsd:string", "length": 255},
    "textarea": {"type": "textarea", "soapType": "xsd:string", "length": 32000},
}


@dataclass
class DataSet:
    """One folder of sample data, made ready: rows by object with ids, and describes."""

    name: str
    rows: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    columns: dict[str, list[str]] = field(default_factory=dict)
    describes: dict[str, dict[str, Any]] = field(default_factory=dict)

    def write(self, folder: Path) -> tuple[Path, Path]:
        """The data folder and the describe folder of this set, written below `folder`."""
        data, describe = folder / "data", folder / "describe"
        data.mkdir(parents=True)
        describe.mkdir(parents=True)
        for name, body in self.describes.items():
            (describe / f"{name}.json").write_text(json.dumps(body), encoding="utf-8")
        for name, rows in self.rows.items():
            with (data / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, self.columns[name], quoting=csv.QUOTE_ALL)
                writer.writeheader()
                writer.writerows(rows)
        return data, describe


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def load_set(name: str) -> DataSet:
    """The sample data of `name`, with `cli-trees` files of one object put together."""
    made = DataSet(name)
    for path in sorted((SHARED / "sample-org" / name).glob("*.csv")):
        sobject = path.stem.rsplit("_", 1)[1] if name == "cli-trees" else path.stem
        tree = path.stem.rsplit("_", 1)[0] if name == "cli-trees" else ""
        for row in read_csv(path):
            made.rows.setdefault(sobject, []).append(with_key(row, tree))
    ids = assign_ids(made)
    for sobject, rows in made.rows.items():
        for row in rows:
            resolve_lookups(row, ids)
        made.columns[sobject] = list(dict.fromkeys(c for row in rows for c in row))
        made.describes[sobject] = describe_for(sobject, made.columns[sobject], rows)
    add_other_recordings(made)
    return made


def add_other_recordings(made: DataSet) -> None:
    """Every further object that was recorded, as it was recorded."""
    for path in sorted(RECORDINGS.glob("*.json")):
        body = json.loads(path.read_text("utf-8"))
        if "fields" in body:
            made.describes.setdefault(body["name"], body)


def with_key(row: dict[str, str], tree: str) -> dict[str, str]:
    """The row with `Source_Key__c` instead of its file's own key; a tree's names are its own."""
    row = {column: value for column, value in row.items() if column not in LEFT_OUT}
    own = row.pop("localId", None) or row.pop("referenceId", None) or row["Id"]
    row.pop("localId", None)
    row.pop("referenceId", None)
    if tree:
        row = {c: f"@{tree}/{v[1:]}" if v.startswith("@") else v for c, v in row.items()}
        own = f"{tree}/{own}"
    return {KEY_FIELD: own, **row}


def assign_ids(made: DataSet) -> dict[tuple[str, str], str]:
    """An 18-character id for every row without one; ids by (object, key)."""
    ids: dict[tuple[str, str], str] = {}
    for sobject, rows in made.rows.items():
        for number, row in enumerate(rows, start=1):
            row.setdefault("Id", to_18(f"{PREFIXES[sobject]}Z0{number:010d}"))
            ids[sobject, row[KEY_FIELD]] = row["Id"]
    return ids


def to_18(id15: str) -> str:
    """Salesforce's three check characters: capitals of each group of five as bits."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"
    groups = (id15[i : i + 5] for i in (0, 5, 10))
    return id15 + "".join(
        alphabet[sum(1 << i for i, c in enumerate(group) if c.isascii() and c.isupper())]
        for group in groups
    )


def resolve_lookups(row: dict[str, str], ids: dict[tuple[str, str], str]) -> None:
    for column, (targets, _) in LOOKUPS.items():
        value = row.get(column, "")
        if value.startswith("@") or (value and len(value) != len("001000000000001AAA")):
            key = value.removeprefix("@")
            row[column] = next(ids[target, key] for target in targets if (target, key) in ids)


def describe_for(sobject: str, columns: list[str], rows: list[dict[str, str]]) -> dict[str, Any]:
    """A recorded describe, with the data's columns that it lacks added as custom fields."""
    recorded = RECORDED.get(sobject, "cumulusci_Custom__c.json")
    body: dict[str, Any] = json.loads((RECORDINGS / recorded).read_text("utf-8"))
    if sobject not in RECORDED:
        body.update(name=sobject, label=sobject, labelPlural=sobject, keyPrefix=PREFIXES[sobject])
        body.update(createable=True, updateable=True, deletable=True, queryable=True)
    known = {f["name"].lower() for f in body["fields"]}
    widest = {c: max(len(row.get(c, "") or "") for row in rows) for c in columns}
    template = text_template()
    for column in columns:
        if column.lower() not in known:
            body["fields"].append(added_field(template, column, widest[column]))
    return body


def text_template() -> dict[str, Any]:
    """A plain custom text field as recorded, to make others from."""
    account = json.loads((RECORDINGS / RECORDED["Account"]).read_text("utf-8"))
    return next(
        copy.deepcopy(f)
        for f in account["fields"]
        if f["custom"] and f["type"] == "string" and f["updateable"] and not f["externalId"]
    )


def added_field(template: dict[str, Any], column: str, widest: int) -> dict[str, Any]:
    made = {**copy.deepcopy(template), "name": column, "label": column, "nillable": True}
    made.update(createable=True, updateable=True, relationshipName=None, referenceTo=[])
    if column in LOOKUPS:
        targets, relationship = LOOKUPS[column]
        made.update(type="reference", soapType="tns:ID", length=18)
        made.update(referenceTo=list(targets), relationshipName=relationship)
        return made
    kind = TYPES.get(column, "textarea" if widest > 255 else "string")
    made.update(FIELD_FACTS[kind])
    if column == KEY_FIELD:
        made.update(FIELD_FACTS["key"])
    return made


def expected_cells(made: DataSet) -> Iterator[tuple[str, str, str, str]]:
    """(object, id, column, text) of every cell, as the CSV files hold them."""
    for sobject, rows in made.rows.items():
        for row in rows:
            for column in made.columns[sobject]:
                yield sobject, row["Id"], column, row.get(column, "") or ""
