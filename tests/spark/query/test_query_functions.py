"""Which functions a statement may call: a list of those that compute, and nothing beside it."""

from __future__ import annotations

import http.server
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import QueryError
from iotscore.query.functions import COMPUTING, TABLE_FUNCTIONS
from iotscore.query.query import run_query

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]

REFUSED = """
    current_catalog current_database current_path current_schema current_user from_avro
    from_protobuf from_xml input_file_block_length input_file_block_start input_file_name
    java_method reflect schema_of_avro schema_of_xml session_user st_asbinary st_geogfromwkb
    st_geomfromwkb st_setsrid st_srid to_avro to_protobuf to_xml try_reflect user xpath
    xpath_boolean xpath_double xpath_float xpath_int xpath_long xpath_number xpath_short
    xpath_string
""".split()  # noqa: SIM905 - one name per line would hide the list
"""What the Spark in the lock knows and statements may not call; a new name must be judged."""


def test_every_function_of_spark_is_judged(spark: SparkSession) -> None:
    """Allowed and refused together are what this Spark knows: a new version shows its news here."""
    names = {row.function for row in spark.sql("SHOW SYSTEM FUNCTIONS").collect()}
    shown_only = {"!=", "<>", "case", "||"}
    judged = COMPUTING | TABLE_FUNCTIONS | {*REFUSED} | {"python_worker_logs"}
    assert sorted(names - judged - shown_only) == []
    assert sorted(COMPUTING - names) == []


@pytest.mark.parametrize("function", REFUSED)
def test_other_functions_are_refused_by_name(empty: SparkSession, function: str) -> None:
    """However they are written, before anything is evaluated."""
    for name in (f"`{function.upper()}`", f"system.builtin.{function}"):
        with pytest.raises(QueryError, match=r"the function \S+ is refused") as caught:
            run_query(empty, f"SELECT {name}('a', 'b')")
        assert function in str(caught.value).lower()


@pytest.mark.parametrize(
    "statement",
    [
        "WITH a AS (SELECT CALL AS x) SELECT * FROM a",
        "SELECT (SELECT max(CALL))",
        "SELECT transform(array(1), x -> CALL)",
        "SELECT * FROM range(length(CALL))",
        "SELECT 1 LIMIT length(CALL)",
        "VALUES (CALL)",
        "SELECT /* a */ CALL -- b",
        "SELECT named_struct('a', CALL).a",
        "SELECT * FROM runs WHERE EXISTS (SELECT CALL)",
        "SELECT explode(array(CALL))",
        "SELECT x FROM runs LATERAL VIEW explode(array(CALL)) AS x",
        "SELECT max(stage) OVER (ORDER BY CALL) FROM runs",
        "FROM runs |> EXTEND CALL AS x",
        "SELECT mask(str => CALL)",
        "SELECT identifier('xpath_' || 'string')('<a/>', 'a')",
        "SELECT IDENTIFIER('xpath_string')('<a/>', 'a')",
        "SELECT IDENTIFIER('system.builtin.xpath_string')('<a/>', 'a')",
        "EXECUTE IMMEDIATE 'SELECT CALL'",
        "EXPLAIN SELECT CALL",
        "DESCRIBE QUERY SELECT CALL",
        "SELECT CASE WHEN true THEN CALL END",
        "SELECT CAST(CALL AS INT)",
        "SELECT CALL::INT",
        "SELECT CALL || 'a' = 'b'",
        "SELECT 1 ORDER BY CALL",
        "SELECT count(*) FROM runs GROUP BY CALL",
        "SELECT * FROM runs PIVOT (max(CALL) FOR stage IN ('a'))",
        "SELECT spark_catalog.default.upper('a')",
        "SELECT default.upper('a')",
        "SELECT * FROM spark_catalog.default.range(3)",
        "SELECT current_user",
        "EXPLAIN SELECT current_user",
        "EXPLAIN EXTENDED SELECT current_user()",
        "EXPLAIN EXPLAIN SELECT upper(current_user) FROM runs",
        "EXPLAIN WITH a AS (SELECT session_user AS x) SELECT x FROM a",
        "EXPLAIN COST SELECT * FROM runs WHERE stage = session_user",
        "DESCRIBE QUERY SELECT current_user",
        "SELECT user",
        "SELECT (SELECT session_user)",
        "WITH a AS (SELECT current_user AS x) SELECT x FROM a",
        "SELECT transform(array(1), x -> current_user)",
        "SELECT * FROM runs WHERE stage = current_user",
    ],
)
def test_no_way_of_writing_hides_a_function(empty: SparkSession, statement: str) -> None:
    """The parsed statement is looked at, and the analysed one; never the text."""
    call = "xpath_string('<a>x</a>', 'a')"
    quoted = call.replace("'", "''") if statement.startswith("EXECUTE") else call
    with pytest.raises(QueryError, match=r"refused|computes a name"):
        run_query(empty, statement.replace("CALL", quoted)).collect()


@pytest.fixture
def address() -> Iterator[tuple[str, list[str]]]:
    """Return the address of a server, and the list of what it was asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def test_nothing_is_fetched(empty: SparkSession, address: tuple[str, list[str]]) -> None:
    """A document type that names an address is no way to carry a value out."""
    place, asked = address
    for name in ("xpath_string", "xpath", "xpath_boolean"):
        with pytest.raises(QueryError, match="is refused"):
            run_query(
                empty, f"""SELECT {name}('<!DOCTYPE a SYSTEM "{place}/x"><a/>', 'a')"""
            ).collect()
    assert asked == []


def test_spark_s_java_opens_no_external_entity(
    spark: SparkSession, address: tuple[str, list[str]]
) -> None:
    """Below the list, the settings of Java forbid the same."""
    place, asked = address
    text = f"""SELECT xpath_string('<!DOCTYPE a SYSTEM "{place}/x"><a/>', 'a')"""
    with pytest.raises(Exception, match="accessExternalDTD"):
        spark.sql(text).collect()
    assert asked == []


def test_a_column_may_have_the_name_of_a_function(empty: SparkSession) -> None:
    """What is refused is the function."""
    assert run_query(empty, "SELECT user FROM (SELECT 1 AS user)").collect()[0].user == 1
