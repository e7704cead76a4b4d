"""What a statement may do: read the tables of a warehouse, and nothing else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from py4j.java_gateway import JavaObject, is_instance_of  # type: ignore[import-untyped]

from iotscore.errors import QueryError, did_you_mean
from iotscore.query.functions import BUILTIN_PLACES, COMPUTING, TABLE_FUNCTIONS
from iotscore.query.views import VIEWS
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

_QUERY_NODES: Final = frozenset(
    """
    Aggregate Distinct Except Filter Generate GlobalLimit Intersect Join LateralJoin LocalLimit
    LocalRelation Offset OneRowRelation PipeOperator Pivot Project Repartition
    RepartitionByExpression Sample Sort SubqueryAlias Union Unpivot UnresolvedHaving UnresolvedHint
    UnresolvedInlineTable UnresolvedQualify UnresolvedSubqueryColumnAliases
    UnresolvedTVFAliases UnresolvedTableValuedFunction UnresolvedWith WithWindowDefinition
    """.split()  # noqa: SIM905 - one word per line would hide the list
)
"""What Spark's parser makes of queries."""

_COMMANDS: Final = frozenset(
    """
    DescribeColumn DescribeFunction DescribeQueryCommand DescribeRelation ExplainCommand
    ShowColumns ShowFunctions ShowTables
    """.split()  # noqa: SIM905 - one word per line would hide the list
)
"""Statements that are no queries and still only read; Spark runs them at once."""

_WITH_QUERY: Final = {"ExplainCommand": "logicalPlan", "DescribeQueryCommand": "plan"}
"""Commands that hold a statement, and where."""

_COMMAND_PARTS: Final = frozenset({"CurrentNamespace", "UnresolvedFunctionName"})

_TABLE_NAMES: Final = frozenset({"UnresolvedRelation", "UnresolvedTableOrView"})

_READING_NODES: Final = _QUERY_NODES | _COMMANDS | _COMMAND_PARTS | _TABLE_NAMES

_COMPUTED_NAMES: Final = frozenset(
    {"ExpressionWithUnresolvedIdentifier", "PlanWithUnresolvedIdentifier"}
)
"""``IDENTIFIER('ref' || 'lect')``: names that are known only after the check."""

_FOREIGN_CODE: Final = frozenset(
    """
    ApplyFunctionExpression HiveGenericUDF HiveGenericUDTF HiveSimpleUDF HiveUDAFFunction
    PythonUDAF PythonUDF PythonUDTF ScalaAggregator ScalaUDAF ScalaUDF V2Aggregator
    """.split()  # noqa: SIM905 - one word per line would hide the list
)
"""What Spark makes of functions that somebody has registered."""

_HARMLESS_LEAVES: Final = frozenset(
    {"CTERelationRef", "LocalRelation", "OneRowRelation", "Range", "UnionLoopRef"}
)
"""Sources in an analysed plan that are no tables."""

_ALLOWED: Final = (
    "runs one query (SELECT, WITH, VALUES, TABLE, FROM), EXPLAIN, DESCRIBE, SHOW TABLES, "
    "SHOW COLUMNS or SHOW FUNCTIONS"
)


def check_parsed(spark: SparkSession, statement: str) -> bool:
    """Refuse a statement unless each part of its parse tree is known to read only.

    Return whether it is a query, and no command such as DESCRIBE, which Spark runs at once.

    Raises
    ------
    QueryError
        Something in it is not on the list, or reads more than the tables.
    """
    # Only Spark's own parser, with Delta's in front of it, knows what a statement will be.
    session = spark._jsparkSession  # noqa: SLF001
    plan = session.sessionState().sqlParser().parsePlan(statement)
    for node, is_plan in _tree(spark, plan):
        name = _name(node)
        if name in _COMPUTED_NAMES:
            message = "the statement computes a name with IDENTIFIER(...); write the name itself"
            raise QueryError(message)
        if is_plan and name not in _READING_NODES:
            what = re.sub("(Command|Statement)$", "", name).removeprefix("Unresolved")
            message = f"{what} is refused, because this job only reads: it {_ALLOWED}"
            raise QueryError(message)
        if name in _TABLE_NAMES:
            _check_table_name(list(_items(node.multipartIdentifier())))
        if name == "UnresolvedTableValuedFunction":
            _check_function(spark, list(_items(node.name())), TABLE_FUNCTIONS)
        elif name == "UnresolvedGenerator":
            _check_function(spark, list(_items(node.name().nameParts())), COMPUTING)
        elif name == "UnresolvedFunction":
            _check_function(spark, list(_items(node.nameParts())), COMPUTING)
    if _name(plan) not in _COMMANDS:
        return True
    if (query := _query_in(plan)) is not None:
        execution: Any = spark._jvm.org.apache.spark.sql.execution  # type: ignore[union-attr] # noqa: SLF001
        skip = execution.CommandExecutionMode.SKIP()
        check_analysed(spark, session.sessionState().executePlan(query, skip).analyzed())
    return False


