"""Complete describes of fields and objects, made from the facts in `objects/`.

The order of keys, and the values that depend on a field's type, are those of Salesforce's describe
(SOAP API guide, describeSObjectResult and Field Types).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

Describe = dict[str, Any]

_TEXT = {"soapType": "xsd:string", "aggregatable": True, "filterable": True, "sortable": True}
_GROUPED = {**_TEXT, "groupable": True}
_NUMBER = {"soapType": "xsd:double", "aggregatable": True, "filterable": True, "sortable": True}
_ID = {**_GROUPED, "soapType": "tns:ID", "length": 18, "byteLength": 18}
_COMPOUND = {"filterable": True, "queryByDistance": True, "createable": False, "updateable": False}
_LONG_TEXT = 255

_BY_TYPE: Mapping[str, Mapping[str, Any]] = {
    "id": {**_ID, "createable": False, "updateable": False, "nillable": False},
    "reference": _ID,
    "string": _GROUPED,
    "textarea": {**_GROUPED, "extraTypeInfo": "plaintextarea"},
    "picklist": {**_GROUPED, "length": 255},
    "multipicklist": {"soapType": "xsd:string", "length": 4099, "filterable": True, "precision": 4},
    "combobox": {**_TEXT, "length": 255},
    "phone": {**_GROUPED, "length": 40},
    "email": {**_GROUPED, "length": 80},
    "url": {**_GROUPED, "length": 255},
    "encryptedstring": {"soapType": "xsd:string", "length": 175, "encrypted": True},
    "boolean": {
        "soapType": "xsd:boolean",
        "filterable": True,
        "sortable": True,
        "groupable": True,
        "nillable": False,
        "defaultedOnCreate": True,
        "defaultValue": False,
    },
    "int": {**_GROUPED, "soapType": "xsd:int", "digits": 8},
    "long": {**_GROUPED, "soapType": "xsd:long", "digits": 18},
    "double": {**_NUMBER, "precision": 18},
    "currency": {**_NUMBER, "precision": 18, "scale": 2},
    "percent": {**_NUMBER, "precision": 5, "scale": 2},
    "date": {**_GROUPED, "soapType": "xsd:date"},
    "datetime": {**_TEXT, "soapType": "xsd:dateTime"},
    "time": {**_TEXT, "soapType": "xsd:time"},
    "base64": {"soapType": "xsd:base64Binary"},
    "address": {**_COMPOUND, "soapType": "urn:address"},
    "location": {**_COMPOUND, "soapType": "urn:location"},
}

# Every key of a field in Salesforce's order, with its default.
_FIELD_KEYS: Mapping[str, Any] = {
    "aggregatable": False,
    "aiPredictionField": False,
    "autoNumber": False,
    "byteLength": 0,
    "calculated": False,
    "calculatedFormula": None,
    "cascadeDelete": False,
    "caseSensitive": False,
    "compoundFieldName": None,
    "controllerName": None,
    "createable": True,
    "custom": False,
    "defaultValue": None,
    "defaultValueFormula": None,
    "defaultedOnCreate": False,
    "dependentPicklist": False,
    "deprecatedAndHidden": False,
    "digits": 0,
    "displayLocationInDecimal": False,
    "encrypted": False,
    "externalId": False,
    "extraTypeInfo": None,
    "filterable": False,
    "filteredLookupInfo": None,
    "formulaTreatNullNumberAsZero": False,
    "groupable": False,
    "highScaleNumber": False,
    "htmlFormatted": False,
    "idLookup": False,
    "inlineHelpText": None,
    "label": "",
    "length": 0,
    "mask": None,
    "maskType": None,
    "name": "",
    "nameField": False,
    "namePointing": False,
    "nillable": True,
    "permissionable": False,
    "picklistValues": [],
    "polymorphicForeignKey": False,
    "precision": 0,
    "queryByDistance": False,
    "referenceTargetField": None,
    "referenceTo": [],
    "relationshipName": None,
    "relationshipOrder": None,
    "restrictedDelete": False,
    "restrictedPicklist": False,
    "scale": 0,
    "searchPrefilterable": False,
    "soapType": "xsd:string",
    "sortable": False,
    "type": "string",
    "unique": False,
    "updateable": True,
    "writeRequiresMasterRead": False,
}

# The keys of an entry of the global describe. The describe of an object has them too.
SUMMARY_KEYS: Mapping[str, Any] = {
    "activateable": False,
    "associateEntityType": None,
    "associateParentEntity": None,
    "createable": True,
    "custom": False,
    "customSetting": False,
    "deepCloneable": False,
    "deletable": True,
    "deprecatedAndHidden": False,
    "feedEnabled": True,
    "hasSubtypes": False,
    "isInterface": False,
    "isSubtype": False,
    "keyPrefix": None,
    "label": "",
    "labelPlural": "",
    "layoutable": True,
    "mergeable": False,
    "mruEnabled": True,
    "name": "",
    "queryable": True,
    "replicateable": True,
    "retrieveable": True,
    "searchable": True,
    "triggerable": True,
    "undeletable": True,
    "updateable": True,
    "urls": {},
}

_OBJECT_KEYS: Mapping[str, Any] = {
    **SUMMARY_KEYS,
    "actionOverrides": [],
    "childRelationships": [],
    "compactLayoutable": True,
    "defaultImplementation": None,
    "extendedBy": None,
    "extendsInterfaces": None,
    "fields": [],
    "implementedBy": None,
    "implementsInterfaces": None,
    "listviewable": None,
    "lookupLayoutable": None,
    "namedLayoutInfos": [],
    "networkScopeFieldName": None,
    "recordTypeInfos": [],
    "searchLayoutable": True,
    "sobjectDescribeOption": "FULL",
    "supportedScopes": [],
}

# The API version that introduced a key. 42.0, 46.0, 48.0 and 52.0 are recorded; a key that came
# between two recordings is assigned to the later one. 50.0 is from the guide.
_SINCE: Mapping[str, float] = {
    "aiPredictionField": 46.0,
    "formulaTreatNullNumberAsZero": 46.0,
    "developerName": 46.0,
    "deepCloneable": 48.0,
    "defaultImplementation": 48.0,
    "extendedBy": 48.0,
    "extendsInterfaces": 48.0,
    "implementedBy": 48.0,
    "implementsInterfaces": 48.0,
    "isInterface": 48.0,
    "associateEntityType": 50.0,
    "associateParentEntity": 50.0,
}

_SYSTEM = {"createable": False, "updateable": False, "nillable": False, "defaultedOnCreate": True}
_READ_ONLY = {"createable": False, "updateable": False}
_ADDRESS_PARTS: tuple[Describe, ...] = (
    {"name": "Street", "type": "textarea", "length": 255},
    {"name": "City", "type": "string", "length": 40},
    {"name": "State", "type": "string", "length": 80, "label": "State/Province"},
    {"name": "PostalCode", "type": "string", "length": 20, "label": "Zip/Postal Code"},
    {"name": "Country", "type": "string", "length": 80},
    {"name": "Latitude", "type": "double", "scale": 15},
    {"name": "Longitude", "type": "double", "scale": 15},
    {
        "name": "GeocodeAccuracy",
        "type": "picklist",
        "length": 40,
        "restrictedPicklist": True,
        "picklistValues": [
            "Address",
            "NearAddress",
            "Block",
            "Street",
            "ExtendedZip",
            "Zip",
            "Neighborhood",
            "City",
            "County",
            "State",
            "Unknown",
        ],
    },
)


def complete_field(known: Mapping[str, Any]) -> Describe:
    """The complete describe of a field, with keys in Salesforce's order.

    Args:
        known: The known keys. Keys that Salesforce does not have are kept at the end.
    """
    derived = _derived(known)
    field = {key: known.get(key, derived.get(key, default)) for key, default in _FIELD_KEYS.items()}
    return field | {key: value for key, value in known.items() if key not in field}


def _derived(known: Mapping[str, Any]) -> Describe:
    kind = known.get("type", "string")
    derived = dict(_BY_TYPE.get(kind, _TEXT))
    length = known.get("length", derived.get("length", 0))
    # Long text areas cannot be filtered, sorted or grouped (SOAP API guide, Field Types).
    if kind == "textarea" and length > _LONG_TEXT:
        derived = {"soapType": "xsd:string", "extraTypeInfo": "plaintextarea"}
    if derived["soapType"] == "xsd:string" and kind != "multipicklist":
        # As recorded: three bytes per character.
        derived["byteLength"] = 3 * length
    return derived


def field_from_facts(facts: Mapping[str, Any]) -> Describe:
    """The complete describe of a field, from the facts that do not depend on its type.

    Args:
        facts: Keys of the describe. An entry of `picklistValues` is a text, or a pair of value
            and label.
    """
    known = dict(facts)
    name: str = known["name"]
    known.setdefault("label", label_of(name))
    known.setdefault("custom", name.endswith("__c"))
    if "picklistValues" in known:
        known["picklistValues"] = [_picklist_value(known, v) for v in known["picklistValues"]]
    if "referenceTo" in known:
        known.setdefault("relationshipName", relationship_name(name))
        known["polymorphicForeignKey"] = len(known["referenceTo"]) > 1
        known.setdefault("namePointing", known["polymorphicForeignKey"])
    field = complete_field(known)
    # Field-level security cannot hide a required field or a part of a person's name.
    hideable = field["extraTypeInfo"] != "personname" and (field["nillable"] or field["custom"])
    shown = field["createable"] or field["calculated"] or field["type"] in ("address", "location")
    field["permissionable"] = known.get("permissionable", bool(hideable and shown))
    return field


def _picklist_value(field: Mapping[str, Any], entry: str | list[str]) -> Describe:
    value, label = entry if isinstance(entry, list) else (entry, entry)
    default = field.get("defaultValue") == value
    return {
        "active": True,
        "defaultValue": default,
        "label": label,
        "validFor": None,
        "value": value,
    }


def label_of(name: str) -> str:
    """The usual label of a field: `NumberOfEmployees` has "Number Of Employees"."""
    words = name.removesuffix("__c").replace("_", " ")
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", words)
    return re.sub(r" Id$", " ID", spaced)


def relationship_name(field_name: str) -> str:
    """The relationship of a lookup: `AccountId` has `Account`, `Bill_To__c` has `Bill_To__r`."""
    if field_name.endswith("__c"):
        return field_name.removesuffix("__c") + "__r"
    return field_name.removesuffix("Id")


def object_from_facts(facts: Mapping[str, Any]) -> Describe:
    """The complete describe of an object, from a file of `objects/`.

    An entry of `fields` is a field, or a group of fields that many objects have: `{"group":
    "address", "prefix": "Billing"}`, `{"group": "record"}` (Id, IsDeleted), `{"group": "owner"}`,
    `{"group": "audit"}` (created and modified, by whom and when).
    """
    known = {key: value for key, value in facts.items() if key != "fields"}
    known.setdefault("custom", facts["name"].endswith("__c"))
    known.setdefault("labelPlural", facts["label"] + "s")
    fields = list(_expand(facts["label"], facts["fields"]))
    known["fields"] = [field_from_facts(field) for field in fields]
    known["recordTypeInfos"] = [_master_record_type(facts["name"])]
    known["supportedScopes"] = [
        {"label": f"All {known['labelPlural'].lower()}", "name": "everything"}
    ]
    return complete_object(known)


def _expand(label: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[Describe]:
    for entry in entries:
        group = entry.get("group")
        if group is None:
            yield dict(entry)
        elif group == "address":
            yield from _address(entry["prefix"])
        else:
            yield from _shared(label)[group]


def _address(prefix: str) -> Iterator[Describe]:
    compound = prefix + "Address"
    for part in _ADDRESS_PARTS:
        label = f"{prefix} {part.get('label') or label_of(part['name'])}".strip()
        name = prefix + part["name"]
        yield {**part, "name": name, "label": label, "compoundFieldName": compound}
    yield {"name": compound, "type": "address"}


def _shared(label: str) -> dict[str, list[Describe]]:
    return {
        "record": [
            {"name": "Id", "type": "id", "label": f"{label} ID", "idLookup": True, **_SYSTEM},
            {"name": "IsDeleted", "type": "boolean", "label": "Deleted", **_SYSTEM},
        ],
        "owner": [
            {
                "name": "OwnerId",
                "type": "reference",
                "referenceTo": ["User"],
                "nillable": False,
                "defaultedOnCreate": True,
            },
        ],
        "audit": [
            {"name": "CreatedDate", "type": "datetime", **_SYSTEM},
            {"name": "CreatedById", "type": "reference", "referenceTo": ["User"], **_SYSTEM},
            {"name": "LastModifiedDate", "type": "datetime", **_SYSTEM},
            {"name": "LastModifiedById", "type": "reference", "referenceTo": ["User"], **_SYSTEM},
            {"name": "SystemModstamp", "type": "datetime", **_SYSTEM},
        ],
        "viewed": [
            {"name": "LastViewedDate", "type": "datetime", **_READ_ONLY},
            {"name": "LastReferencedDate", "type": "datetime", **_READ_ONLY},
        ],
    }


def _master_record_type(name: str) -> Describe:
    master = "012000000000000AAA"
    return {
        "active": True,
        "available": True,
        "defaultRecordTypeMapping": True,
        "developerName": "Master",
        "master": True,
        "name": "Master",
        "recordTypeId": master,
        "urls": {"layout": f"/services/data/v0.0/sobjects/{name}/describe/layouts/{master}"},
    }


def complete_object(known: Mapping[str, Any]) -> Describe:
    """The complete describe of an object, with keys in alphabetical order, as Salesforce sends it.

    Args:
        known: A describe of any API version. Its values are kept.
    """
    described = {**_OBJECT_KEYS, **known}
    described["fields"] = [complete_field(field) for field in described["fields"]]
    described["urls"] = described["urls"] or _urls(described)
    return {key: described[key] for key in sorted(described)}


def _urls(known: Mapping[str, Any]) -> dict[str, str]:
    """The urls of an object in the recorded order. Its flags decide which urls it has."""
    name, key_prefix = known["name"], known["keyPrefix"]
    base = f"/services/data/v0.0/sobjects/{name}"
    shown, listed = known["layoutable"], known["mruEnabled"] and known["searchable"]
    urls = {
        "compactLayouts": f"{base}/describe/compactLayouts" if shown else None,
        "rowTemplate": f"{base}/{{ID}}",
        "approvalLayouts": f"{base}/describe/approvalLayouts" if shown and listed else None,
        "uiDetailTemplate": "/{ID}" if shown else None,
        "uiEditTemplate": "/{ID}/e" if shown else None,
        "listviews": f"{base}/listviews" if shown and listed else None,
        "describe": f"{base}/describe",
        "uiNewRecord": f"/{key_prefix}/e" if shown and key_prefix else None,
        "quickActions": f"{base}/quickActions" if shown and listed else None,
        "layouts": f"{base}/describe/layouts" if shown else None,
        "sobject": base,
    }
    return {name: url for name, url in urls.items() if url}


def summary(describe: Mapping[str, Any], version: float) -> Describe:
    """The entry of an object in the global describe of an API version."""
    entry = _known_in(version, {key: describe[key] for key in SUMMARY_KEYS})
    entry["urls"] = {name: url for name, url in entry["urls"].items() if not name.startswith("ui")}
    return dict(at_version(entry, version))


def full(describe: Mapping[str, Any], version: float, base_url: str) -> Describe:
    """The describe of an object in an API version.

    Args:
        describe: The describe with every key.
        version: The API version. Keys of later versions are left out.
        base_url: The start of the urls of pages; urls of resources are paths.
    """
    shown = _known_in(version, describe)
    for name in ("fields", "recordTypeInfos"):
        shown[name] = [_known_in(version, entry) for entry in shown[name]]
    shown["urls"] = {
        name: base_url + url if name.startswith("ui") and url.startswith("/") else url
        for name, url in shown["urls"].items()
    }
    return dict(at_version(shown, version))


def _known_in(version: float, entry: Mapping[str, Any]) -> Describe:
    return {key: value for key, value in entry.items() if _SINCE.get(key, 0) <= version}


def at_version(describe: Any, version: float) -> Any:
    """A copy of a describe with this API version in its resource paths."""
    if isinstance(describe, dict):
        return {key: at_version(value, version) for key, value in describe.items()}
    if isinstance(describe, list):
        return [at_version(value, version) for value in describe]
    if isinstance(describe, str) and describe.startswith("/services/data/v"):
        return re.sub(r"^/services/data/v[^/]+/", f"/services/data/v{version:.1f}/", describe)
    return describe
