"""The job ``sql``: read-only queries over the tables of a warehouse."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from iotscore.cli.arguments import absolute, add_warehouse, home
from iotscore.cli.job import guarded
from iotscore.errors import QueryError
from iotscore.spark.query import register_tables, run_query
from iotscore.spark.session import open_session
from iotscore.spark.tables import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame

_WIDEST = 240


def main(argv: list[str]) -> int:
    """Run one query; standard output holds its result and nothing else."""
    parser = argparse.ArgumentParser(
        prog="./spark-submit.sh sql",
        description="Query the tables of a warehouse by their plain names, read-only.",
    )
    parser.add_argument("statement", nargs="?", help='such as "SELECT count(*) FROM scores"')
    parser.add_argument("--query", metavar="NAME", help="a ready query: a file in conf/sql")
    parser.add_argument("--format", choices=("table", "csv", "json"), default="table")
    add_warehouse(parser)
    arguments = parser.parse_args(argv)
    return guarded("sql", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> None:
    statement = _statement(arguments)
    spark = open_session("iotscore sql")
    try:
        register_tables(Warehouse(spark, absolute(arguments.warehouse)))
        _print(run_query(spark, statement), arguments.format)
    finally:
        spark.stop()


def _statement(arguments: argparse.Namespace) -> str:
    folder = home() / "conf" / "sql"
    names = sorted(path.stem for path in folder.glob("*.sql"))
    if (arguments.statement is None) == (arguments.query is None):
        message = f"give one statement, or --query with one of: {', '.join(names)}"
        raise QueryError(message)
    if arguments.statement is not None:
        return str(arguments.statement)
    if arguments.query not in names:
        message = f"there is no ready query {arguments.query!r}; choose one of: {', '.join(names)}"
        raise QueryError(message)
    return (folder / f"{arguments.query}.sql").read_text(encoding="utf-8")


def _print(result: DataFrame, output: str) -> None:
    columns = result.columns
    rows = ([_plain(value) for value in row] for row in result.toLocalIterator())
    if output == "csv":
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    elif output == "json":
        for row in rows:
            print(json.dumps(dict(zip(columns, row, strict=True))))
    else:
        _print_table(columns, rows)


def _print_table(columns: Sequence[str], rows: Iterator[list[Any]]) -> None:
    table = Table(*columns)
    for row in rows:
        table.add_row(*("" if value is None else _short(value) for value in row))
    console = Console()
    width = console.width if console.is_terminal else _WIDEST
    Console(width=width, highlight=False).print(table)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any cell of any table
    """Return a cell as JSON and CSV can hold it."""
    if isinstance(value, bytes | bytearray):
        return f"{len(value)} bytes"
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _short(value: Any) -> str:  # noqa: ANN401 - any cell of any table
    return f"{value:.6g}" if isinstance(value, float) else str(value)
