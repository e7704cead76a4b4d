"""The formats of the sql job's results: a table for people, CSV and JSON for programs."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.rows import print_rows
from iotscore.errors import QueryError
from iotscore.query.query import run_query

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

CELLS = """
SELECT 1234567 AS whole, 0.1D AS double, 0.1F AS float, 12.30 AS decimal, double('NaN') AS nan,
    double('-Infinity') AS infinite, true AS yes, NULL AS nothing, '' AS empty,
    'a "quoted", ä\nsecond line' AS text, DATE'2026-01-02' AS day,
    TIMESTAMP'2026-01-02 03:04:05.678+02:00' AS time, array(1, NULL) AS list,
    struct(1 AS x, NULL AS y) AS pair, X'0011' AS bytes
"""


def printed(
    spark: SparkSession, capsys: pytest.CaptureFixture[str], statement: str, output: str
) -> str:
    """Return what a statement prints to standard output."""
    for_spreadsheets = output == "spreadsheet"
    output = "csv" if for_spreadsheets else output
    print_rows(run_query(spark, statement), output, for_spreadsheets=for_spreadsheets)
    return capsys.readouterr().out


def test_json_is_one_array_of_typed_values(
    empty: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Numbers, truth values and NULL keep their type; times are UTC; what is nested stays so."""
    [row] = json.loads(printed(empty, capsys, CELLS, "json"))
    assert row == {
        "whole": 1234567,
        "double": 0.1,
        "float": 0.1,
        "decimal": 12.3,
        "nan": "NaN",
        "infinite": "-Infinity",
        "yes": True,
        "nothing": None,
        "empty": "",
        "text": 'a "quoted", ä\nsecond line',
        "day": "2026-01-02",
        "time": "2026-01-02T01:04:05.678000Z",
        "list": [1, None],
        "pair": {"x": 1, "y": None},
        "bytes": "ABE=",
    }


@pytest.mark.parametrize(("rows", "lines"), [(0, 1), (1, 3), (3, 5)])
def test_json_has_one_line_per_row(
    empty: SparkSession, capsys: pytest.CaptureFixture[str], rows: int, lines: int
) -> None:
    """Any number of rows is one valid document, none being an empty array."""
    result = run_query(empty, "SELECT id FROM range(9) ORDER BY id")
    print_rows(result.limit(rows), "json")
    text = capsys.readouterr().out
    assert json.loads(text) == [{"id": number} for number in range(rows)]
    assert len(text.splitlines()) == lines


def test_json_refuses_two_columns_of_one_name(empty: SparkSession) -> None:
    """An object could hold only one of them."""
    with pytest.raises(QueryError, match="different name for each"):
        print_rows(run_query(empty, "SELECT 1 AS a, 2 AS a"), "json")


def test_csv_reads_back(empty: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Quotes, commas and line ends inside a text survive; NULL is empty."""
    names, cells = csv.reader(io.StringIO(printed(empty, capsys, CELLS, "csv")))
    assert dict(zip(names, cells, strict=True)) == {
        "whole": "1234567",
        "double": "0.1",
        "float": "0.1",
        "decimal": "12.30",
        "nan": "NaN",
        "infinite": "-Infinity",
        "yes": "true",
        "nothing": "",
        "empty": "",
        "text": 'a "quoted", ä\nsecond line',
        "day": "2026-01-02",
        "time": "2026-01-02T01:04:05.678000Z",
        "list": "[1,null]",
        "pair": '{"x":1,"y":null}',
        "bytes": "ABE=",
    }


def test_csv_keeps_two_columns_of_one_name(
    empty: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A join's columns stay side by side."""
    assert printed(empty, capsys, "SELECT 1 AS a, 2 AS a", "csv") == "a,a\n1,2\n"


def test_table_is_for_people(empty: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """Whole numbers have separators and stand right, others six digits; bytes are counted."""
    text = printed(
        empty,
        capsys,
        "SELECT 1234567 AS a_long_column_name, 1D / 3 AS third, X'0011' AS bytes, true AS yes",
        "table",
    )
    assert "│          1,234,567 │ 0.333333 │ 2 bytes │ true │" in text


def test_table_wraps_long_text_and_keeps_columns_whole(
    empty: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A long text goes on in the next line; many columns are not squeezed to a width."""
    many = ", ".join(f"'value_{number:03}' AS c{number}" for number in range(60))
    text = printed(empty, capsys, f"SELECT repeat('x', 150) AS long, {many}", "table")
    assert [line.count("x") for line in text.splitlines() if "x" in line] == [60, 60, 30]
    assert all(f"value_{number:03}" in text for number in range(60))


def test_table_says_when_it_stops(empty: SparkSession, capsys: pytest.CaptureFixture[str]) -> None:
    """The note that rows are missing goes to standard error."""
    print_rows(run_query(empty, "SELECT id FROM range(1001)"), "table")
    captured = capsys.readouterr()
    assert captured.out.count("\n") == 1_004
    assert "only the first 1,000 rows" in captured.err


HOSTILE = "SELECT decode(X'{}', 'UTF-8') AS device, '[bold]x[/]:bomb:' AS `a[red]`, -1 AS number"
ESCAPES = "a\x1b[2J\x9b\u202eb\u200b"


@pytest.mark.parametrize("output", ["table", "json", "csv"])
def test_what_steers_a_terminal_is_escaped_where_people_read(
    output: str, empty: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tables and JSON show escapes, and no mark-up; programs get every value as it is."""
    text = printed(empty, capsys, HOSTILE.format(ESCAPES.encode().hex()), output)
    assert "[bold]x[/]:bomb:" in text
    assert "a[red]" in text
    if output == "table":
        assert "a\\x1b[2J\\x9b\\u202eb\\u200b" in text
    elif output == "json":
        assert json.loads(text)[0]["device"] == ESCAPES
    assert any(sign in text for sign in ESCAPES if not sign.isprintable()) == (output == "csv")


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\uff1d1"])
def test_formulas_are_texts_if_asked_for(
    start: str, empty: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cell and a heading that a spreadsheet would run get an apostrophe; numbers get none."""
    statement = f"SELECT decode(X'{start.encode().hex()}', 'UTF-8') AS `=a`, -1 AS b, 'c=' AS c"
    text = printed(empty, capsys, statement, "spreadsheet")
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["'=a", "b", "c"],
        [f"'{start}", "-1", "c="],
    ]
    assert start in printed(empty, capsys, statement, "csv").replace("'", "?")
