"""Fields the org works out from others of the same record: IsClosed, Probability, Fiscal...

An org's set-up decides what its stages and statuses mean; here they mean what they do in a new
org. A stage or status that a new org does not have is an open one.
"""

# ruff: noqa: S608 - names in the SQL come from the schema, quoted; values are ours or bound

from __future__ import annotations

from typing import TYPE_CHECKING

from sfbulk_sandbox.rules.chunk import UNSET
from sfbulk_sandbox.schema.store import marks, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sfbulk_sandbox.rules.chunk import Chunk
    from sfbulk_sandbox.schema.schema import Field, SObject
    from sfbulk_sandbox.schema.store import Store

_STAGE = "StageName"
# Stage: probability in per cent, category of the forecast.
_STAGES = {
    "Prospecting": ("10.0", "Pipeline"),
    "Qualification": ("10.0", "Pipeline"),
    "Needs Analysis": ("20.0", "Pipeline"),
    "Value Proposition": ("50.0", "Pipeline"),
    "Id. Decision Makers": ("60.0", "Pipeline"),
    "Perception Analysis": ("70.0", "Pipeline"),
    "Proposal/Price Quote": ("75.0", "Pipeline"),
    "Negotiation/Review": ("90.0", "Pipeline"),
    "Closed Won": ("100.0", "Closed"),
    "Closed Lost": ("0.0", "Omitted"),
}
_YEAR = 'CAST(substr("CloseDate", 1, 4) AS INTEGER)'
_QUARTER = '((CAST(substr("CloseDate", 6, 2) AS INTEGER) + 2) / 3)'


def _is(field: str, *values: str) -> str:
    listed = ", ".join(f"'{value}'" for value in values)
    return f"CASE WHEN \"{field}\" IN ({listed}) THEN 'true' ELSE 'false' END"


def _mapped(field: str, values: dict[str, str], otherwise: str) -> str:
    cases = " ".join(f"WHEN '{key}' THEN '{value}'" for key, value in values.items())
    return f'CASE "{field}" {cases} ELSE {otherwise} END'


# A price shows its product as it was when the price was saved.
_OF_THE_PRODUCT = '(SELECT p.{} FROM Product2 AS p WHERE p.Id = "Product2Id")'
# What each save writes anew, by object and field, as SQL over the record; in this order.
_ALWAYS = {
    "Opportunity": {
        "IsClosed": _is(_STAGE, "Closed Won", "Closed Lost"),
        "IsWon": _is(_STAGE, "Closed Won"),
        "ForecastCategory": _mapped(
            "ForecastCategoryName",
            {"Best Case": "BestCase", "Most Likely": "MostLikely", "Commit": "Forecast"},
            "coalesce(\"ForecastCategoryName\", 'Pipeline')",
        ),
        "ExpectedRevenue": 'percent_of("Amount", "Probability")',
        "FiscalYear": _YEAR,
        "FiscalQuarter": _QUARTER,
        "Fiscal": f"{_YEAR} || ' ' || {_QUARTER}",
    },
    "Case": {
        "IsClosed": _is("Status", "Closed"),
        "ClosedDate": (
            'CASE WHEN "Status" = \'Closed\' THEN coalesce("ClosedDate", "LastModifiedDate") END'
        ),
    },
    "Task": {"IsClosed": _is("Status", "Completed"), "IsHighPriority": _is("Priority", "High")},
    "Contract": {
        "StatusCode": _mapped(
            "Status", {"In Approval Process": "InApproval", "Activated": "Activated"}, "'Draft'"
        )
    },
    "PricebookEntry": {name: _OF_THE_PRODUCT.format(name) for name in ("Name", "ProductCode")},
    # A profile's kind of user; the sandbox has no other profile.
    "User": {"UserType": "coalesce(\"UserType\", 'Standard')"},
    "Order": {"StatusCode": _mapped("Status", {"Activated": "Activated"}, "'Draft'")},
}
# What a new stage brings along where the row does not say otherwise.
_WITH_STAGE = {
    "Opportunity": {
        "Probability": _mapped(
            _STAGE, {stage: one[0] for stage, one in _STAGES.items()}, '"Probability"'
        ),
        "ForecastCategoryName": _mapped(
            _STAGE, {stage: one[1] for stage, one in _STAGES.items()}, '"ForecastCategoryName"'
        ),
    }
}


class Derived:
    """The derived fields of one object; most objects have none."""

    def __init__(self, sobject: SObject) -> None:
        self._sobject = sobject
        self._always = _present(sobject, _ALWAYS)
        self._with_stage = _present(sobject, _WITH_STAGE)

    def open(self, store: Store, chunk: Chunk) -> dict[Field, list[str]]:
        """The records whose stage is about to change, for each field that follows it."""
        stage = self._sobject.field(_STAGE)
        if not self._with_stage or stage is None or stage not in chunk.columns:
            return {}
        before = self._stages(store, [str(chunk.ids[row]) for row in chunk.updates()])
        new = {
            row: str(chunk.ids[row])
            for row, value in chunk.given(stage)
            if before.get(str(chunk.ids[row])) != value
        }
        return {
            field: [
                record_id
                for row, record_id in new.items()
                if field not in chunk.columns or chunk.columns[field][row] is UNSET
            ]
            for field in self._with_stage
        }

    def _stages(self, store: Store, record_ids: list[str]) -> dict[str, object]:
        rows = store.execute(
            f'SELECT "Id", {quoted(_STAGE)} FROM {quoted(self._sobject.name)} '
            f'WHERE "Id" IN ({marks(len(record_ids))})',
            record_ids,
        )
        return {str(record_id): stage for record_id, stage in rows}

    def write(self, store: Store, chunk: Chunk, restaged: dict[Field, list[str]]) -> None:
        """Write the derived fields of the records that a chunk has just saved."""
        for field, record_ids in restaged.items():
            self._set(store, {field: self._with_stage[field]}, _among(record_ids), record_ids)
        saved = [str(chunk.ids[row]) for row in chunk.live()]
        self._set(store, self._always, _among(saved), saved)

    def write_loaded(self, store: Store, first_row: int, given: Sequence[Field]) -> None:
        """Write the derived fields that a loaded file does not give."""
        expressions = {**self._with_stage, **self._always}
        absent = {one: sql for one, sql in expressions.items() if one not in given}
        for field, sql in absent.items():
            self._set(store, {field: sql}, "rowid >= ?", [first_row])

    def _set(
        self, store: Store, expressions: dict[Field, str], where: str, parameters: Sequence[object]
    ) -> None:
        if expressions:
            listed = ", ".join(f"{quoted(one.name)} = {sql}" for one, sql in expressions.items())
            store.execute(
                f"UPDATE {quoted(self._sobject.name)} SET {listed} WHERE {where}", parameters
            )


def _among(record_ids: Sequence[str]) -> str:
    return f'"Id" IN ({marks(len(record_ids))})'


def _present(sobject: SObject, known: dict[str, dict[str, str]]) -> dict[Field, str]:
    """The expressions for fields that the object's describe really has, and can be computed."""
    found = {}
    for name, sql in known.get(sobject.name, {}).items():
        field = sobject.field(name)
        # Every odd part of such a text is the name of a field.
        if field is not None and all(sobject.field(one) for one in sql.split('"')[1::2]):
            found[field] = sql
    return found
