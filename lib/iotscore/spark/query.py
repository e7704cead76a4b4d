"""Read-only SQL over a warehouse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyspark.errors import PySparkException

from iotscore.errors import QueryError
from iotscore.spark.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.spark.tables import Warehouse

_COMMANDS: Final = frozenset(
    {"DescribeRelation", "DescribeQueryCommand", "ShowTables", "ShowColumns", "ShowFunctions"}
)
"""Statements that are no queries and still only read."""

_WRITING_PACKAGES: Final = (
    "org.apache.spark.sql.execution.command.",
    "org.apache.spark.sql.execution.datasources.",
    "org.apache.spark.sql.catalyst.plans.logical.InsertIntoStatement",
    "org.apache.spark.sql.catalyst.plans.logical.MergeIntoTable",
)

_CODE_FUNCTIONS: Final = frozenset({"reflect", "java_method", "try_reflect"})
"""SQL functions that call any Java method."""


def register_tables(warehouse: Warehouse) -> None:
    """Make every table known by its plain name, and nothing else readable."""
    for name in TABLES:
        warehouse.read(name).createOrReplaceTempView(name)
    warehouse.spark.conf.set("spark.sql.runSQLOnFiles", "false")


def run_query(spark: SparkSession, statement: str) -> DataFrame:
    """Return the result of one statement.

    Raises
    ------
    QueryError
        The statement is no valid SQL, names unknown tables or columns, or does more than read.
    """
    try:
        _check_reads_only(spark, statement)
        return spark.sql(statement)
    except PySparkException as error:
        lines = [line for line in str(error).strip().splitlines() if line.strip()]
        message = f"the statement cannot be run: {lines[0][:400]}"
        raise QueryError(message) from error


def _check_reads_only(spark: SparkSession, statement: str) -> None:
    session = spark._jsparkSession  # noqa: SLF001 - only Spark's own parser knows its grammar
    plan = session.sessionState().sqlParser().parsePlan(statement)
    if plan.getClass().getSimpleName() in _COMMANDS:
        return
    for node in _nodes(plan):
        if _changes_something(node):
            message = (
                f"the statement does more than read ({node.getClass().getSimpleName()}); this job "
                "runs queries only: SELECT, WITH, DESCRIBE, SHOW TABLES"
            )
            raise QueryError(message)
    text = plan.toString().lower()
    if found := sorted(name for name in _CODE_FUNCTIONS if f"'{name}(" in text):
        message = f"the statement calls {found[0]}, which runs Java code; this job only reads"
        raise QueryError(message)


def _changes_something(node: Any) -> bool:  # noqa: ANN401 - a JVM object
    name = node.getClass().getName()
    interfaces = {one.getSimpleName() for one in _supertypes(node.getClass())}
    return name.startswith(_WRITING_PACKAGES) or bool(
        interfaces & {"Command", "ParsedStatement", "UnaryCommand", "BinaryCommand"}
    )


def _supertypes(java_class: Any) -> Iterator[Any]:  # noqa: ANN401 - a JVM object
    """Yield every class and interface above a class."""
    while java_class is not None:
        yield java_class
        for interface in java_class.getInterfaces():
            yield from _supertypes(interface)
        java_class = java_class.getSuperclass()


def _nodes(plan: Any) -> Iterator[Any]:  # noqa: ANN401 - a JVM object
    yield plan
    for children in (plan.children(), plan.innerChildren()):
        for position in range(children.size()):
            child = children.apply(position)
            if "plans.logical" in child.getClass().getName():
                yield from _nodes(child)
