"""Finds the rows of results that match no row by key or values; no I/O.

If every other row of the job has its result, these results belong to the rows that are left. A
result is taken for one of them if the other columns leave no choice. Nothing is guessed: if a
choice is left, the result stays without a row.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sfbulk.load.outcomes import ResultRow
    from sfbulk.normalize import Normalize

    Values = tuple[str, ...]


def pair(
    results: Sequence[ResultRow],
    rows: Mapping[int, Mapping[str, str]],
    forms: Mapping[str, Normalize],
) -> tuple[list[tuple[int, ResultRow]], list[ResultRow]]:
    """The rows that results belong to, as far as that is certain.

    Args:
        results: results without a row.
        rows: the cells of the rows without a result, by position; as many as `results`.
        forms: for each column, the function that brings its values to one form.

    Returns:
        pairs of a row's position and its result, and the results that may belong to several rows.
    """
    columns = _unchanged_columns(results, rows.values(), forms)
    left: dict[Values, list[int]] = defaultdict(list)
    for position, cells in rows.items():
        left[_values(cells, columns, forms)].append(position)
    found: dict[Values, list[ResultRow]] = defaultdict(list)
    for result in results:
        found[_values(result.row, columns, forms)].append(result)
    pairs: list[tuple[int, ResultRow]] = []
    others: list[ResultRow] = []
    for values in {**left, **found}:
        if _are_equal(left[values], found[values]):
            pairs.extend(zip(left[values], found[values], strict=True))
        else:
            others.extend(found[values])
    return pairs, others


def _unchanged_columns(
    results: Sequence[ResultRow],
    rows: Iterable[Mapping[str, str]],
    forms: Mapping[str, Normalize],
) -> list[str]:
    """The columns that have the same values in results and rows: Salesforce changed the others."""
    rows = list(rows)
    return [
        header
        for header, form in forms.items()
        if all(header in result.row for result in results)
        and Counter(form(one.row[header]) for one in results)
        == Counter(form(cells[header]) for cells in rows)
    ]


def _values(
    cells: Mapping[str, str], columns: Sequence[str], forms: Mapping[str, Normalize]
) -> Values:
    return tuple(forms[header](cells[header]) for header in columns)


def _are_equal(positions: Sequence[int], results: Sequence[ResultRow]) -> bool:
    """Whether it makes no difference which of these results is whose."""
    outcomes = {(one.status, one.id, one.error) for one in results}
    return len(positions) == len(results) and (len(positions) == 1 or len(outcomes) == 1)
