"""Warehouses that are not local folders: rows in parts, and which places are locked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest

from iotscore.errors import BusyError
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.writer_lock import no_writer, writer_lock

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def test_rows_come_a_part_at_a_time(night: Warehouse) -> None:
    """All rows come once, as batches of the table's types, also if there are none."""
    through = open_warehouse(night.spark, night.root, direct="never")
    columns = ["file_id", "row_no", "hybrid_score", "is_anomaly", "scored_at"]
    parts = list(through.batches("scores", columns))
    assert len(parts) >= 1
    found = pa.Table.from_batches(parts).sort_by([(name, "ascending") for name in columns[:2]])
    expected = through.table("scores", columns)
    assert found.schema == expected.schema
    assert found.equals(expected.sort_by([(name, "ascending") for name in columns[:2]]))
    none = list(through.batches("scores", columns, run_id="never"))
    assert sum(part.num_rows for part in none) == 0


def test_a_local_folder_stays_local_where_hadoop_s_default_is_elsewhere(
    spark: SparkSession, tmp_path: Path
) -> None:
    """Tables are made, written, read, restored and removed through Spark beside another HDFS."""
    hadoop: Any = spark.sparkContext._jsc.hadoopConfiguration()
    before = hadoop.get("fs.defaultFS")
    hadoop.set("fs.defaultFS", "hdfs://nowhere.invalid:8020")
    try:
        warehouse = open_warehouse(spark, str(tmp_path / "entrepôt %20#"), direct="never")
        row = {"kind": "x", "reason": "y", "author": "z"}
        warehouse.append("suppressions", [row])
        assert [found["kind"] for found in warehouse.rows("suppressions")] == ["x"]
        warehouse.delete("suppressions", "kind = 'x'")
        warehouse.restore("suppressions", 1)
        assert warehouse.version("suppressions") == 3
        assert warehouse.count("suppressions") == 1
        warehouse.drop("suppressions")
    finally:
        hadoop.set("fs.defaultFS", before)
    assert list((tmp_path / "entrepôt %20#").iterdir()) == []


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
def test_a_local_uri_is_locked_as_its_folder(tmp_path: Path, prefix: str) -> None:
    """However a local folder is named, one job writes it."""
    root = f"{prefix}{tmp_path}"
    with writer_lock(root):
        for name in (str(tmp_path), tmp_path.as_uri()):
            with pytest.raises(BusyError), writer_lock(name):
                pass
            with pytest.raises(BusyError), no_writer(name):
                pass
    with no_writer(root), no_writer(str(tmp_path)):
        pass


def test_other_storage_is_not_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is no lock that dies with its process; nothing is made under such a name either."""
    monkeypatch.chdir(tmp_path)
    root = "hdfs://nowhere/warehouse"
    with writer_lock(root) as lock, writer_lock(root), no_writer(root):
        lock.require()
    assert list(tmp_path.iterdir()) == []
