"""Read-only SQL over a warehouse.

A statement is checked twice. Before anything else, each node of its parse tree must be on a list
of what only reads: Spark evaluates some expressions while it analyses a statement, so a forbidden
function must not get that far. Afterwards, each source in the analysed plan must be one of the
warehouse's tables.
"""

from __future__ import annotations

import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from iotscore.errors import QueryError, did_you_mean
from iotscore.query.read_only import check_analysed, check_parsed
from iotscore.query.views import RENAMED_VIEWS, VIEWS, mentioned
from iotscore.s3_refusals import refusal
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.warehouse import Warehouse

_DAMAGED: Final = "[FAILED_READ_FILE"


def register_tables(
    warehouse: Warehouse, views: Mapping[str, str] | None = None, *, statement: str | None = None
) -> None:
    """Make tables and views known by their plain names, and no file readable by its path.

    With a statement only what it mentions, which is quicker; everything if it lists names with
    SHOW. The texts of views are those of :func:`iotscore.query.views.read_views`.
    """
    views = views or {}
    known = {*TABLES, *views}
    if statement is not None and not re.search(r"\bSHOW\b", statement, re.IGNORECASE):
        known = mentioned(statement, views)
    frames = {name: warehouse.read(name) for name in TABLES if name in known}
    spark = warehouse.spark
    spark.conf.set("spark.sql.runSQLOnFiles", "false")
    # With it, '${env:NAME}' in a statement would show the job's environment.
    spark.conf.set("spark.sql.variable.substitute", "false")
    for name, frame in frames.items():
        frame.createOrReplaceTempView(name)
    for name in VIEWS:
        if name in known:
            spark.sql(views[name]).createOrReplaceTempView(name)


def run_query(spark: SparkSession, statement: str) -> DataFrame:
    """Return the result of one SQL statement; rows are computed when they are asked for.

    :func:`register_tables` must have been called in the session.

    Raises
    ------
    QueryError
        The statement is no valid SQL, names unknown tables or columns, or does more than read.
    """
    with as_query_errors():
        is_query = check_parsed(spark, statement)
        result = spark.sql(statement)
        if is_query:
            # There is no public way to the plan.
            check_analysed(spark, result._jdf.queryExecution().analyzed())  # noqa: SLF001
    return result


@contextmanager
def as_query_errors() -> Iterator[None]:
    """Turn Spark's errors about a statement, also those while it runs, into a QueryError.

    A file that is damaged, or may not be read, is none of the statement's faults: its error passes.
    """
    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        fault = _explain(error)
        if fault is None or fault.startswith(_DAMAGED) or refusal(str(error)):
            raise
        message = f"the statement cannot be run: {fault}"
        raise QueryError(message) from error


def _explain(error: PySparkException | Py4JJavaError) -> str | None:
    """Return what Spark says in one line, with position and suggestions; None if it is a bug.

    Faults of a statement have a condition in brackets, such as ``[DIVIDE_BY_ZERO]``. Those of a
    running query are wrapped in others that have none.
    """
    for text in _messages(error):
        if re.match(r"(\{LINE:\d+\} )?\[[A-Z0-9_.]+\]", text):
            if missing := re.match(r"\[TABLE_OR_VIEW_NOT_FOUND\] [^`]*`([^`]*)`", text):
                name = missing[1]
                views = [view for view in VIEWS if view not in RENAMED_VIEWS]
                known = f"the tables are {', '.join(TABLES)}, the views {', '.join(views)}"
                close = did_you_mean(name, (*TABLES, *views))
                return f"there is no table {name}{close}; {known}"
            return re.sub(r"\s*SQLSTATE: \w+", "", text.splitlines()[0]).strip("; ")[:400]
    return None


def _messages(error: PySparkException | Py4JJavaError) -> Iterator[str]:
    """Yield the messages of a Spark error and of its causes, the outermost first."""
    yield str(error).strip()
    attribute = "java_exception" if isinstance(error, Py4JJavaError) else "_origin"
    java: Any = getattr(error, attribute, None)
    while java is not None:
        yield str(java.getMessage()).strip()
        java = java.getCause()
