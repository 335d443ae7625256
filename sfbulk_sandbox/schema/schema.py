"""The org's objects and fields, made from describes: those of this package or of a real org."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import SchemaError
from sfbulk_sandbox.schema import describes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


# Only subqueries can read these objects. Their rows are those of other objects.
_WITHOUT_ROWS = frozenset({"ActivityHistory", "OpenActivity"})


class Kind(str, Enum):
    """How the values of a field are stored and compared."""

    TEXT = "text"
    ID = "id"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    BINARY = "binary"
    COMPOUND = "compound"


_KINDS = {
    "id": Kind.ID,
    "reference": Kind.ID,
    "boolean": Kind.BOOLEAN,
    "int": Kind.INTEGER,
    "long": Kind.INTEGER,
    "double": Kind.NUMBER,
    "currency": Kind.NUMBER,
    "percent": Kind.NUMBER,
    "date": Kind.DATE,
    "datetime": Kind.DATETIME,
    "time": Kind.TIME,
    "base64": Kind.BINARY,
    "address": Kind.COMPOUND,
    "location": Kind.COMPOUND,
}


@dataclass(frozen=True, eq=False)
class Field:
    """One field of an object.

    Attributes:
        describe: The complete describe entry, as REST sends it.
        parts: The component fields of a compound field.
    """

    name: str
    type: str
    kind: Kind
    label: str
    describe: Mapping[str, Any]
    parts: tuple[Field, ...] = ()

    @property
    def createable(self) -> bool:
        """Whether an insert may set it."""
        return bool(self.describe["createable"])

    @property
    def updateable(self) -> bool:
        """Whether an update may set it."""
        return bool(self.describe["updateable"])

    @property
    def nillable(self) -> bool:
        """Whether a save may leave it empty."""
        return bool(self.describe["nillable"])

    @property
    def filterable(self) -> bool:
        """Whether WHERE may name it."""
        return bool(self.describe["filterable"])

    @property
    def sortable(self) -> bool:
        """Whether ORDER BY may name it."""
        return bool(self.describe["sortable"])

    @property
    def unique(self) -> bool:
        """Whether two records may not share a value."""
        return bool(self.describe["unique"])

    @property
    def case_sensitive(self) -> bool:
        """Whether values that differ only in letter case are different."""
        return bool(self.describe["caseSensitive"])

    @property
    def is_key(self) -> bool:
        """Whether upsert and relationship columns may find records by it."""
        return bool(
            (self.kind is Kind.ID and self.type == "id")
            or self.describe["externalId"]
            or self.describe["idLookup"]
        )

    @property
    def auto_number(self) -> bool:
        """Whether the org numbers the records itself."""
        return bool(self.describe["autoNumber"])

    @property
    def length(self) -> int:
        """The maximum number of characters."""
        return int(self.describe["length"])

    @property
    def reference_to(self) -> tuple[str, ...]:
        """Names of the objects a lookup may point at."""
        return tuple(self.describe["referenceTo"] or ())

    @property
    def relationship_name(self) -> str | None:
        """The name of the lookup in a path such as `Account.Name`."""
        name = self.describe["relationshipName"]
        return name if name and self.reference_to else None

    @property
    def polymorphic(self) -> bool:
        """Whether the lookup may point at more than one object."""
        return len(self.reference_to) > 1


@dataclass(frozen=True)
class ChildRelationship:
    """A lookup seen from its parent.

    Attributes:
        name: The name in a subquery, `Contacts`; None if no query can use it.
        sobject: The name of the child object.
        field: The name of the lookup.
        cascades: Whether the children are deleted with their parent.
        restricts: Whether a parent with children cannot be deleted.
    """

    name: str | None
    sobject: str
    field: str
    cascades: bool
    restricts: bool


@dataclass(frozen=True, eq=False)
class Child:
    """A child relationship whose child object is in the org.

    Attributes:
        cascades: Whether the children are deleted with their parent.
        restricts: Whether a parent with children cannot be deleted.
    """

    sobject: SObject
    lookup: Field
    cascades: bool
    restricts: bool


class SObject:
    """One object of the org.

    Args:
        describe: The complete describe.
        number_formats: The formats of auto-number fields by name, such as `INV-{0000}`.
    """

    def __init__(self, describe: Mapping[str, Any], number_formats: Mapping[str, str]) -> None:
        self.name: str = describe["name"]
        self.label: str = describe["label"]
        self.label_plural: str = describe["labelPlural"] or describe["label"]
        self.key_prefix: str | None = describe["keyPrefix"]
        self.number_formats = number_formats
        self.fields = tuple(_fields(describe["fields"]))
        self._describe = describe
        self._by_name = {field.name.lower(): field for field in self.fields}
        self._by_relationship = {
            field.relationship_name.lower(): field
            for field in self.fields
            if field.relationship_name
        }
        self.stored = tuple(field for field in self.fields if field.kind is not Kind.COMPOUND)

    def __repr__(self) -> str:
        return f"SObject({self.name!r}, {len(self.fields)} fields)"

    def field(self, name: str) -> Field | None:
        """The field with this name, in any letter case, or None."""
        return self._by_name.get(name.lower())

    def relationship(self, name: str) -> Field | None:
        """The lookup whose relationship has this name, in any letter case, or None."""
        return self._by_relationship.get(name.lower())

    def allows(self, flag: str) -> bool:
        """A boolean key of the describe: `queryable`, `createable`, `deletable`..."""
        return bool(self._describe[flag])

    @property
    def child_relationships(self) -> list[ChildRelationship]:
        """The lookups, of any object, that point at this object."""
        return [
            ChildRelationship(
                name=one["relationshipName"],
                sobject=one["childSObject"],
                field=one["field"],
                cascades=bool(one["cascadeDelete"]),
                restricts=bool(one.get("restrictedDelete")),
            )
            for one in self._describe["childRelationships"]
            if one.get("field")
        ]

    def child_relationship(self, name: str) -> ChildRelationship | None:
        """The child relationship with this name, in any letter case, or None."""
        wanted = name.lower()
        known = (one for one in self.child_relationships if one.name)
        return next((one for one in known if (one.name or "").lower() == wanted), None)

    @property
    def has_recycle_bin(self) -> bool:
        """Whether deleted records stay, with IsDeleted set."""
        return self.field("IsDeleted") is not None

    @property
    def archives(self) -> bool:
        """Whether only queryAll finds records with IsArchived set.

        Salesforce documents it for activities (SOAP API guide: Archived Activities); no source
        says it of the other objects with this field.
        """
        return self.name in ("Task", "Event") and self.field("IsArchived") is not None

    def describe(self, version: float, base_url: str = "") -> dict[str, Any]:
        """The describe in this API version, as REST sends it."""
        return describes.full(self._describe, version, base_url)

    def summary(self, version: float) -> dict[str, Any]:
        """The object's entry in the global describe."""
        return describes.summary(self._describe, version)


