"""Tricks against the sql job, on files that are really there: refused, and nothing changed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from iotscore.errors import QueryError
from iotscore.query.query import run_query

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

# CODE runs code, FILE is a text file, DELTA a table outside of the warehouse, OUT a folder that is
# not there.
TRICKS = {
    "writing": """
        WITH a AS (SELECT 1 AS x) MERGE INTO runs USING a ON true WHEN MATCHED THEN DELETE
        WITH a AS (SELECT 1) DELETE FROM runs
        INSERT INTO runs BY NAME SELECT 1 AS rows
        INSERT INTO runs REPLACE WHERE true SELECT * FROM runs
        INSERT WITH SCHEMA EVOLUTION INTO runs SELECT 1
        INSERT INTO delta.`DELTA` SELECT 1
        DELETE FROM delta.`DELTA`
        UPDATE delta.`DELTA` SET a = 1
        MERGE INTO delta.`DELTA` USING runs ON true WHEN MATCHED THEN DELETE
        INSERT OVERWRITE LOCAL DIRECTORY 'OUT' ROW FORMAT DELIMITED SELECT 1
        INSERT OVERWRITE DIRECTORY 'OUT' USING parquet SELECT * FROM runs
        CREATE TABLE t USING csv LOCATION 'OUT' AS SELECT 1
        CREATE EXTERNAL TABLE t (a STRING) USING csv LOCATION 'OUT'
        CREATE OR REPLACE TABLE t AS SELECT 1
        REPLACE TABLE t AS SELECT 1
        CREATE TABLE t LIKE runs
        CREATE TABLE t DEEP CLONE delta.`DELTA`
        CREATE STREAMING TABLE s AS SELECT 1
        CREATE FLOW f AS INSERT INTO runs BY NAME SELECT 1
        FROM runs |> INSERT INTO runs
        CACHE LAZY TABLE runs
        CACHE TABLE x OPTIONS ('storageLevel' 'DISK_ONLY') AS SELECT * FROM runs
        ALTER TABLE runs SET TBLPROPERTIES ('a' = 'b')
        ALTER TABLE delta.`DELTA` DROP COLUMN a
        ALTER DATABASE default SET LOCATION 'OUT'
        LOAD DATA LOCAL INPATH 'FILE' OVERWRITE INTO TABLE runs
        EXPORT TABLE runs TO 'OUT'
        IMPORT TABLE runs FROM 'DELTA'
        COPY INTO runs FROM 'DELTA'
        UNLOAD TO 'OUT'
    """,
    "Delta's commands": """
        VACUUM 'DELTA' RETAIN 0 HOURS
        VACUUM 'DELTA' RETAIN 0 HOURS DRY RUN
        VACUUM runs
        OPTIMIZE 'DELTA'
        OPTIMIZE delta.`DELTA` ZORDER BY (a)
        REORG TABLE delta.`DELTA` APPLY (PURGE)
        RESTORE TABLE runs TO VERSION AS OF 0
        RESTORE TABLE delta.`DELTA` TO TIMESTAMP AS OF '2020-01-01'
        GENERATE symlink_format_manifest FOR TABLE delta.`DELTA`
        DESCRIBE HISTORY 'DELTA'
        DESCRIBE HISTORY runs
        DESCRIBE DETAIL 'DELTA'
        FSCK REPAIR TABLE delta.`DELTA`
    """,
    "running code": """
        CREATE OR REPLACE FUNCTION f AS 'java.lang.System'
        CREATE TEMPORARY FUNCTION f(x INT) RETURNS INT RETURN x
        CREATE FUNCTION f() RETURNS TABLE (a INT) RETURN SELECT 1
        CALL system.x('a')
        CALL spark_catalog.system.remove_orphan_files('x')
        ADD ARCHIVE 'FILE'
        ADD FILES 'FILE' 'FILE'
        SELECT `spark_catalog`.`default`.`reflect`('a', 'b')
        SELECT * FROM VALUES (CODE)
        SELECT named_struct('a', CODE)
        SELECT CASE WHEN CODE = '' THEN 1 END
        SELECT sum(rows) OVER (ORDER BY CODE) FROM runs
        SELECT * FROM runs ORDER BY CODE
        SELECT stage FROM runs GROUP BY stage HAVING max(CODE) = ''
        SELECT * FROM runs JOIN scores ON CODE = ''
        SELECT * FROM runs PIVOT (max(CODE) FOR stage IN ('a'))
        SELECT listagg(CODE) FROM runs
        SELECT count(*) FILTER (WHERE CODE = '') FROM runs
        SELECT aggregate(array(1), '', (a, x) -> CODE)
        SELECT * FROM runs, LATERAL (SELECT CODE)
        SELECT 1 UNION SELECT CODE
        SELECT /*+ COALESCE(1) */ CODE
        EXPLAIN CODEGEN SELECT CODE
        WITH RECURSIVE t(n) AS (SELECT '' UNION ALL SELECT n || CODE FROM t) SELECT * FROM t
        SELECT * FROM runs |> DROP rows |> SELECT CODE
        FROM runs |> EXTEND CODE AS x
        FROM runs |> AGGREGATE max(CODE)
        FROM runs |> WHERE CODE = ''
        FROM runs |> SET stage = CODE
        FROM runs |> AS a |> JOIN (SELECT CODE) ON true
        SELECT TRANSFORM(*) ROW FORMAT DELIMITED USING 'cat' AS (x STRING) FROM runs
        FROM (SELECT stage FROM runs) MAP stage USING 'cat' AS x
        EXPLAIN SELECT TRANSFORM(rows) USING 'cat' AS (x) FROM runs
    """,
    "reading files": """
        SELECT * FROM text.`FILE`
        SELECT * FROM `text`.`FILE`
        SELECT * FROM binaryFile.`FILE`
        SELECT * FROM parquet.`DELTA`
        SELECT * FROM orc.`DELTA`
        SELECT * FROM json.`FILE`
        SELECT * FROM delta.`DELTA`
        SELECT * FROM delta.`DELTA@v0`
        SELECT * FROM delta.`DELTA` VERSION AS OF 0
        SELECT * FROM delta.`DELTA` TIMESTAMP AS OF '2020-01-01'
        SELECT * FROM runs VERSION AS OF 0
        SELECT * FROM `DELTA`
        SELECT * FROM jdbc.`x`
        SELECT * FROM (SELECT * FROM text.`FILE`)
        SELECT (SELECT max(value) FROM text.`FILE`)
        SELECT * FROM runs WHERE stage IN (SELECT value FROM text.`FILE`)
        WITH a AS (SELECT * FROM text.`FILE`) SELECT * FROM a
        FROM text.`FILE` |> SELECT *
        FROM runs |> UNION ALL TABLE delta.`DELTA`
        FROM runs |> CROSS JOIN text.`FILE`
        EXPLAIN SELECT * FROM text.`FILE`
        EXPLAIN COST SELECT * FROM delta.`DELTA`
        DESCRIBE QUERY SELECT * FROM text.`FILE`
        DESCRIBE EXTENDED delta.`DELTA`
        SHOW COLUMNS IN delta.`DELTA`
        SHOW CREATE TABLE delta.`DELTA`
        SHOW TBLPROPERTIES delta.`DELTA`
        CREATE TEMPORARY VIEW v USING text OPTIONS (path 'FILE')
        SELECT * FROM read_files('FILE')
        SELECT * FROM table_changes_by_path('DELTA', 0)
        SELECT * FROM my_function(TABLE(runs))
        SELECT from_json('{}', schema_of_json('FILE'))
        SELECT from_protobuf(X'00', 'A', 'FILE')
        SELECT to_protobuf(struct(1), 'A', 'FILE')
        SELECT from_xml('<a/>', 'a INT', map('rowValidationXSDPath', 'FILE'))
        SELECT schema_of_xml('<a/>', map('rowValidationXSDPath', 'FILE'))
        SELECT * FROM runs OPTIONS (path 'FILE')
    """,
    "looking around": """
        SET -v
        SET spark.sql.runSQLOnFiles = true
        SET spark.sql.variable.substitute
        SET `spark.hadoop.fs.s3a.secret.key`
        SET VARIABLE x = (SELECT 1)
        DECLARE OR REPLACE VARIABLE x STRING DEFAULT CODE
        SHOW CONF
        SHOW DATABASES
        SHOW CATALOGS
        SHOW VIEWS
        SHOW TABLES IN default
        SHOW TABLE EXTENDED LIKE '*'
        SHOW TBLPROPERTIES runs
        SHOW CREATE TABLE runs
        DESCRIBE DATABASE EXTENDED default
        LIST FILES
        LIST ARCHIVES
        SELECT ${env:PATH}
        SELECT * FROM information_schema.tables
        SELECT * FROM global_temp.x
        SELECT * FROM python_worker_logs()
    """,
    "hiding": """
        SELECT 1; SELECT CODE
        SHOW TABLES; DROP TABLE runs
        SELECT 1 /* ; */; /* SELECT */ DROP TABLE runs
        /* SELECT 1 */ DROP TABLE runs
        /* /* nested */ SELECT 1 */ TRUNCATE TABLE runs
        EXECUTE IMMEDIATE 'SELECT ?' USING 1
        EXECUTE IMMEDIATE concat('DROP', ' TABLE runs')
        BEGIN DECLARE x INT DEFAULT 1; SET x = 2; END
        BEGIN DECLARE x STRING; SET x = 'DROP TABLE runs'; EXECUTE IMMEDIATE x; END
        BEGIN IF 1 = 1 THEN DROP TABLE runs; END IF; END
        BEGIN WHILE 1 = 2 DO SELECT 1; END WHILE; END
        BEGIN FOR r AS SELECT 1 DO DROP TABLE runs; END FOR; END
        EXPLAIN EXTENDED DROP TABLE runs
        EXPLAIN EXECUTE IMMEDIATE 'DROP TABLE runs'
        EXPLAIN EXPLAIN DROP TABLE runs
        SELECT identifier('reflect')('a', 'b')
        SELECT * FROM identifier('text.' || '`FILE`')
        SELECT * FROM IDENTIFIER(:x)
        SELECT ?
    """,
}


def snapshot(*folders: Path) -> set[tuple[str, int, int]]:
    """Return every file below some folders with its size and time of change."""
    files = (file for folder in folders for file in folder.rglob("*"))
    return {(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files}


@pytest.mark.parametrize("kind", TRICKS)
def test_tricks_are_refused_and_change_nothing(
    kind: str,
    night: Warehouse,
    after_night: SparkSession,
    tmp_path: Path,
) -> None:
    """Each is one line; no file of warehouse, other table or working folder is new or different."""
    (tmp_path / "secret.txt").write_text("a secret\n")
    write_deltalake(str(tmp_path / "other"), pa.table({"a": [1, 2]}))
    code = "reflect('java.lang.System', 'setProperty', 'iotscore.trick', 'x')"
    words = {"CODE": code, "FILE": "secret.txt", "DELTA": "other", "OUT": "new"}
    words |= {name: str(tmp_path / place) for name, place in words.items() if name != "CODE"}
    scratch = Path(str(after_night.conf.get("spark.sql.warehouse.dir")).removeprefix("file:"))
    folders = (Path(night.root), tmp_path, scratch, *Path.cwd().glob("spark-warehouse"))
    before = snapshot(*folders)
    faults = {}
    for trick in TRICKS[kind].strip().splitlines():
        statement = trick.strip()
        for word, meant in words.items():
            statement = statement.replace(word, meant)
        try:
            run_query(after_night, statement).collect()
        except QueryError as error:
            faults[statement] = str(error)
        else:
            faults[statement] = "was answered\n"
    assert [statement for statement, line in faults.items() if "\n" in line] == []
    assert [line for line in faults.values() if "a secret" in line] == []
    assert snapshot(*folders) == before
    jvm: Any = after_night._jvm
    assert jvm.java.lang.System.getProperty("iotscore.trick") is None
    assert not after_night.sql("SHOW TABLES").where("NOT isTemporary").collect()


def test_options_at_a_table_read_nothing_else(ask: Callable[[str], list[Any]]) -> None:
    """Spark takes options beside a table's name; they are nothing to a view of ours."""
    rows = ask("SELECT * FROM runs")
    assert ask("SELECT * FROM runs WITH (path='/etc/hosts')") == rows
    assert ask("SELECT * FROM runs WITH (header=true, delimiter='x')") == rows
    with pytest.raises(QueryError, match="Time travel"):
        ask("SELECT * FROM runs WITH (versionAsOf=0)")


def test_settings_are_not_substituted(ask: Callable[[str], list[Any]]) -> None:
    """References to the environment, the JVM and Spark's settings stay texts."""
    text = "${env:PATH} ${system:java.version} ${spark.app.id}"
    assert ask(f"VALUES ('{text}')")[0][0] == text
