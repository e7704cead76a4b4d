"""The sql job's core: ready queries, what is refused, and the formats of results."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.rows import print_rows
from iotscore.errors import QueryError
from iotscore.spark.query import register_tables, run_query, told_in_one_line
from iotscore.spark.schemas import TABLES
from iotscore.spark.tables import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parent.parent.parent
READY = {path.stem: path.read_text() for path in sorted((ROOT / "conf" / "sql").glob("*.sql"))}

Ask = "Callable[[str], list[Any]]"


def opened(session: SparkSession, root: Path) -> SparkSession:
    """Return a session of its own, as the job has, in which a warehouse's tables are known."""
    own = session.newSession()
    register_tables(Warehouse(own, str(root)))
    return own


@pytest.fixture(scope="module")
def empty(_session: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    """Return a session over a warehouse without any table."""
    return opened(_session, tmp_path_factory.mktemp("empty"))


@pytest.fixture(scope="module")
def after_night(_session: SparkSession, _night: Callable[[str], Path]) -> SparkSession:
    """Return a session over a finished night."""
    return opened(_session, _night("default"))


@pytest.fixture(scope="module")
def ask(after_night: SparkSession) -> Ask:
    """Return a function that queries a finished night."""
    return lambda statement: run_query(after_night, statement).collect()


# --- ready queries


@pytest.mark.parametrize("name", READY)
def test_ready_query_works_on_the_first_day(empty: SparkSession, name: str) -> None:
    """Before anything was ingested, a ready query has its documented columns and no row."""
    result = run_query(empty, READY[name])
    assert re.findall(r"^-- (\w+): ", READY[name], re.MULTILINE) == result.columns
    assert result.collect() == []


FAULTLESS = {"quarantined_files", "files_refused", "unscored_files"}


@pytest.mark.parametrize("name", READY)
def test_ready_query_finds_a_night(ask: Ask, name: str) -> None:
    """After a night, a ready query has rows, except those that look for faults."""
    assert bool(ask(READY[name])) == (name not in FAULTLESS)


@pytest.mark.parametrize("name", READY)
def test_figures_come_with_their_marking(empty: SparkSession, name: str) -> None:
    """A query that shows figures of a model says if labels and simulated data went into them."""
    columns = set(run_query(empty, READY[name]).columns)
    if columns & {"alerts", "hybrid_alerts", "detection_rate", "recall_attack", "tpr", "p50"}:
        assert "uses_labels" in columns
        assert columns & {"data_kind", "is_synthetic"}


def test_worst_devices_counts_flags_of_the_latest_day(ask: Ask) -> None:
    """Alerts are those of the latest event day, most first, judged without labels."""
    rows = ask(READY["worst_devices"])
    scores = ask("SELECT device, event_day, is_anomaly FROM scores")
    latest = max(row.event_day for row in scores)
    flagged = [row.device for row in scores if row.event_day == latest and row.is_anomaly]
    assert {row.device: row.alerts for row in rows} == {
        device: flagged.count(device) for device in ("Doorbell", "Camera")
    }
    assert [row.alerts for row in rows] == sorted((row.alerts for row in rows), reverse=True)
    assert {(row.event_day, row.threshold_policy, row.uses_labels) for row in rows} == {
        (latest, "benign_quantile", False)
    }


def test_flags_by_labels_are_marked(paper_night: Warehouse) -> None:
    """A model whose flags start at a threshold chosen with labels says so."""
    spark = opened(paper_night.spark, Path(paper_night.root))
    rows = run_query(spark, READY["worst_devices"]).collect()
    assert {(row.threshold_policy, row.uses_labels) for row in rows} == {("roc_youden", True)}


def test_unlabelled_records_are_a_kind_of_their_own(ask: Ask) -> None:
    """The distribution of scores counts every scored record once, unlabelled ones too."""
    rows = ask(READY["score_distribution_by_device"])
    records = {(row.device_id, row.kind): row.records for row in rows}
    assert records == {
        (1, "benign"): 90,
        (1, "attack"): 40,
        (1, "unknown"): 30,
        (2, "benign"): 60,
        (2, "attack"): 40,
    }
    for row in rows:
        assert row.lowest <= row.p01 <= row.p25 <= row.p50 <= row.p75 <= row.p99 <= row.highest


def test_runs_show_each_stage_once(ask: Ask) -> None:
    """A stage that ended is one row, its end, although the table has its start too."""
    rows = ask(READY["runs_recent"])
    assert sorted(row.stage for row in rows) == ["evaluate", "ingest", "score", "train"]
    assert {row.status for row in rows} == {"done"}


def test_reconciliation_agrees_on_a_good_night(ask: Ask) -> None:
    """All five files reconcile; none lost a line."""
    rows = ask(READY["ingest_reconciliation"])
    assert [(row.reconciles, row.rows_lost) for row in rows] == [(True, 0)] * 5


def moment(second: int) -> datetime:
    """Return a time."""
    return datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC)


