"""What the sql job answers, and what it refuses because it would do more than read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.rows import print_rows
from iotscore.errors import QueryError
from iotscore.query.query import as_query_errors, run_query
from iotscore.query.views import VIEWS
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    Ask = Callable[[str], list[Any]]

pytestmark = pytest.mark.spark

ALLOWED = """
SELECT 1
SELECT 1; -- a comment behind a semicolon
/* a comment */ SELECT '; DROP TABLE runs'
VALUES (1, 'a'), (2, 'b')
TABLE runs
FROM runs SELECT stage
FROM runs |> WHERE rows > 1 |> AGGREGATE count(*) AS n GROUP BY stage |> LIMIT 2
WITH a AS (SELECT 1 AS x), b(y) AS (SELECT x FROM a) SELECT * FROM a INNER JOIN b ON a.x = b.y
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT * FROM t
SELECT 1 UNION SELECT 2 EXCEPT SELECT 3 INTERSECT SELECT 4
SELECT * FROM runs WHERE run_id IN (SELECT run_id FROM scores) AND rows = (SELECT 1)
SELECT * FROM runs AS r WHERE EXISTS (SELECT 1 FROM scores AS s WHERE s.run_id = r.run_id)
SELECT sum(rows) OVER (PARTITION BY stage ORDER BY started_at) FROM runs
SELECT rank() OVER w FROM runs WINDOW w AS (ORDER BY rows)
SELECT * FROM runs QUALIFY row_number() OVER (ORDER BY rows) = 1
SELECT stage, count(*) FROM runs GROUP BY ROLLUP (stage) HAVING count(*) > 1 LIMIT 1 OFFSET 1
SELECT * FROM runs PIVOT (sum(rows) FOR stage IN ('ingest', 'score'))
SELECT * FROM runs UNPIVOT (value FOR name IN (rows_per_second, seconds))
SELECT * FROM runs TABLESAMPLE (10 PERCENT)
SELECT * FROM range(3)
SELECT explode(array(1, 2))
SELECT * FROM explode(array(1, 2)) AS t(x)
SELECT x FROM runs LATERAL VIEW explode(array(1, 2)) AS x
SELECT * FROM runs, LATERAL (SELECT runs.rows + 1 AS more)
SELECT transform(array(1, 2), x -> x + 1)
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY rows) FROM runs
SELECT count(*) FILTER (WHERE label = 1), max_by(file_id, row_no) FROM traffic
SELECT /*+ BROADCAST(a) */ * FROM runs AS a NATURAL JOIN ingest_files
SELECT extract(DAY FROM started_at), CAST(rows AS STRING), seconds::INT FROM runs
DESCRIBE scores
DESCRIBE TABLE EXTENDED scores
DESCRIBE scores label
DESCRIBE QUERY SELECT 1
DESCRIBE FUNCTION sum
SHOW TABLES
SHOW TABLES LIKE 'r*'
SHOW COLUMNS IN scores
SHOW FUNCTIONS LIKE 'sum*'
EXPLAIN SELECT 1
EXPLAIN FORMATTED SELECT * FROM range(3)
""".strip().splitlines()

REFUSED = """
CREATE TABLE t (a INT)
CREATE TABLE t USING delta AS SELECT 1
CREATE TABLE t SHALLOW CLONE runs
CREATE OR REPLACE TEMPORARY VIEW runs AS SELECT 1
CREATE MATERIALIZED VIEW v AS SELECT 1
CREATE FUNCTION f AS 'a.B'
CREATE TEMPORARY FUNCTION f AS 'a.B' USING JAR '/x.jar'
CREATE FUNCTION f(x INT) RETURNS INT RETURN x + 1
CREATE INDEX i ON runs(rows)
CREATE DATABASE d
DROP TABLE runs
DROP VIEW runs
ALTER TABLE runs ADD COLUMNS (x INT)
TRUNCATE TABLE runs
COMMENT ON TABLE runs IS 'x'
INSERT INTO runs VALUES (1)
INSERT OVERWRITE runs SELECT 1
WITH a AS (SELECT 1) INSERT INTO runs SELECT * FROM a
FROM runs INSERT INTO runs SELECT *
FROM runs INSERT INTO runs SELECT * INSERT INTO models SELECT *
INSERT OVERWRITE DIRECTORY '/tmp/x' USING csv SELECT 1
INSERT OVERWRITE LOCAL DIRECTORY '/tmp/x' SELECT 1
UPDATE runs SET rows = 1
DELETE FROM runs
MERGE INTO runs USING models ON true WHEN MATCHED THEN DELETE
LOAD DATA INPATH '/x' INTO TABLE runs
VACUUM delta.`/tmp/x`
OPTIMIZE runs
RESTORE TABLE delta.`/tmp/x` TO VERSION AS OF 0
CONVERT TO DELTA parquet.`/tmp/x`
DESCRIBE HISTORY delta.`/tmp/x`
DESCRIBE DETAIL delta.`/tmp/x`
MSCK REPAIR TABLE runs
ANALYZE TABLE runs COMPUTE STATISTICS
CACHE TABLE runs
CACHE TABLE x AS SELECT 1
UNCACHE TABLE runs
CLEAR CACHE
REFRESH TABLE runs
REFRESH '/tmp'
SET a = b
SET
SET TIME ZONE 'UTC'
RESET
USE x
ADD JAR '/x.jar'
ADD FILE '/etc/hosts'
LIST JARS
DECLARE x INT DEFAULT 1
SET VAR x = 2
DROP TEMPORARY VARIABLE x
CALL system.x()
EXECUTE IMMEDIATE 'DROP TABLE runs'
EXECUTE IMMEDIATE 'SELECT 1'
BEGIN DROP TABLE runs; END
BEGIN SELECT 1; END
SELECT 1; SELECT 2
SELECT 1; DROP TABLE runs
EXPLAIN INSERT INTO runs VALUES (1)
EXPLAIN SELECT reflect('a', 'b')
DESCRIBE QUERY SELECT reflect('a', 'b')
SELECT reflect('java.lang.System', 'lineSeparator')
SELECT java_method('java.lang.System', 'lineSeparator')
SELECT try_reflect('java.lang.System', 'lineSeparator')
SELECT `REFLECT`('java.lang.System', 'lineSeparator')
SELECT builtin.reflect('java.lang.System', 'lineSeparator')
SELECT system.builtin.reflect('java.lang.System', 'lineSeparator')
SELECT identifier('refl' || 'ect')('java.lang.System', 'lineSeparator')
SELECT (SELECT max(reflect('java.lang.System', 'lineSeparator')))
SELECT * FROM runs WHERE EXISTS (SELECT reflect('java.lang.System', 'lineSeparator'))
WITH a AS (SELECT reflect('java.lang.System', 'lineSeparator')) SELECT * FROM a
SELECT * FROM runs LATERAL VIEW reflect('java.lang.System', 'lineSeparator') AS x
SELECT transform(array(1), x -> reflect('java.lang.System', 'lineSeparator'))
SELECT from_xml('<a/>', 'a INT', map('rowValidationXSDPath', '/etc/hosts'))
SELECT * FROM csv.`/etc/hosts`
SELECT * FROM text.`/etc/hosts`
SELECT * FROM delta.`/tmp/x`
TABLE delta.`/tmp/x`
DESCRIBE csv.`/etc/hosts`
SELECT * FROM spark_catalog.default.x
SELECT * FROM identifier('csv.' || '`/etc/hosts`')
SELECT * FROM read_files('/etc/hosts')
SELECT * FROM table_changes('runs', 0)
SELECT * FROM table_changes_by_path('/tmp/x', 0)
SELECT * FROM STREAM runs
SELECT TRANSFORM(rows) USING 'cat' AS (x) FROM runs
FROM runs MAP rows USING 'cat' AS x
SELECT a FROM (FROM runs REDUCE rows USING 'cat' AS a)
WITH a AS (SELECT TRANSFORM(rows) USING 'cat' AS (x) FROM runs) SELECT * FROM a
GRANT SELECT ON runs TO x
LOCK TABLE runs
OPEN cursor
""".strip().splitlines()


def test_reading_statements_run(empty: SparkSession) -> None:
    """Queries of every shape, and commands that only read, are answered."""
    failed = {}
    for statement in ALLOWED:
        try:
            run_query(empty, statement)
        except QueryError as error:
            failed[statement] = str(error)
    assert failed == {}


def test_other_statements_are_refused_in_one_line(empty: SparkSession) -> None:
    """What writes, changes settings, runs code or opens files is refused before it does so."""
    faults = {}
    for statement in REFUSED:
        try:
            run_query(empty, statement)
        except QueryError as error:
            faults[statement] = str(error)
    assert [statement for statement in REFUSED if statement not in faults] == []
    assert [line for line in faults.values() if "\n" in line] == []


@pytest.mark.parametrize(
    "statement",
    [
        "VALUES (reflect('java.lang.System', 'setProperty', 'iotscore.trick', 'x'))",
        "SELECT 1 LIMIT length(reflect('java.lang.System', 'setProperty', 'iotscore.trick', 'x'))",
        "SELECT * FROM range(length(reflect('java.lang.System', 'setProperty', 'iotscore.trick')))",
    ],
)
def test_code_does_not_run_while_a_statement_is_analysed(
    empty: SparkSession, statement: str
) -> None:
    """A function that Spark would evaluate during analysis is refused before that."""
    jvm: Any = empty._jvm
    with pytest.raises(QueryError, match="the function reflect is refused"):
        run_query(empty, statement)
    assert jvm.java.lang.System.getProperty("iotscore.trick") is None


def test_tables_of_the_catalogue_are_not_readable(empty: SparkSession) -> None:
    """A table that somebody has made in Spark's catalogue is none of the warehouse's."""
    empty.sql("CREATE TABLE stranger USING parquet AS SELECT 1 AS a")
    try:
        for statement in ("SELECT * FROM stranger", "SELECT (SELECT max(a) FROM stranger) AS x"):
            with pytest.raises(QueryError, match="none of the warehouse's tables"):
                run_query(empty, statement)
    finally:
        empty.sql("DROP TABLE stranger")


def test_the_environment_is_not_substituted(ask: Ask) -> None:
    """A reference to an environment variable in a text stays a text."""
    assert ask("SELECT '${env:PATH}' AS path")[0].path == "${env:PATH}"


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("SELEC 1", r"Syntax error at or near 'SELEC'.*line 1, pos 0"),
        ("-- nothing", "end of input"),
        ("SELECT rowz FROM runs", r"`rowz` cannot be resolved.*`rows`.*line 1 pos 7"),
        ("SELECT * FROM scors", r"there is no table scors \(did you mean scores\?\)"),
        ("SELECT cuont(1)", r"there is no function cuont \(did you mean count"),
        ("SELECT * FROM rang(3)", r"there is no table function rang \(did you mean range"),
        ("SELECT id / 0 FROM range(3)", "DIVIDE_BY_ZERO"),
        ("SELECT CAST(concat('x', id) AS INT) FROM range(3)", "CAST_INVALID_INPUT"),
    ],
)
def test_a_fault_in_a_statement_is_one_line(
    empty: SparkSession, statement: str, message: str
) -> None:
    """The line names position, or the unknown name and what is like it; also at run time."""
    with pytest.raises(QueryError, match=message) as caught, as_query_errors():
        print_rows(run_query(empty, statement), "csv")
    assert "\n" not in str(caught.value)
    assert "SQLSTATE" not in str(caught.value)


def test_show_tables_lists_the_tables(empty: SparkSession) -> None:
    """Every table and view is listed by its plain name, before any is written."""
    found = {row.tableName for row in run_query(empty, "SHOW TABLES").collect()}
    assert found == {*TABLES, *VIEWS}