def _query_in(plan: Any) -> Any:  # noqa: ANN401 - a JVM object or None
    """Return the query that a command is about, whose plan it shows; None if there is none."""
    while _name(plan) in _WITH_QUERY:
        plan = getattr(plan, _WITH_QUERY[_name(plan)])()
    return None if _name(plan) in _COMMANDS else plan


def _check_table_name(parts: list[str]) -> None:
    if len(parts) > 1:
        message = (
            f"{'.'.join(parts)} is refused, because only the warehouse's tables and views can be "
            f"read, by their plain names: {', '.join((*TABLES, *VIEWS))}"
        )
        raise QueryError(message)


def _check_function(spark: SparkSession, parts: list[str], known: frozenset[str]) -> None:
    """Refuse a function that is not known to compute only, or that somebody else has made."""
    *place, function = (part.lower() for part in parts)
    is_spark_s = tuple(place) in BUILTIN_PLACES
    if function in known and is_spark_s:
        return
    close = did_you_mean(function, known)
    if is_spark_s and function not in _names(spark):
        kind = "table function" if known is TABLE_FUNCTIONS else "function"
        message = f"there is no {kind} {function}{close}"
        raise QueryError(message)
    raise _refused(".".join(parts))


def _refused(function: str) -> QueryError:
    return QueryError(
        f"the function {function} is refused, because a statement may call only those of Spark "
        "that compute from their arguments and do nothing else; docs/sql.md lists the others"
    )


def _names(spark: SparkSession) -> dict[str, Any]:
    """Return Spark's own functions by name, without those of a metastore: JVM objects or None."""
    analysis: Any = spark._jvm.org.apache.spark.sql.catalyst.analysis  # type: ignore[union-attr] # noqa: SLF001
    found: dict[str, Any] = {}
    for registry in (analysis.TableFunctionRegistry, analysis.FunctionRegistry):
        functions = registry.builtin()
        names = functions.listFunction().mkString(" ").replace("`", "").split()
        found |= dict.fromkeys((name.rpartition(".")[2] for name in names), functions)
    return found


def _refused_kinds(spark: SparkSession) -> frozenset[str]:
    """Return the classes behind functions that are refused."""
    identifier = spark._jvm.org.apache.spark.sql.catalyst.FunctionIdentifier  # type: ignore[union-attr] # noqa: SLF001
    kinds = set()
    for name, registry in _names(spark).items():
        if name not in COMPUTING | TABLE_FUNCTIONS:
            info = registry.lookupFunction(identifier(name))
            kinds |= {one.getClassName().rpartition(".")[2] for one in _items(info)}
    return _FOREIGN_CODE | kinds


def check_analysed(spark: SparkSession, analysed: Any) -> None:  # noqa: ANN401 - a JVM object
    """Refuse an analysed query that reads anything but the tables, or came to other functions.

    A function without brackets, such as ``current_user``, is a column until Spark has found none
    of that name. Views are our own text and are not looked into.
    """
    refused = _refused_kinds(spark)
    todo = [analysed]
    while todo:
        node = todo.pop()
        name = _name(node)
        if name == "View" and node.isTempView():
            continue
        below = [*_items(node.children()), *_items(node.subqueries())]
        if not below and name not in _HARMLESS_LEAVES:
            message = f"the statement reads {name}, which is none of the warehouse's tables"
            raise QueryError(message)
        _check_expressions(list(_items(node.expressions())), refused)
        todo += below


def _check_expressions(todo: list[Any], refused: frozenset[str]) -> None:
    while todo:
        node = todo.pop()
        if _name(node) in refused:
            raise _refused(node.prettyName())
        todo += _items(node.children())


def _tree(spark: SparkSession, plan: Any) -> Iterator[tuple[Any, bool]]:  # noqa: ANN401
    """Yield all plans and expressions in a parse tree, and which of them are plans.

    It goes through the fields of every node, not its children only: the query in a WITH or in an
    EXPLAIN is no child of its node, and something forbidden could hide there.
    """
    gateway = spark.sparkContext._gateway  # noqa: SLF001 - is_instance_of needs it
    kinds: dict[str, list[bool]] = {}
    todo = [plan]
    while todo:
        node = todo.pop()
        if not isinstance(node, JavaObject):
            continue
        java_name = node.getClass().getName()
        if java_name not in kinds:
            kinds[java_name] = [is_instance_of(gateway, node, kind) for kind in _KINDS]
        is_plan, is_expression, is_collection, is_record = kinds[java_name]
        if is_plan or is_expression:
            yield node, is_plan
        if is_collection:
            todo += _items(node)
        elif is_record:
            todo += _items(node.productIterator())


_KINDS: Final = (
    "org.apache.spark.sql.catalyst.plans.logical.LogicalPlan",
    "org.apache.spark.sql.catalyst.expressions.Expression",
    "scala.collection.Iterable",
    "scala.Product",
)


def _items(collection: Any) -> Iterator[Any]:  # noqa: ANN401 - a Scala collection or iterator
    iterator = collection.iterator()
    while iterator.hasNext():
        yield iterator.next()


def _name(node: Any) -> str:  # noqa: ANN401 - a JVM object
    return str(node.getClass().getSimpleName()).removesuffix("$")