def test_faults_of_an_ingest_are_told(warehouse: Warehouse) -> None:
    """Refused lines and files appear with reason, share and whether a mended file came later."""
    good = {"status": "ingested", "rows_read": 8, "rows_accepted": 6, "rows_quarantined": 2}
    bad = {"status": "refused", "rows_read": 3, "rows_accepted": 0, "rows_quarantined": 3}
    warehouse.append_rows(
        "ingest_files",
        [
            {**good, "file_id": "a", "source_file": "a", "run_id": "1", "ingested_at": moment(1)},
            {**bad, "file_id": "b", "source_file": "b", "run_id": "1", "ingested_at": moment(1)},
            {**bad, "file_id": "c", "source_file": "c", "run_id": "1", "ingested_at": moment(1)},
            {**good, "file_id": "c", "source_file": "c", "run_id": "2", "ingested_at": moment(2)},
        ],
    )
    line = {"file_id": "a", "source_file": "a", "run_id": "1", "reason": "empty_line"}
    warehouse.append_rows(
        "quarantine",
        [
            {**line, "row_no": 7, "detail": "second"},
            {**line, "row_no": 4, "detail": "first"},
            {"file_id": "b", "run_id": "1", "reason": "no_header", "detail": "why"},
        ],
    )
    spark = opened(warehouse.spark, Path(warehouse.root))
    [lines] = run_query(spark, READY["quarantined_files"]).collect()
    assert (lines.source_file, lines.lines, lines.first_row, lines.example) == ("a", 2, 4, "first")
    assert lines.percent_of_file == 25.0
    files = run_query(spark, READY["files_refused"]).collect()
    assert {row.source_file: (row.detail, row.ingested_since) for row in files} == {
        "b": ("why", False),
        "c": (None, True),
    }
    unscored = run_query(spark, READY["unscored_files"]).collect()
    assert [row.source_file for row in unscored] == ["a", "c"]


def test_the_newest_promotion_is_the_champion(warehouse: Warehouse) -> None:
    """After a rollback, the older model is the champion again."""
    model = {"manifest": '{"normalisation": "frozen"}', "bundle": bytearray(b"123")}
    warehouse.append_rows("models", [{**model, "model_version": name} for name in ("old", "new")])
    warehouse.append_rows(
        "model_aliases",
        [
            {"alias": "champion", "model_version": name, "promoted_at": moment(second)}
            for second, name in enumerate(("old", "new", "old"))
        ],
    )
    spark = opened(warehouse.spark, Path(warehouse.root))
    rows = run_query(spark, READY["models_and_champion"]).collect()
    assert [(row.model_version, row.is_champion) for row in rows] == [("old", True), ("new", False)]
    assert {row.bundle_bytes for row in rows} == {3}


# --- what may be asked

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
    told = {}
    for statement in REFUSED:
        try:
            run_query(empty, statement)
        except QueryError as error:
            told[statement] = str(error)
    assert [statement for statement in REFUSED if statement not in told] == []
    assert [line for line in told.values() if "\n" in line] == []


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
    ("statement", "told"),
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
def test_a_fault_in_a_statement_is_told_in_one_line(
    empty: SparkSession, statement: str, told: str
) -> None:
    """The line names position, or the unknown name and what is like it; also at run time."""
    with pytest.raises(QueryError, match=told) as caught, told_in_one_line():
        print_rows(run_query(empty, statement), "csv")
    assert "\n" not in str(caught.value)
    assert "SQLSTATE" not in str(caught.value)


def test_show_tables_lists_the_tables(empty: SparkSession) -> None:
    """Every table is listed by its plain name, before any is written."""
    assert {row.tableName for row in run_query(empty, "SHOW TABLES").collect()} == set(TABLES)


# --- formats

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
    print_rows(run_query(spark, statement), output)
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


# --- the other engines of docs/sql.md


def test_the_documented_python_works(night: Warehouse) -> None:
    """The examples with deltalake in docs/sql.md run as they are printed."""
    document = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    ours = [block for block in blocks if "duckdb" not in block]
    assert len(ours) == 2
    for block in ours:
        exec(block.replace("DIR", night.root), {})  # noqa: S102 - the document is ours


def test_event_days_are_dates(ask: Ask) -> None:
    """The day in a file's name is the day of its records."""
    days = ask("SELECT DISTINCT event_day FROM scores WHERE label IS NULL")
    assert [row.event_day for row in days] == [date(2026, 11, 20)]
