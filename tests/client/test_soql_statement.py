"""A SELECT statement, taken apart and written again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk import soql
from sfbulk.errors import DataError
from sfbulk.soql import ItemKind, parse_select

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_statement_is_taken_apart() -> None:
    made = parse_select(
        "select Id, Account.Owner.Name , toLabel(Status) s, (SELECT Id FROM Cases), "
        "TYPEOF What WHEN Account THEN Name, Phone ELSE Id END, COUNT(Id)\n"
        "from Contact c using scope mine "
        "WHERE (A = 'x, FROM y' OR B IN (SELECT Id FROM C LIMIT 1)) "
        "with security_enforced group by rollup(A) having COUNT(Id) > 1 "
        "Order By A desc nulls last limit 10 OFFSET 5 for update update tracking ALL ROWS"
    )
    assert [(i.kind, i.name, i.alias) for i in made.items] == [
        (ItemKind.FIELD, "Id", None),
        (ItemKind.FIELD, "Account.Owner.Name", None),
        (ItemKind.FUNCTION, "toLabel", "s"),
        (ItemKind.SUBQUERY, "", None),
        (ItemKind.TYPEOF, "", None),
        (ItemKind.FUNCTION, "COUNT", None),
    ]
    assert made.sobject == "Contact"
    assert made.source == "Contact c"
    assert made.clauses == (
        ("USING SCOPE", "mine"),
        ("WHERE", "(A = 'x, FROM y' OR B IN (SELECT Id FROM C LIMIT 1))"),
        ("WITH", "security_enforced"),
        ("GROUP BY", "rollup(A)"),
        ("HAVING", "COUNT(Id) > 1"),
        ("ORDER BY", "A desc nulls last"),
        ("LIMIT", "10"),
        ("OFFSET", "5"),
        ("FOR", "update"),
        ("UPDATE", "tracking"),
        ("ALL ROWS", ""),
    )


@pytest.mark.parametrize(
    ("given", "conditions", "limit", "written"),
    [
        ("SELECT Id FROM A", [], None, "SELECT Id FROM A"),
        ("SELECT Id FROM A", ["K < 1"], None, "SELECT Id FROM A WHERE (K < 1)"),
        (
            "SELECT Id FROM A WHERE X = 1 OR Y = 2",
            ["K >= 1", "K < 2"],
            None,
            "SELECT Id FROM A WHERE (X = 1 OR Y = 2) AND (K >= 1) AND (K < 2)",
        ),
        (
            "SELECT Id FROM A WHERE X = ' LIMIT 5' ORDER BY Y LIMIT 50",
            [],
            1,
            "SELECT Id FROM A WHERE X = ' LIMIT 5' ORDER BY Y LIMIT 1",
        ),
        ("SELECT Id FROM A LIMIT 3", [], 10, "SELECT Id FROM A LIMIT 3"),
        (
            "SELECT Id FROM A USING SCOPE mine WITH SECURITY_ENFORCED",
            ["K < 1"],
            None,
            "SELECT Id FROM A USING SCOPE mine WHERE (K < 1) WITH SECURITY_ENFORCED",
        ),
    ],
)
def test_conditions_and_limits_come_to_those_of_the_statement(
    given: str, conditions: list[str], limit: int | None, written: str
) -> None:
    assert parse_select(given).written(["Id"], conditions, limit) == written


@pytest.mark.parametrize(
    ("statement", "problem"),
    [
        ("", "ends too early; SELECT must stand here"),
        ("UPDATE Account", "`UPDATE` at character 1; SELECT must stand here"),
        ("SELECT FROM", "ends too early; FROM must stand here"),
        ("SELECT Id Account", "ends too early; FROM must stand here"),
        ("SELECT Id,, Name FROM A", "`,` at character 11"),
        ("SELECT Id FROM", "ends too early"),
        ("SELECT Id FROM A WHERE", "ends too early"),
        ("SELECT Id FROM A WHERE (X = 1", "ends too early"),
        ("SELECT Id FROM A WHERE X = 1)", "`)` at character 29"),
        ("SELECT Id FROM A LIMIT 1 WHERE X = 1", "`WHERE` at character 26"),
        ("SELECT Id FROM A WHERE X = 1 WHERE Y = 2", "`WHERE` at character 30"),
        ("SELECT Id FROM A LIMIT 1;", "`;` at character 25"),
        ("SELECT Id FROM 'secret'", "a quoted string at character 16"),
        ("SELECT Id FROM A WHERE X = 'open", "quote at character 28"),
        ("SELECT TYPEOF X WHEN A THEN B FROM C", "ends too early"),
        ("SELECT Id x y FROM A", "`y` at character 13; FROM must stand here"),
    ],
)
def test_what_is_no_statement_is_refused_with_its_place(statement: str, problem: str) -> None:
    with pytest.raises(DataError) as refused:
        parse_select(statement)
    assert problem in str(refused.value)
    assert "secret" not in str(refused.value)


names = st.from_regex(r"[A-Z][a-z0-9]{0,5}(__c)?", fullmatch=True).filter(
    lambda name: (
        name.upper() not in {"FROM", "WHERE", "WITH", "HAVING", "LIMIT", "OFFSET", "FOR"}
        and name.upper() not in {"TYPEOF", "UPDATE", "END"}
    )
)
paths = st.lists(names, min_size=1, max_size=4).map(".".join)
values = st.text(alphabet="ab'\\(), \nFROMWHERELIMIT=").map(soql.text_literal)
comparisons = st.builds("{} = {}".format, paths, values)
conditions = st.recursive(
    comparisons,
    lambda inner: st.one_of(
        st.builds("({} OR {})".format, inner, inner),
        st.builds("{} IN (SELECT {} FROM {} WHERE {} LIMIT 2)".format, paths, names, names, inner),
        st.builds("NOT ({})".format, inner),
    ),
    max_leaves=6,
)
spaces = st.sampled_from([" ", "\n", "\t ", "  "])


statements = st.fixed_dictionaries(
    {
        "fields": st.lists(paths, min_size=1, max_size=5),
        "sobject": names,
        "where": st.none() | conditions,
        "order": st.none() | paths,
        "limit": st.none() | st.integers(1, 10**6).map(str),
    }
)


def spelled(given: dict[str, Any], space: str, word: Callable[[str], str]) -> str:
    parts = [word("SELECT"), ("," + space).join(given["fields"]), word("FROM"), given["sobject"]]
    parts += [word("WHERE"), given["where"]] if given["where"] else []
    parts += [word("ORDER"), word("BY"), given["order"]] if given["order"] else []
    parts += [word("LIMIT"), given["limit"]] if given["limit"] else []
    return space.join(parts)


@given(given=statements, space=spaces, word=st.sampled_from([str.lower, str.upper]))
def test_a_statement_is_understood_however_it_is_spelled(
    given: dict[str, Any], space: str, word: Callable[[str], str]
) -> None:
    text, where = spelled(given, space, word), given["where"]
    made = parse_select(text)
    assert [item.name for item in made.items] == given["fields"]
    assert {item.kind for item in made.items} == {ItemKind.FIELD}
    assert made.sobject == given["sobject"]
    assert made.clause("WHERE") == where
    assert made.clause("ORDER BY") == given["order"]
    assert made.clause("LIMIT") == given["limit"]
    again = parse_select(made.written(given["fields"], ["K < 1"]))
    own = f"{soql.in_brackets(where)} AND " if where else ""
    assert again.clause("WHERE") == own + "(K < 1)"
    assert parse_select(made.written(given["fields"])) == made


@given(st.text(alphabet="SELECT FROMab,()'\\.\n;=1"))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        made = parse_select(text)
    except DataError:
        return
    assert made.items
