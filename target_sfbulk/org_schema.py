"""The objects of the org, each described once, many in one request."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from sfbulk.errors import SalesforceError
from sfbulk_singer.names import unknown_object

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sfbulk import Salesforce, SObjectDescribe


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

    @cached_property
    def _names(self) -> dict[str, str]:
        found = self._salesforce.describe_global()
        return {summary.name.casefold(): summary.name for summary in found}