def _fields(entries: Iterable[Mapping[str, Any]]) -> Iterator[Field]:
    plain = {entry["name"]: _field(entry) for entry in entries}
    for field in plain.values():
        if field.kind is Kind.COMPOUND:
            yield _field(field.describe, _parts(field, plain.values()))
        else:
            yield field


def _field(entry: Mapping[str, Any], parts: tuple[Field, ...] = ()) -> Field:
    # An unknown type is text, so that the describe of a newer org can be loaded.
    kind = _KINDS.get(entry["type"], Kind.TEXT)
    return Field(entry["name"], entry["type"], kind, entry["label"], entry, parts)


def plain_field(name: str, kind: str) -> Field:
    """A field for a computed value of a query."""
    return _field(describes.complete_field({"name": name, "type": kind, "label": name}))


def _parts(compound: Field, fields: Iterable[Field]) -> tuple[Field, ...]:
    return tuple(
        field
        for field in fields
        if field.describe["compoundFieldName"] == compound.name and field.kind is not Kind.COMPOUND
    )


class Schema:
    """The objects of an org.

    Iterating yields the objects that have rows of their own, in name order.

    Attributes:
        revision: A counter that grows when an object is added or replaced.
    """

    def __init__(self) -> None:
        self._objects: dict[str, SObject] = {}
        self._children: dict[str, list[Child]] = {}
        self.revision = 0

    @classmethod
    def standard(cls) -> Schema:
        """The objects of this package (files of `objects/`), with child relationships."""
        folder = resources.files("sfbulk_sandbox") / "objects"
        files = sorted(
            (entry for entry in folder.iterdir() if entry.name.endswith(".json")),
            key=lambda entry: entry.name,
        )
        facts = [json.loads(entry.read_text(encoding="utf-8")) for entry in files]
        schema = cls()
        for describe, formats in _with_children(facts):
            schema._add(describe, formats)
        return schema

    def load_describes(self, path: Path) -> list[str]:
        """Add or replace objects from describe JSON of any org and API version.

        Args:
            path: One file, or a folder of `*.json`. JSON that is not the describe of an object (a
                global describe, headers) is ignored. If a folder has two describes of one object,
                the one with more fields is used.

        Returns:
            The names of the added objects.

        Raises:
            SchemaError: A file is not JSON, or no file is the describe of an object.
        """
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        found: dict[str, Mapping[str, Any]] = {}
        for file in files:
            describe = _read_describe(file)
            if describe is None:
                continue
            other = found.get(describe["name"])
            if other is None or len(other["fields"]) < len(describe["fields"]):
                found[describe["name"]] = describe
        if not found:
            raise SchemaError(f"{path}: no describe of an object; save answers of GET .../describe")
        for known in found.values():
            self.add_describe(known)
        return sorted(found)

    def add_describe(self, describe: Mapping[str, Any]) -> None:
        """Add an object from its describe. It replaces an object of the same name."""
        self._add(describes.complete_object(describe), {})

    def _add(self, describe: Mapping[str, Any], number_formats: Mapping[str, str]) -> None:
        sobject = SObject(describe, number_formats)
        self._objects[sobject.name.lower()] = sobject
        # The children of other objects may have changed too.
        self._children.clear()
        self.revision += 1

    def sobject(self, name: str) -> SObject | None:
        """The object with this name, in any letter case, or None."""
        return self._objects.get(name.lower())

    def children_of(self, parent: SObject) -> list[Child]:
        """Every lookup that may point at an object.

        The parent's describe says whether a lookup cascades or restricts a deletion. If it does
        not have the lookup (the describes are of two orgs), the lookup's describe says it.
        """
        if parent.name not in self._children:
            by_parent = {(one.sobject, one.field): one for one in parent.child_relationships}
            self._children[parent.name] = [
                _seen_from_parent(sobject, lookup, by_parent.get((sobject.name, lookup.name)))
                for sobject in self
                for lookup in sobject.stored
                if parent.name in lookup.reference_to
            ]
        return self._children[parent.name]

    def by_prefix(self, prefix: str) -> SObject | None:
        """The object whose ids begin with these three characters, or None."""
        return next((one for one in self if one.key_prefix == prefix), None)

    def described(self) -> list[SObject]:
        """Every object in name order, with those that have no rows of their own."""
        return sorted(self._objects.values(), key=lambda one: one.name)

    def __iter__(self) -> Iterator[SObject]:
        return (one for one in self.described() if one.name not in _WITHOUT_ROWS)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _with_children(
    facts: list[dict[str, Any]],
) -> Iterator[tuple[describes.Describe, Mapping[str, str]]]:
    children: dict[str, list[describes.Describe]] = {one["name"]: [] for one in facts}
    formats: dict[str, dict[str, str]] = {}
    for one in facts:
        formats[one["name"]] = {}
        for field in one["fields"]:
            if "displayFormat" in field:
                formats[one["name"]][field["name"]] = field.pop("displayFormat")
            if "referenceTo" not in field:
                continue
            child = _child(one["name"], field)
            for parent in field["referenceTo"]:
                if parent in children and not _named(children[parent], child):
                    children[parent].append(child)
    for one in facts:
        described = describes.object_from_facts(one | {"childRelationships": children[one["name"]]})
        yield described, formats[one["name"]]


