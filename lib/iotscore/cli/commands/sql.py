"""The job ``sql``: read-only queries over the tables of a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.logger import PySparkLogger

from iotscore.cli.arguments import absolute, add_warehouse, home
from iotscore.cli.job import guarded, session
from iotscore.cli.rows import FORMATS, print_rows
from iotscore.command_line import CommandParser
from iotscore.errors import QueryError, WarehouseError, did_you_mean
from iotscore.query.query import as_query_errors, register_tables, run_query
from iotscore.query.views import read_views
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse


_BOM: Final = "\ufeff"
"""What editors on Windows put at the start of a file, whose text may be given as a statement."""


def main(argv: list[str]) -> int:
    """Run one query; standard output holds its result and nothing else."""
    parser = CommandParser(
        prog="./spark-submit.sh sql",
        description="Query the tables of a warehouse by their plain names, read-only.",
        epilog=f"Ready queries: {', '.join(_ready_queries())}. More: docs/sql.md.",
    )
    parser.add_argument("statement", nargs="?", help='such as "SELECT count(*) FROM scores"')
    parser.add_argument("--query", metavar="NAME", help="a ready query: a file in conf/sql")
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="table",
        help="csv holds texts as they are, and is not for spreadsheets: they run formulas in it",
    )
    parser.add_argument(
        "--for-spreadsheets",
        action="store_true",
        help="with --format csv: an apostrophe before a text that begins like a formula",
    )
    add_warehouse(parser)
    arguments = parser.parse_args(argv)
    if arguments.for_spreadsheets and arguments.format != "csv":
        parser.error("--for-spreadsheets needs --format csv")
    return guarded("sql", lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> None:
    statement = _statement(arguments)
    # Spark's own account of a faulty statement, 60 lines of JSON, would come before our one.
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
    with session("sql") as spark:
        warehouse = open_warehouse(spark, absolute(arguments.warehouse))
        _check_not_empty(warehouse)
        views = read_views(home() / "conf" / "sql" / "views")
        register_tables(warehouse, views, statement=statement)
        result = run_query(spark, statement)
        with as_query_errors():
            print_rows(result, arguments.format, for_spreadsheets=arguments.for_spreadsheets)


def _statement(arguments: argparse.Namespace) -> str:
    queries = _ready_queries()
    if (arguments.statement is None) == (arguments.query is None):
        message = f"give one statement, or --query with one of: {', '.join(queries)}"
        raise QueryError(message)
    if arguments.statement is not None:
        return str(arguments.statement).removeprefix(_BOM)
    if arguments.query not in queries:
        message = (
            f"there is no ready query {arguments.query!r}{did_you_mean(arguments.query, queries)}; "
            f"choose one of: {', '.join(queries)}"
        )
        raise QueryError(message)
    return queries[arguments.query].read_text(encoding="utf-8-sig")


def _ready_queries() -> dict[str, Path]:
    return {path.stem: path for path in sorted((home() / "conf" / "sql").glob("*.sql"))}


def _check_not_empty(warehouse: Warehouse) -> None:
    """Refuse a folder without any table: its name is more likely mistyped than its data absent."""
    if not any(warehouse.exists(table) for table in TABLES):
        message = (
            f"there is no table in {warehouse.root}; give --warehouse the folder that a job has "
            "written, or run the job ingest or nightly first"
        )
        raise WarehouseError(message)
