"""Finds the ids of records by their keys: by REST queries, or by one bulk query of all keys.

A REST query has about 400 keys in its URL, so a file of 200,000 keys takes 500 of them, one
after another. A bulk query of all keys of the object takes about ten requests and the pages of
its result. Which one is cheaper depends on how many records the object has.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from decimal import Decimal
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from sfbulk.bulk2.query import QueryJob
from sfbulk.describe.reader import ORG_ERRORS
from sfbulk.errors import ApiError, SalesforceError
from sfbulk.jobs.disposing import disposing
from sfbulk.normalize import key_normalizer, one_newline
from sfbulk.read.json_cells import text_of
from sfbulk.read.record_counts import record_counts
from sfbulk.read.rest_answers import RestAnswers
from sfbulk.read.select_list import LONGEST_URI, uri_bytes
from sfbulk.soql import select, text_literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sfbulk.load.columns import Describe
    from sfbulk.normalize import Normalize
    from sfbulk.transport import Transport

log = logging.getLogger(__name__)

SEVERAL = "several records"
"""In the place of an id: more than one record has the key."""

# Fewer queries than this are sent without asking how many records the object has.
_FEW_QUERIES = 20
# A bulk query takes seconds until its job has ended, whatever it reads.
_REQUESTS_OF_A_JOB = 15
_ROWS_OF_A_REQUEST = 25_000

_TOO_LONG = (HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
# SOQL reference: a text in a WHERE clause. A field may be shorter.
_LONGEST_TEXT = 4_000
_NUMBERS = frozenset({"currency", "double", "int", "long", "percent"})
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:E[+-]?[0-9]+)?", re.ASCII)
# No number in Salesforce has more digits before or after its point.
_MOST_DIGITS = 40
_COMMA = len(quote_plus(","))


@dataclass(frozen=True)
class KeyField:
    """A field by which records are found."""

    name: str
    normalize: Normalize
    """Brings all texts that find the same record to one form."""
    is_number: bool = False
    longest: int = _LONGEST_TEXT
    """Characters of its longest text."""

    def literal(self, text: str) -> str | None:
        """The key in a SOQL statement; None if no record can have it."""
        if self.is_number:
            return _number_literal(self.normalize(text))
        text = one_newline(text.strip())
        return text_literal(text) if len(text) <= self.longest else None


def key_field(sobject: str, name: str, describe: Describe) -> KeyField:
    """API call, if the object has not been described yet: the key field of a load.

    If the user may not describe the object, keys are compared as text.

    Raises:
        SignInError, SessionExpired, LimitExceeded, QuotaReached: no object can be described.
    """
    try:
        field = describe(sobject).field(name)
    except ORG_ERRORS:
        raise
    except SalesforceError:
        field = None
    if field is None:
        return KeyField(name, one_newline)
    return KeyField(
        field.name,
        key_normalizer(field),
        field.type in _NUMBERS,
        min(field.length or _LONGEST_TEXT, _LONGEST_TEXT),
    )


def ids_by(
    transport: Transport, sobject: str, field: str, describe: Describe, where: Sequence[str] = ()
) -> dict[str, str | None]:
    """API call: the id of each record by the normal form of a field; None for several records.

    All records are read by REST and kept in memory: for objects with few records.

    Raises:
        ApiError: Salesforce refuses the query.
        RowCountMismatch: an answer does not have all records.
        TransportError: no usable answer to any attempt.
    """
    found: dict[str, str | None] = {}
    for record_id, form in ids_and_keys(transport, sobject, field, describe, where):
        found[form] = None if form in found else record_id
    return found


def ids_and_keys(
    transport: Transport, sobject: str, field: str, describe: Describe, where: Sequence[str] = ()
) -> Iterator[tuple[str, str]]:
    """API call: as `ids_by`, but each record by itself, and none is kept."""
    key = key_field(sobject, field, describe)
    answers = RestAnswers(transport, sobject, include_deleted=False)
    for record in answers.rows(select(["Id", key.name], sobject, where)):
        record_id, text = text_of(record, "Id"), text_of(record, key.name)
        if record_id and text is not None:
            yield record_id, key.normalize(text)


class IdFinder:
    """Finds the ids of the records of one object.

    Deleted records are not found, as Salesforce does not find them in an upsert.

    Args:
        transport: the org.
        sobject: the object.
        key: the field whose values are the keys.
        where: conditions that a record must meet to be found.
        use_jobs: whether a bulk query may be used.
    """

    def __init__(
        self,
        transport: Transport,
        sobject: str,
        key: KeyField,
        where: Sequence[str] = (),
        *,
        use_jobs: bool = True,
    ) -> None:
        self._use_jobs = use_jobs
        self._where = where
        self._transport = transport
        self._sobject = sobject
        self.key = key
        self._answers = RestAnswers(transport, sobject, include_deleted=False)
        self._longest_uri = LONGEST_URI

    def ids(self, keys: Iterable[str]) -> dict[str, str]:
        """API call: by the normal form of its key, the id of each record, or `SEVERAL`.

        If the key is the Id, nothing is requested: each key is taken for a record.

        Memory: about 300 bytes for each key.

        Args:
            keys: texts of keys, each once in its normal form.

        Raises:
            ApiError: Salesforce refuses the query, for example for a field that cannot be filtered.
            RowCountMismatch: an answer does not have all records.
            TransportError: no usable answer to any attempt.
        """
        if self.key.name.lower() == "id":
            return {self.key.normalize(key): key for key in keys}
        literals = {
            self.key.normalize(key): literal
            for key in keys
            if (literal := self.key.literal(key)) is not None
        }
        if self._bulk_is_cheaper(literals.values()):
            try:
                return self._by_bulk(literals)
            except SalesforceError as error:
                # The bulk query only saves time. What stops everything stops the REST query too.
                log.info(
                    "The keys of %s are read by REST: a bulk query of them failed (%s)",
                    self._sobject,
                    error.code or type(error).__name__,
                )
        return self._by_rest(literals)

    def _bulk_is_cheaper(self, literals: Iterable[str]) -> bool:
        size = sum(len(quote_plus(literal)) + _COMMA for literal in literals)
        queries = size // (self._longest_uri - self._bytes_without_keys()) + 1
        if queries <= _FEW_QUERIES or not self._use_jobs:
            return False
        records = record_counts(self._transport, [self._sobject]).get(self._sobject)
        return records is not None and (
            _REQUESTS_OF_A_JOB + records // _ROWS_OF_A_REQUEST < queries
        )

    def _by_bulk(self, wanted: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        has_key = f"{self.key.name} != null"
        soql = select(["Id", self.key.name], self._sobject, [has_key, *self._where])
        with disposing(QueryJob.create(self._transport, soql)) as job:
            for row in job.rows():
                self._keep(row, wanted, found)
        return found

    def _by_rest(self, wanted: Mapping[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for part in self._parts(wanted.values()):
            for record in self._records(part):
                self._keep(record, wanted, found)
        return found

    def _keep(
        self, record: Mapping[str, Any], wanted: Mapping[str, str], found: dict[str, str]
    ) -> None:
        record_id, key = text_of(record, "Id"), text_of(record, self.key.name)
        # Salesforce may compare texts with more tolerance than the normal form has.
        if not record_id or key is None or (form := self.key.normalize(key)) not in wanted:
            return
        if found.setdefault(form, record_id) != record_id:
            found[form] = SEVERAL

    def _parts(self, literals: Iterable[str]) -> Iterator[list[str]]:
        """The keys of one query after another."""
        part: list[str] = []
        size = self._bytes_without_keys()
        for literal in literals:
            needed = len(quote_plus(literal)) + _COMMA
            if part and size + needed > self._longest_uri:
                yield part
                part, size = [], self._bytes_without_keys()
            part.append(literal)
            size += needed
        if part:
            yield part

    def _records(self, literals: Sequence[str]) -> Iterator[dict[str, Any]]:
        try:
            yield from self._answers.rows(self._soql(literals))
        except ApiError as error:
            if error.status not in _TOO_LONG or len(literals) == 1:
                raise
            # A proxy may accept less than Salesforce does.
            self._longest_uri //= 2
            middle = len(literals) // 2
            yield from self._records(literals[:middle])
            yield from self._records(literals[middle:])

    def _bytes_without_keys(self) -> int:
        return uri_bytes(self._soql([]))

    def _soql(self, literals: Sequence[str]) -> str:
        key = self.key.name
        conditions = [f"{key} IN ({','.join(literals)})", *self._where]
        return select(["Id", key], self._sobject, conditions)


def _number_literal(normal: str) -> str | None:
    number = Decimal(normal) if _NUMBER.fullmatch(normal) else None
    if number is None or (number and abs(number.adjusted()) > _MOST_DIGITS):
        return None
    return format(number, "f")
