"""Sees that the pages of a result come to an end, whatever names of next pages a server sends."""

from __future__ import annotations

_MOST_EMPTY_PAGES = 100
"""One after the other. Salesforce does not say that a page has rows, but none without is known."""


class PageOrder:
    """The pages of one result that have been named, in their order.

    Args:
        start: the name of the page to begin with; None for the first one.
    """

    def __init__(self, start: str | None = None) -> None:
        self._named = set() if start is None else {start}
        self._empty = 0

    def took(self, rows: int | None) -> None:
        """Count a page that was read: how many rows it has, if that is known."""
        self._empty = self._empty + 1 if rows == 0 else 0

    def problem(self, following: str | None) -> str | None:
        """Why the pages would never end, for an error; None if they may.

        Args:
            following: the name of the next page; None after the last page.
        """
        if following is None:
            return None
        if following in self._named:
            return "in a circle"
        self._named.add(following)
        if self._empty > _MOST_EMPTY_PAGES:
            return "without rows, one after the other"
        return None
