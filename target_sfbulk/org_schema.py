"""The objects of the org, each described once, many in one request."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sfbulk.errors import ApiError, DataError, SalesforceError
from sfbulk_singer.names import unknown_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk import Salesforce, SObjectDescribe


_REFUSED_CONDITIONS = (
    "INVALID_FIELD",
    "INVALID_QUERY_FILTER_OPERATOR",
    "MALFORMED_QUERY",
)


class OrgSchema:
    """The objects of an org; each describe is read once."""

    def __init__(self, salesforce: Salesforce) -> None:
        self._salesforce = salesforce
        self._described: dict[str, SObjectDescribe | SalesforceError] = {}
        self._ids: dict[tuple[str, str, tuple[str, ...]], Mapping[str, str | None]] = {}

    def read(self, wanted: Iterable[str]) -> None:
        """API call: describe those objects that exist, many in one request.

        One that cannot be described is an error when it is asked for.
        """
        names = [self._names.get(name.casefold()) for name in wanted]
        missing = [name for name in names if name and name not in self._described]
        if missing:
            self._described.update(self._salesforce.describe_many(missing))

    def describe(self, wanted: str) -> SObjectDescribe | None:
        """API call: the describe of an object named in any case; None if there is none.

        Raises:
            SalesforceError: It cannot be described.
        """
        name = self._names.get(wanted.casefold())
        if name is None:
            return None
        self.read([name])
        described = self._described[name]
        if isinstance(described, SalesforceError):
            raise described
        return described

    def has(self, wanted: str) -> bool:
        """API call: whether there is an object of this name, in any case."""
        return wanted.casefold() in self._names

    def unknown_object(self, wanted: str) -> str:
        """API call: the problem that there is no such object, with a hint at a similar name."""
        return unknown_object(wanted, self._names.values())

    def ids_by(self, sobject: str, field: str, where: tuple[str, ...]) -> Mapping[str, str | None]:
        """API call, the first time: `Salesforce.ids_by` of an object with few records."""
        wanted = (sobject, field, where)
        if wanted not in self._ids:
            self._ids[wanted] = self._salesforce.ids_by(sobject, field, where)
        return self._ids[wanted]

    def refusal(self, sobject: str, condition: str) -> str | None:
        """API call: why Salesforce refuses a condition of a query; None if it does not.

        An answer that says nothing of the condition, such as a timeout, is no refusal.
        """
        try:
            self._salesforce.count(sobject, [condition])
        except DataError as error:
            return str(error)
        except ApiError as error:
            return str(error) if error.code in _REFUSED_CONDITIONS else None
        except SalesforceError:
            return None
        return None

    @cached_property
    def _names(self) -> dict[str, str]:
        found = self._salesforce.describe_global()
        return {summary.name.casefold(): summary.name for summary in found}
