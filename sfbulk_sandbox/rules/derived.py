"""Fields that the org derives from others of the same record: IsClosed, Probability, Fiscal...

In Salesforce the setup of an org defines its stages and statuses. Here they are those of a new org;
any other stage or status is open.
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
# By stage: probability in percent, forecast category.
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


# A price book entry copies name and code of its product when it is saved.
_OF_THE_PRODUCT = '(SELECT p.{} FROM Product2 AS p WHERE p.Id = "Product2Id")'
# Set at each save, by object and field, as SQL over the record; in this order.
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
    # The user type depends on the profile; the sandbox has only one profile.
    "User": {"UserType": "coalesce(\"UserType\", 'Standard')"},
    "Order": {"StatusCode": _mapped("Status", {"Activated": "Activated"}, "'Draft'")},
}
# Set when the stage changes, unless the row sets the field itself.
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
    """The derived fields of one object. Most objects have none."""

    def __init__(self, sobject: SObject) -> None:
        self._sobject = sobject
        self._always = _present(sobject, _ALWAYS)
        self._with_stage = _present(sobject, _WITH_STAGE)

    def restaged(self, store: Store, chunk: Chunk) -> dict[Field, list[str]]:
        """The records whose stage the chunk changes, for each field that depends on the stage."""
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
        """Set the derived fields of the records that a chunk has saved."""
        for field, record_ids in restaged.items():
            self._set(store, {field: self._with_stage[field]}, _among(record_ids), record_ids)
        saved = [str(chunk.ids[row]) for row in chunk.live()]
        self._set(store, self._always, _among(saved), saved)

    def write_loaded(self, store: Store, first_row: int, given: Sequence[Field]) -> None:
        """Set the derived fields for which a loaded file has no column."""
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
    """The expressions for fields of the object, if it has all fields that they use."""
    found = {}
    for name, sql in known.get(sobject.name, {}).items():
        field = sobject.field(name)
        # In the SQL, field names are between double quotes: the odd parts of the split.
        if field is not None and all(sobject.field(one) for one in sql.split('"')[1::2]):
            found[field] = sql
    return found
