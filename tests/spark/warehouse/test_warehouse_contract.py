"""The contract of a warehouse, held by each implementation: delta-rs and Spark."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from deltalake import DeltaTable, Field

from iotscore import object_stores
from iotscore.features import FEATURES
from iotscore.warehouse.delta_rs import snapshots
from iotscore.warehouse.delta_spark.warehouse import DeltaSparkWarehouse
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.record_sums import RecordSum, record_sums
from iotscore.warehouse.records import by_file
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.selection import Selection, rows_where
from iotscore.warehouse.side_outputs import SideOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.open import Direct
    from iotscore.warehouse.side_outputs import Prepared
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

SCHEMA = TABLES["traffic"].arrow_schema
RUN = {"model_version": "m", "run_id": "now"}


@pytest.fixture(params=["auto", "never", "s3", "abfss", "gs"])
def empty(
    request: pytest.FixtureRequest,
    spark: SparkSession,
    tmp_path: Path,
    new_bucket: Callable[[str], str],
) -> Warehouse:
    """Return an empty warehouse of each kind, and one in each object store."""
    if request.param not in {"auto", "never"}:
        return open_warehouse(spark, f"{new_bucket(request.param)}/warehouse")
    direct: Direct = request.param
    return open_warehouse(spark, str(tmp_path / "warehouse"), direct=direct)


def records(file_id: str, rows: int, run: str = "first") -> list[dict[str, Any]]:
    """Return records of a file whose first feature is the number of the row."""
    return [
        {"file_id": file_id, "row_no": n, "label": 0, "ingest_run": run, FEATURES[0]: float(n)}
        for n in range(1, rows + 1)
    ]


@pytest.fixture
def filled(empty: Warehouse) -> Warehouse:
    """Return a warehouse with two files of two runs."""
    empty.append("traffic", records("a", 30))
    empty.append("traffic", records("b", 20, "second"))
    return empty


def chosen(*file_ids: str) -> Selection:
    """Return keys and one feature of some files."""
    return Selection("traffic", ("file_id", "row_no", FEATURES[0]), {"file_id": list(file_ids)})


def keys(warehouse: Warehouse, table: str, **where: str) -> list[tuple[str, int]]:
    """Return file and row number of the rows of a table, in order."""
    rows = warehouse.rows(table, ["file_id", "row_no"], **where)
    return sorted((row["file_id"], row["row_no"]) for row in rows)


def test_a_table_that_nobody_wrote_reads_as_empty(empty: Warehouse) -> None:
    """Every question has an answer from the first day on, and asking makes no folder."""
    assert not empty.exists("traffic")
    assert empty.rows("traffic") == []
    assert empty.values("traffic", "file_id") == set()
    assert empty.table("traffic", ["row_no"]).num_rows == empty.read("traffic").count() == 0
    assert list(empty.batches("traffic", ["row_no"])) == []
    assert (empty.version("traffic"), empty.count("traffic")) == (None, 0)
    assert not empty.exists("traffic")


def test_appended_rows_are_read_back(filled: Warehouse) -> None:
    """By columns and values, as dictionaries, as a table, in batches and by Spark."""
    assert keys(filled, "traffic", file_id="b") == [("b", n) for n in range(1, 21)]
    assert filled.values("traffic", "ingest_run", file_id=["a", "b"]) == {"first", "second"}
    batches = filled.batches("traffic", ["row_no"], ingest_run="first")
    assert sorted(n for batch in batches for n in batch.column("row_no").to_pylist()) == list(
        range(1, 31)
    )
    assert filled.count("traffic") == filled.read("traffic").count() == 50


def test_rows_make_room_in_one_commit(filled: Warehouse) -> None:
    """What is replaced goes in the commit in which the new rows come."""
    before = filled.version("traffic")
    filled.replace("traffic", records("a", 3, "third"), rows_where(file_id="a"))
    assert filled.version("traffic") == (before or 0) + 1
    assert keys(filled, "traffic", file_id="a") == [("a", 1), ("a", 2), ("a", 3)]
    filled.delete("traffic", "row_no > 1")
    assert keys(filled, "traffic") == [("a", 1), ("b", 1)]


def test_nothing_makes_room_where_nothing_matches(filled: Warehouse) -> None:
    """New rows are added in one commit; those that would not match are a fault of the caller."""
    before = filled.version("traffic") or 0
    filled.replace("traffic", records("d", 2), rows_where(file_id="d"))
    assert filled.version("traffic") == before + 1
    assert filled.count("traffic") == 52
    with pytest.raises(ValueError, match="do not all match"):
        filled.replace("traffic", records("e", 2), rows_where(file_id=["d", "f"]))
    filled.replace("traffic", [], rows_where(file_id="d"))
    filled.replace("traffic", [], rows_where(file_id="d"))
    assert filled.count("traffic") == 50


def test_a_table_is_made_what_it_was(filled: Warehouse) -> None:
    """At a version, and at its beginning; each is a commit of its own that names who made it."""
    before = filled.version("traffic")
    with filled.marked("the run"):
        filled.append("traffic", records("c", 5))
        filled.replace("traffic", records("c", 4), rows_where(file_id="c"))
        filled.delete("traffic", "row_no = 2")
        filled.restore("traffic", before)
    assert filled.values("traffic", "file_id") == {"a", "b"}
    commits = filled.commits_after("traffic", before or 0)
    assert [commit.mark for commit in commits] == ["the run"] * 4
    assert commits[-1].restored == before
    filled.restore("traffic", None)
    assert filled.count("traffic") == 0


def test_properties_are_kept(filled: Warehouse) -> None:
    """A table says of itself what it was told."""
    filled.set_properties("traffic", {"iotscore.test": "yes"})
    assert filled.properties("traffic")["iotscore.test"] == "yes"
    assert set(SCHEMA.names) == set(filled.columns("traffic"))


def doubled(records: pa.Table) -> pa.Table:
    """Return a row for each record, with a score of twice its first feature."""
    assert records.num_rows <= 10_000
    assert pa.types.is_dictionary(records.schema.field("file_id").type)
    score = np.asarray(records.column(FEATURES[0])) * 2
    return records.select(["file_id", "row_no"]).append_column("hybrid_score", pa.array(score))


def odd(records: pa.Table) -> pa.Table:
    """Return a row for every other record."""
    numbers = np.asarray(records.column("row_no"))
    return doubled(records).filter(pa.array(numbers % 2 == 1))


@pytest.mark.parametrize("is_row_wise", [True, False])
def test_records_are_mapped_into_a_table(filled: Warehouse, *, is_row_wise: bool) -> None:
    """Columns that the function leaves out are NULL, the stamp is in every row."""
    written, _ = filled.map_records(
        chosen("a", "b"), lambda: doubled, "scores", RUN, doing="test", is_row_wise=is_row_wise
    )
    rows = filled.rows("scores")
    assert keys(filled, "scores") == keys(filled, "traffic")
    assert all(row["hybrid_score"] == 2 * row["row_no"] for row in rows)
    assert {(row["model_version"], row["run_id"], row["lstm_score"]) for row in rows} == {
        ("m", "now", None)
    }
    sums = record_sums(filled.table("scores", TABLES["scores"].arrow_schema.names))
    assert written == {file_id: total for (file_id,), total in sums.items()}
    assert {file_id: total.rows for file_id, total in written.items()} == {"a": 30, "b": 20}


def test_a_function_may_leave_records_out(filled: Warehouse) -> None:
    """Files of which nothing is left are not named."""
    written, _ = filled.map_records(chosen("a"), lambda: odd, "explanations", RUN, doing="test")
    assert keys(filled, "explanations") == [("a", n) for n in range(1, 31, 2)]
    assert written == {"a": RecordSum(15)}


def test_mapped_rows_make_room_in_one_commit(filled: Warehouse) -> None:
    """Rows that match one of the descriptions go; others stay, whatever file they lie in."""
    old = [
        {"file_id": f, "row_no": 99, "model_version": m, "run_id": "old"}
        for f in "ab"
        for m in "mn"
    ]
    filled.append("scores", old)
    before = filled.version("scores")
    void = rows_where(file_id="a") | rows_where(model_version="m", file_id=["b"])
    filled.map_records(chosen("a"), lambda: doubled, "scores", RUN, doing="test", replacing=void)
    assert filled.version("scores") == (before or 0) + 1
    assert keys(filled, "scores", run_id="old") == [("b", 99)]
    assert filled.values("scores", "model_version", run_id="old") == {"n"}
    assert len(keys(filled, "scores", run_id="now")) == 30


def halves(records: pa.Table, rows: pa.Table) -> pa.Table:
    """Return a row for every other record, with half the score that the pass has given it."""
    found = odd(records)
    score = np.asarray(rows.column("hybrid_score"))[np.asarray(records.column("row_no")) % 2 == 1]
    return found.set_column(2, "hybrid_score", pa.array(score / 2))


def largest_score(_: pa.Table, rows: pa.Table) -> pa.Table:
    """Return the largest score of some rows."""
    return pa.table({"score": [max(rows.column("hybrid_score").to_pylist())]})


def broken(records: pa.Table, rows: pa.Table) -> pa.Table:
    """Fail at one of two files."""
    assert "b" not in records.column("file_id").to_pylist()
    return halves(records, rows)


def largest_of(tables: Iterator[pa.Table]) -> pa.Table:
    """Return the largest of several scores."""
    return largest_score(pa.table({}), pa.concat_tables(tables).rename_columns(["hybrid_score"]))


def with_sides(warehouse: Warehouse, *sides: SideOutput) -> tuple[Prepared | None, ...]:
    """Map two files with side outputs; the rows of the pass are written in any case."""
    done = warehouse.map_records(
        chosen("a", "b"),
        *(lambda: doubled, "scores", RUN),
        doing="test",
        is_row_wise=True,
        sides=sides,
    )
    assert keys(warehouse, "scores") == keys(warehouse, "traffic")
    return done.prepared


def test_side_outputs_are_committed_later(filled: Warehouse) -> None:
    """Until then the table has none of their rows; whoever can make none, says so."""
    table = SideOutput("later", lambda: halves, "explanations", RUN)
    figure = SideOutput("later", lambda: largest_score, fold=largest_of)
    made = with_sides(filled, table, figure)
    assert filled.count("explanations") == 0
    if isinstance(filled, DeltaSparkWarehouse):
        assert made == (None, None)
        return
    rows, figures = made
    assert rows is not None
    assert figures is not None
    assert max(one.column("score")[0].as_py() for one in figures.tables) == 60
    filled.append("explanations", [{"file_id": "a", "row_no": 99, "model_version": "m"}])
    before = filled.version("explanations") or 0
    sums = rows.commit(rows_where(file_id="a"))
    assert filled.version("explanations") == before + 1
    assert sums == {"a": RecordSum(15), "b": RecordSum(10)}
    found = filled.rows("explanations")
    assert sorted((row["file_id"], row["row_no"], row["hybrid_score"]) for row in found) == [
        *(("a", n, float(n)) for n in range(1, 31, 2)),
        *(("b", n, float(n)) for n in range(1, 21, 2)),
    ]
    assert {row["run_id"] for row in found} == {"now"}


def test_a_side_output_that_fails_stops_nothing_else(
    filled: Warehouse, caplog: pytest.LogCaptureFixture
) -> None:
    """The pass is committed, and the other output prepared; what failed is told and not there."""
    bad = SideOutput("later", lambda: broken, "explanations", RUN)
    good = SideOutput("other", lambda: largest_score, fold=largest_of)
    made = with_sides(filled, bad, good)
    if isinstance(filled, DeltaSparkWarehouse):
        return
    assert made[0] is None
    assert made[1] is not None
    (warning,) = [one.getMessage() for one in caplog.records if one.levelname == "WARNING"]
    assert "later will read the records again: in 1 of 2 tasks" in warning
    assert "AssertionError" in warning


def made(task: tuple[str, int]) -> Iterator[pa.Table]:
    """Yield a file's rows in two parts."""
    file_id, rows = task
    for start in (1, 1 + rows // 2):
        numbers = range(start, start + rows // 2)
        yield pa.table({"file_id": [file_id] * len(numbers), "row_no": numbers})


def test_tasks_write_a_table(filled: Warehouse) -> None:
    """Rows of tasks and of the driver come in one commit, in the place of others."""
    before = filled.version("traffic")
    written = filled.map_tasks(
        [("a", 4), ("c", 6)],
        made,
        "traffic",
        {"ingest_run": "now"},
        also=records("d", 1, "now"),
        replacing=rows_where(file_id="a"),
    )
    assert filled.version("traffic") == (before or 0) + 1
    assert {name: written[name].rows for name in "ac"} == {"a": 4, "c": 6}
    assert filled.values("traffic", "file_id", ingest_run="now") == {"a", "c", "d"}
    assert len(keys(filled, "traffic", file_id="a")) == 4
    assert len(keys(filled, "traffic", file_id="b")) == 20


def test_no_task_and_no_row_is_fine(empty: Warehouse) -> None:
    """Nothing is written, and nothing fails."""
    assert empty.map_tasks([], made, "traffic", {"ingest_run": "now"}) == {}
    assert empty.map_records(chosen("a"), lambda: doubled, "scores", RUN, doing="test").sums == {}
    assert sum(each.num_rows for each in empty.collect_records(chosen("a"), odd)) == 0


def total(tables: Iterator[pa.Table]) -> pa.Table:
    """Return the sum of the first feature."""
    return pa.table({"total": [sum(sum(each.column(FEATURES[0]).to_pylist()) for each in tables)]})


@pytest.mark.parametrize("doing", [None, "test"])
def test_records_are_folded(filled: Warehouse, doing: str | None) -> None:
    """Parts of the records give small tables, whose number is nobody's concern."""
    parts = filled.fold_records(chosen("a", "b"), lambda: total, doing=doing)
    assert sum(part.column("total")[0].as_py() for part in parts) == 465 + 210


def largest(rows: pa.Table) -> pa.Table:
    """Return a file and its largest row number."""
    assert [file_id for file_id, _ in by_file(rows)] == [rows.column("file_id")[0].as_py()]
    return pa.table({"file_id": rows.column("file_id")[:1], "last": [len(rows)]})


def test_files_are_folded_whole(filled: Warehouse) -> None:
    """All rows of a file come together, also if they lie in several data files."""
    filled.append("traffic", [row | {"row_no": 31} for row in records("a", 1)])
    found = pa.concat_tables(filled.fold_files(chosen("a", "b"), largest)).to_pylist()
    assert sorted(found, key=lambda row: str(row["file_id"])) == [
        {"file_id": "a", "last": 31},
        {"file_id": "b", "last": 20},
    ]


def test_records_are_collected(filled: Warehouse) -> None:
    """What a function keeps of them reaches the driver."""
    kept = [row for part in filled.collect_records(chosen("b"), odd) for row in part.to_pylist()]
    assert sorted(row["row_no"] for row in kept) == list(range(1, 21, 2))


def test_numbers_select_too(filled: Warehouse) -> None:
    """A label selects records as a text does."""
    filled.append("traffic", [row | {"label": 1} for row in records("c", 4)])
    selected = Selection("traffic", ("file_id", "row_no"), {"label": [1]})
    kept = filled.collect_records(selected, lambda rows: rows)
    assert sum(part.num_rows for part in kept) == 4


def test_a_table_is_proved(filled: Warehouse) -> None:
    """Every value is read, at any version, and summed up as the writer summed it up."""
    before = filled.version("traffic")
    expected = record_sums(filled.table("traffic", SCHEMA.names), ("file_id", "ingest_run"))
    filled.append("traffic", records("c", 5))
    assert filled.prove("traffic", ("file_id", "ingest_run"), before).sums == expected
    assert len(filled.prove("traffic", ("file_id",)).sums) == 3


def test_columns_that_nothing_writes_stay(filled: Warehouse) -> None:
    """An older version's columns are NULL in new rows, whichever way these come, and proved."""
    filled.create("scores")
    is_remote = object_stores.is_object_store(filled.root)
    path = object_stores.plain_uri(filled.root) if is_remote else filled.root
    options = object_stores.client_options(path) if is_remote else None
    table = DeltaTable(f"{path}/scores", storage_options=options)
    table.alter.add_columns([Field("gone_score", "double")])
    snapshots.forget(path)
    filled.append("scores", [{"file_id": "c", "row_no": 1, "model_version": "m", "run_id": "old"}])
    for again in (None, rows_where(file_id=["a", "c"])):
        filled.map_records(
            chosen("a"), lambda: doubled, "scores", RUN, doing="test", replacing=again
        )
    kept = filled.rows("scores", file_id="a")
    filled.replace("scores", kept[:20], rows_where(file_id="a"))
    assert filled.columns("scores")[-1] == "gone_score"
    assert filled.read("scores").where("gone_score IS NULL").count() == 20
    assert {keys: one.rows for keys, one in filled.prove("scores", ("file_id",)).sums.items()} == {
        ("a",): 20
    }


def test_a_dropped_table_is_gone(filled: Warehouse) -> None:
    """With all that it held; it can be made again."""
    filled.drop("traffic")
    assert not filled.exists("traffic")
    filled.append("traffic", records("a", 1))
    assert filled.count("traffic") == 1


def test_both_write_the_same_bits(spark: SparkSession, tmp_path: Path) -> None:
    """One content has one sum, whoever wrote it."""
    found: list[Any] = []
    load: Callable[[], Callable[[pa.Table], pa.Table]] = partial(lambda function: function, doubled)
    for direct in ("auto", "never"):
        warehouse = open_warehouse(spark, str(tmp_path / direct), direct=direct)
        warehouse.append("traffic", records("a", 30))
        found.append(warehouse.map_records(chosen("a"), load, "scores", RUN, doing="test"))
    assert found[0] == found[1]
