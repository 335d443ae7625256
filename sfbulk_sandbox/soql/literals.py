"""Literals of a statement: checks whether they fit a field, and returns their compared form."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from sfbulk_sandbox.faults.errors import RowError
from sfbulk_sandbox.schema import ids, values
from sfbulk_sandbox.schema.schema import Field, Kind
from sfbulk_sandbox.schema.store import fold
from sfbulk_sandbox.soql.position import fault_at, unsupported

if TYPE_CHECKING:
    from sfbulk_sandbox.faults.errors import Fault
    from sfbulk_sandbox.schema.values import Stored
    from sfbulk_sandbox.soql import syntax

_LITERALS = {
    Kind.TEXT: "string",
    Kind.ID: "string",
    Kind.BOOLEAN: "boolean",
    Kind.INTEGER: "number",
    Kind.NUMBER: "number",
    Kind.DATE: "date",
    Kind.DATETIME: "datetime",
    Kind.TIME: "time",
}
_TYPE_NAMES = {
    Kind.TEXT: "string",
    Kind.BOOLEAN: "boolean",
    Kind.NUMBER: "double",
    Kind.DATE: "date",
    Kind.DATETIME: "dateTime",
    Kind.TIME: "time",
}
_WITH_SPANS = (Kind.DATE, Kind.DATETIME)
# Of a column of SQLite.
_MOST_INTEGER = 2**63
# SOQL reference: strings in WHERE have up to 4,000 characters.
_MOST_STRING = 4000
# The currency of the org and of its user.
_CURRENCY = "USD"
_CODE_LENGTH = 3


def is_span(soql: str, field: Field, condition: syntax.Comparison) -> bool:
    """Whether a comparison is with a date literal.

    Raises:
        Fault: It is a date literal, but the field is neither a date nor a datetime.
    """
    if condition.value.kind != "span":
        return False
    if field.kind not in _WITH_SPANS:
        raise _invalid(soql, condition.operand, _wrong_literal(field))
    return True


def value(soql: str, field: Field, condition: syntax.Comparison) -> Stored | float:
    """The value of a comparison in the compared form of the field; None for null.

    Raises:
        Fault: The literal does not fit the field. As in Salesforce, the position is the field's.
    """
    literal = condition.value
    if literal.kind == "null":
        # A checkbox is never null; SOQL compares null with false.
        return "false" if field.kind is Kind.BOOLEAN else None
    if literal.kind == "currency" and field.type == "currency":
        return _amount(soql, field, literal)
    if literal.kind != _LITERALS[field.kind]:
        raise _invalid(soql, condition.operand, _wrong_literal(field))
    if literal.kind == "string":
        return _string(soql, field, condition)
    if literal.kind == "number":
        return _number(field, literal.text)
    return _moment(soql, field, literal)


def type_name(field: Field) -> str:
    """The type of a field in messages."""
    return _TYPE_NAMES.get(field.kind, field.type)


def _string(soql: str, field: Field, condition: syntax.Comparison) -> str | None:
    text = condition.value.text
    if len(text) > _MOST_STRING:
        raise _invalid(soql, condition.operand, "string literals cannot exceed 4000 characters")
    if not text:
        return None
    if field.kind is not Kind.ID:
        return text if field.case_sensitive else fold(text)
    if not ids.is_valid(text):
        message = f"invalid ID field: {text}"
        raise fault_at(soql, condition.operand.at, "INVALID_QUERY_FILTER_OPERATOR", message)
    return ids.to18(text)


def _moment(soql: str, field: Field, literal: syntax.Literal) -> Stored:
    """Dates, times and booleans. A datetime keeps its milliseconds; stored ones have none."""
    parse = values.instant if field.kind is Kind.DATETIME else values.parser(field)
    try:
        return parse(literal.text)
    except (ValueError, RowError):
        text = f"unexpected token: '{literal.text}'"
        raise fault_at(soql, literal.at, "MALFORMED_QUERY", text) from None


def _amount(soql: str, field: Field, literal: syntax.Literal) -> Stored | float:
    """An amount with a currency. The org has one currency, so nothing is converted."""
    code, digits = literal.text[:_CODE_LENGTH], literal.text[_CODE_LENGTH:]
    if code.upper() != _CURRENCY:
        raise unsupported(soql, literal.at, f"An amount in another currency than {_CURRENCY}")
    return _number(field, digits)


def _number(field: Field, text: str) -> Stored | float:
    number = Decimal(text)
    if field.kind is Kind.NUMBER:
        return values.number_text(number)
    is_whole = abs(number) < _MOST_INTEGER and number == int(number)
    return int(number) if is_whole else float(number)


def _wrong_literal(field: Field) -> str:
    quotes = "should be" if _LITERALS[field.kind] == "string" else "should not be"
    return (
        f"value of filter criterion for field '{field.name}' must be of type {type_name(field)} "
        f"and {quotes} enclosed in quotes"
    )


def _invalid(soql: str, operand: syntax.Operand, message: str) -> Fault:
    return fault_at(soql, operand.at, "INVALID_FIELD", message)
