"""PK chunking: splits a query by ranges of ids (Bulk API guide: PK Chunking Header)."""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.faults.errors import Fault
from sfbulk_sandbox.schema.ids import is_valid, to18
from sfbulk_sandbox.soql.parser import parse
from sfbulk_sandbox.soql.syntax import Path, Statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sfbulk_sandbox.org.org import Org
    from sfbulk_sandbox.schema.schema import SObject

# Bulk API guide, PK Chunking Header.
_DEFAULT_SIZE, _LARGEST_SIZE = 100_000, 250_000
# Bulk API guide, PK Chunking Header: the objects that can be chunked, besides custom objects.
_NAMES = """
    Account Asset Campaign CampaignMember Case CaseArticle Contact Contract Event EventRelation Lead
    LoginHistory Opportunity OpportunityLineItem Order OrderItem Pricebook2 PricebookEntry Product2
    Quote QuoteLineItem Task User UserRole WorkOrder WorkOrderLineItem
"""
_OBJECTS = frozenset(_NAMES.lower().split())
_BY_PARENT = ("share", "history", "feed")


@dataclass(frozen=True)
class PkChunking:
    """The settings of the PK chunking header.

    Attributes:
        size: The number of the object's rows in a chunk, before the filter of the query.
        start_row: The first id of the first chunk; None for the first id of the object.
        parent: The parent object, for a query on sharing, history or feed rows.
    """

    size: int = _DEFAULT_SIZE
    start_row: str | None = None
    parent: str | None = None

    def check(self, sobject: SObject, operation: str) -> None:
        """Raise a Fault if such a job cannot be chunked."""
        if operation not in ("query", "queryAll"):
            raise Fault("InvalidJob", "PK chunking is for queries only")
        name = sobject.name.lower()
        if self.parent and name.endswith(_BY_PARENT):
            name = self.parent.lower()
        if name not in _OBJECTS and not name.endswith("__c"):
            raise Fault("FeatureNotEnabled", f"PK chunking is not supported for {sobject.name}")

    def queries(self, org: Org, soql: str) -> list[str]:
        """Return one query per range of ids.

        Raises:
            Fault: The query has a clause that cannot be chunked, or cannot be parsed.
        """
        statement = parse(soql)
        _check_statement(statement)
        starts = list(self._starts(org, statement.source.name))
        # An empty object has one chunk, without rows.
        ranges = zip(starts or [""], [*starts[1:], ""], strict=True)
        return [_restricted(soql, statement, low, high) for low, high in ranges]

    def _starts(self, org: Org, sobject_name: str) -> Iterator[str]:
        soql = f"SELECT Id FROM {sobject_name}"  # noqa: S608 - SOQL, of a name that was parsed
        if self.start_row:
            soql += f" WHERE Id >= '{to18(self.start_row)}'"
        # With deleted records: a chunk is a range of ids before any filter (assumed).
        query = org.query(f"{soql} ORDER BY Id", all_rows=True)
        for row in islice(query.rows(), 0, None, self.size):
            yield str(row[0])


def parse_header(text: str | None) -> PkChunking | None:
    """Return the settings of Sforce-Enable-PKChunking; None if the header turns chunking off.

    Raises:
        Fault: InvalidJob: a part of the header is not valid.
    """
    parts = [part.strip() for part in (text or "").split(";") if part.strip()]
    if not parts or parts[0].lower() == "false":
        return None
    settings: dict[str, Any] = {}
    for part in parts[parts[0].lower() == "true" :]:
        name, _, value = (word.strip() for word in part.partition("="))
        if name.lower() == "chunksize":
            settings["size"] = _size(value)
        elif name.lower() == "startrow" and is_valid(value):
            settings["start_row"] = value
        elif name.lower() == "parent" and value:
            settings["parent"] = value
        else:
            raise Fault("InvalidJob", f"Invalid Sforce-Enable-PKChunking header: {part}")
    return PkChunking(**settings)


def _size(value: str) -> int:
    if not value.isdecimal() or not 1 <= int(value) <= _LARGEST_SIZE:
        raise Fault("InvalidJob", f"chunkSize must be from 1 to {_LARGEST_SIZE}, not {value}")
    return int(value)


def _check_statement(statement: Statement) -> None:
    if statement.order or statement.limit is not None or statement.clauses:
        raise Fault("InvalidBatch", "PK chunking cannot be used with ORDER BY, LIMIT or GROUP BY")
    own_ids = [["id"], [statement.source.name.lower(), "id"]]
    own_ids += [[(statement.source.alias or "").lower(), "id"]]
    if any([name.lower() for name in path.names] in own_ids for path in _paths(statement.where)):
        raise Fault("InvalidBatch", "PK chunking cannot be used with a filter on Id")


def _paths(node: object) -> Iterator[Path]:
    if isinstance(node, Path):
        yield node
    elif isinstance(node, tuple):
        for member in node:
            yield from _paths(member)
    elif is_dataclass(node) and not isinstance(node, Statement):
        for entry in fields(node):
            yield from _paths(getattr(node, entry.name))


def _restricted(soql: str, statement: Statement, low: str, high: str) -> str:
    tests = [f"Id >= '{low}'"] if low else []
    tests += [f"Id < '{high}'"] if high else []
    if not tests:
        return soql
    # The condition is the end of the statement: a statement with later clauses was refused.
    end = statement.where_end
    if end is None:
        return f"{soql.rstrip()} WHERE {' AND '.join(tests)}"
    return f"{soql[:end]} ({soql[end:].strip()}) AND {' AND '.join(tests)}"