def _named(children: list[describes.Describe], child: describes.Describe) -> bool:
    """Whether another lookup of the child object already has the relationship's name."""
    keys = ("childSObject", "relationshipName")
    name = child["relationshipName"]
    return name is not None and any(all(one[k] == child[k] for k in keys) for one in children)


def _child(sobject: str, field: dict[str, Any]) -> describes.Describe:
    """The child relationship of a lookup. Removes the facts about it from the field's facts."""
    on_parent_delete = field.pop("onParentDelete", "")
    return {
        "cascadeDelete": "cascade" in on_parent_delete,
        "childSObject": sobject,
        "deprecatedAndHidden": False,
        "field": field["name"],
        "junctionIdListNames": [],
        "junctionReferenceTo": [],
        "relationshipName": field.pop("childRelationshipName", None),
        "restrictedDelete": "restrict" in on_parent_delete,
    }


def _seen_from_parent(
    sobject: SObject, lookup: Field, by_parent: ChildRelationship | None
) -> Child:
    if by_parent is not None:
        return Child(sobject, lookup, by_parent.cascades, by_parent.restricts)
    own = lookup.describe
    return Child(sobject, lookup, bool(own["cascadeDelete"]), bool(own["restrictedDelete"]))


def _read_describe(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise SchemaError(f"{path}: the file is not valid JSON: {error}") from None
    if not isinstance(document, dict) or not isinstance(document.get("fields"), list):
        return None
    if not isinstance(document.get("name"), str):
        return None
    for field in document["fields"]:
        if not isinstance(field, dict) or not {"name", "type"} <= field.keys():
            raise SchemaError(f"{path}: a field has no name or no type; save the whole answer")
    return document
