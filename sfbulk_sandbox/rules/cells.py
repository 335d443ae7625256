"""The rules for one cell: type, length, range, picklist, form of an e-mail address."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, cast

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.rules.chunk import UNSET, Cell, Chunk, Given
from sfbulk_sandbox.schema import values
from sfbulk_sandbox.schema.schema import Field, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sfbulk_sandbox.schema.values import Stored

    Rule = Callable[[str], Stored]

# Assumed: Salesforce's exact rule is not public.
_EMAIL = re.compile(r"[^@\s,;<>()\"]+@[^@\s,;<>()\"]+\.[^@\s,;<>()\".]+")
# The range of an int field whose describe has no digits.
_INT_DIGITS = 10
# Cells that no rule reads.
_NO_TEXT = frozenset((None, "", UNSET))
# Java writes numbers with up to so many digits before the point without an exponent.
_PLAIN_DIGITS = 7


def read_column(chunk: Chunk, field: Field, rule: Rule, given: Sequence[Given]) -> None:
    """Apply the rule of a field to its column. Rows that break it are rejected."""
    try:
        chunk.columns[field] = _all_read(field, rule, given)
    except RowError:
        # Only now each cell has to be tried alone, to find the rows that are rejected.
        chunk.columns[field] = _read_one_by_one(chunk, field, rule, given)


def _all_read(field: Field, rule: Rule, given: Sequence[Given]) -> list[Cell]:
    if _NO_TEXT.isdisjoint(given):
        return list(map(rule, cast("Sequence[str]", given)))
    empty = "false" if field.kind is Kind.BOOLEAN else None
    return [cell if cell is UNSET else rule(cell) if cell else empty for cell in given]


def _read_one_by_one(chunk: Chunk, field: Field, rule: Rule, given: Sequence[Given]) -> list[Cell]:
    def read(row: int, cell: Given) -> Cell:
        try:
            return _all_read(field, rule, [cell])[0]
        except RowError as error:
            chunk.fail(row, error)
            return UNSET

    return [read(row, cell) for row, cell in enumerate(given)]


def rule_for(field: Field) -> Rule:
    """A function that converts texts of a field to stored values, and raises for invalid texts."""
    parse = values.parser(field)
    if field.kind is Kind.NUMBER:
        return _number_rule(field)
    if field.kind is Kind.INTEGER:
        return _integer_rule(field, parse)
    if field.type == "email":
        return _email_rule(field, parse)
    if field.describe["restrictedPicklist"] and field.type in ("picklist", "multipicklist"):
        return _picklist_rule(field, parse)
    return parse


def _number_rule(field: Field) -> Rule:
    precision, scale = field.describe["precision"], field.describe["scale"]
    step = Decimal(1).scaleb(-scale)

    def rounded(exact: Decimal) -> Decimal:
        beyond = int(exact.as_tuple().exponent) < -scale
        return exact.quantize(step, ROUND_HALF_UP) if beyond else exact

    whole = min(_PLAIN_DIGITS, precision - scale if precision else _PLAIN_DIGITS)
    part = rf"(?:0|\d{{0,{scale - 1}}}[1-9])" if scale else "0"
    shown = re.compile(rf"-?[1-9]\d{{0,{whole - 1}}}\.{part}", re.ASCII) if whole > 0 else None

    def number(text: str) -> Stored:
        # Most numbers already have the stored form. The pattern is faster than arithmetic.
        if shown and shown.fullmatch(text):
            return text
        try:
            exact = values.decimal(text)
        except ValueError:
            raise values.wrong_type(field, text) from None
        if precision and exact.adjusted() >= precision - scale:
            raise _outside_range(field, text)
        # SOAP API guide, Field Types: decimals beyond the scale are rounded, not rejected.
        return values.number_text(rounded(exact))

    return number


def _integer_rule(field: Field, parse: Rule) -> Rule:
    limit = 10 ** (field.describe["digits"] or _INT_DIGITS)

    def integer(text: str) -> Stored:
        stored = parse(text)
        if not -limit < int(stored or 0) < limit:
            raise _outside_range(field, text)
        return stored

    return integer


def _outside_range(field: Field, text: str) -> RowError:
    return RowError(
        "NUMBER_OUTSIDE_VALID_RANGE",
        f"{field.label}: value outside of valid range on numeric field: {text}",
        (field.name,),
    )


def _email_rule(field: Field, parse: Rule) -> Rule:
    def email(text: str) -> Stored:
        stored = parse(text)
        if not _EMAIL.fullmatch(text):
            raise RowError(
                "INVALID_EMAIL_ADDRESS",
                f"{field.label}: invalid email address: {text}",
                (field.name,),
            )
        return stored

    return email


def _picklist_rule(field: Field, parse: Rule) -> Rule:
    allowed = {entry["value"] for entry in field.describe["picklistValues"] if entry["active"]}
    multiple = field.type == "multipicklist"

    def picklist(text: str) -> Stored:
        for value in text.split(";") if multiple else [text]:
            if value not in allowed:
                raise RowError(
                    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
                    f"{field.label}: bad value for restricted picklist field: {value}",
                    (field.name,),
                )
        return parse(text)

    return picklist
