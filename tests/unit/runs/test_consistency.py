"""A stage begins where ledgers and tables agree: healthy warehouses pass, damaged ones do not."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from deltalake import DeltaTable

from iotscore.errors import WarehouseError
from iotscore.runs.consistency import ConsistencyCheck
from iotscore.warehouse.delta_rs.table import data_files
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 27, tzinfo=UTC)
STAGES = ("ingest", "train", "score", "evaluate", "explain", "monitor", "maintain")
ROWS = 4
"""Records of a file, one of them explained; a fifth line is refused."""


def records(run: str, column: str, **values: str) -> list[dict[str, Any]]:
    """Return the rows of a run's file."""
    return [{"file_id": run, "row_no": n + 1, column: run, **values} for n in range(ROWS)]


def ingested(warehouse: Warehouse, run: str, status: str = "ingested") -> None:
    """Add what an ingest of a file with a damaged line writes; the file has the run's name."""
    counts = {"rows_read": ROWS + 1, "rows_accepted": ROWS, "rows_quarantined": 1}
    if status == "refused":
        counts |= {"rows_accepted": 0, "rows_quarantined": ROWS + 1}
    if status == "ingested":
        warehouse.append("traffic", records(run, "ingest_run"))
    if status != "replaced":
        warehouse.append("quarantine", [{"file_id": run, "run_id": run}])
    entry = {"file_id": run, "run_id": run, "status": status, **counts}
    warehouse.append("ingest_files", [entry])


def scored(warehouse: Warehouse, run: str, model: str = "m", **values: Any) -> None:  # noqa: ANN401
    """Add what scoring and explaining the file write."""
    same = {"model_version": model, "run_id": run}
    entry = {"file_id": run, **same, **values}
    warehouse.append("scores", records(run, "run_id", model_version=model))
    warehouse.append("scored_files", [entry | {"rows_scored": ROWS}])
    warehouse.append("explanations", [{"file_id": run, "row_no": 1, **same}])
    warehouse.append("incidents", [{"file_id": run, **same}])
    warehouse.append("explained_files", [entry | {"rows_explained": 1}])


def night(warehouse: Warehouse, run: str) -> None:
    """Add a night."""
    ingested(warehouse, run)
    scored(warehouse, run)
    warehouse.append("models", [{"model_version": run}])
    warehouse.append("model_aliases", [{"alias": "champion", "model_version": run}])
    for table in ("roc_points", "metrics"):
        warehouse.append(table, [{"evaluation_id": run}])
    for table in ("drift", "monitored_files"):
        warehouse.append(table, [{"run_id": run}])


def opened(root: Path | str) -> Warehouse:
    """Return a warehouse as a job that starts now sees it; what is read here needs no Spark."""
    return open_warehouse(cast("SparkSession", None), str(root))


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a warehouse after two nights, of which one had a refused file; copy it."""
    folder = tmp_path_factory.mktemp("nights")
    two = opened(folder)
    night(two, "first")
    night(two, "second")
    ingested(two, "third", "refused")
    return folder


@pytest.fixture
def warehouse(nights: Path, tmp_path: Path) -> Warehouse:
    """Return a copy of the nights, to write into."""
    return opened(shutil.copytree(nights, tmp_path / "warehouse"))


def refused(warehouse: Warehouse, stages: Collection[str] | None = None) -> dict[str, str]:
    """Return what each stage that is refused is told; of some stages or all."""
    told = {}
    for stage in STAGES if stages is None else stages:
        try:
            ConsistencyCheck(opened(warehouse.root)).require(stage)
        except WarehouseError as error:
            told[stage] = str(error)
    return told


def test_a_healthy_warehouse_is_never_refused(warehouse: Warehouse, tmp_path: Path) -> None:
    """Nor is an empty one, nor one whose small files were merged."""
    assert refused(opened(tmp_path / "empty")) == {}
    assert refused(warehouse) == {}
    for table in Path(warehouse.root).iterdir():
        DeltaTable(str(table)).optimize.compact()
    assert refused(warehouse) == {}


def test_all_that_may_come_of_a_file_agrees(warehouse: Warehouse) -> None:
    """A replaced one, one without records, a second model, an evaluation without labels."""
    ingested(warehouse, "before", "replaced")
    entry = {"file_id": "none", "run_id": "none", "status": "ingested"}
    none = dict.fromkeys(("rows_read", "rows_accepted", "rows_quarantined"), 0)
    warehouse.append("ingest_files", [entry | none])
    scored(warehouse, "first", "other")
    warehouse.append("models", [{"model_version": "candidate"}])
    assert refused(warehouse) == {}


@pytest.mark.parametrize("is_deleted", [False, True])
def test_what_has_expired_may_be_there_or_not(warehouse: Warehouse, is_deleted: bool) -> None:
    """Entries are marked first, and rows deleted then: a job may be killed in between."""
    scored(warehouse, "old", expired_at=NOW)
    scored(warehouse, "older", expired_at=NOW)
    for table in ("scores", "explanations", "incidents"):
        warehouse.delete(table, "run_id = 'older'")
        if is_deleted:
            warehouse.delete(table, "run_id = 'old'")
    assert refused(warehouse) == {}
    warehouse.delete("scores", "run_id = 'first' AND row_no = 1")
    assert "run first: 4 told, 3 there" in refused(warehouse)["score"]


def remove(warehouse: Warehouse, table: str) -> None:
    """Lose a table."""
    shutil.rmtree(f"{warehouse.root}/{table}")


def put_back(warehouse: Warehouse, table: str) -> None:
    """Put a table back as it was a commit earlier."""
    log = Path(f"{warehouse.root}/{table}") / "_delta_log"
    max(log.glob("*.json")).unlink()


def tear(warehouse: Warehouse, table: str) -> None:
    """Leave a commit with nothing in it, as a full disk can."""
    log = Path(f"{warehouse.root}/{table}") / "_delta_log"
    max(log.glob("*.json")).write_bytes(b"")


def lose_file(warehouse: Warehouse, table: str) -> None:
    """Lose a data file."""
    Path(data_files(f"{warehouse.root}/{table}", {})[0]).unlink()


def cut_file(warehouse: Warehouse, table: str) -> None:
    """Cut a data file."""
    file = Path(data_files(f"{warehouse.root}/{table}", {})[0])
    file.write_bytes(file.read_bytes()[:-1])


@pytest.mark.parametrize(
    ("damage", "table", "words"),
    [
        (remove, "ingest_files", "traffic has 8 rows, and its ledger ingest_files tells of 0"),
        (put_back, "ingest_files", "quarantine has 3 rows, and its ledger ingest_files tells of 2"),
        (tear, "ingest_files", "1 commit(s) of the table ingest_files are empty: 0000000000000000"),
        (lose_file, "ingest_files", "1 data file(s) of the table ingest_files are lost or cut"),
        (remove, "traffic", "traffic has 0 rows, and its ledger ingest_files tells of 8"),
        (put_back, "traffic", "(run second: 4 told, 0 there)"),
        (tear, "traffic", "1 commit(s) of the table traffic are empty"),
        (cut_file, "traffic", " bytes, the log says "),
        (lose_file, "quarantine", ": not there, the log says "),
        (remove, "scored_files", "scores has 8 rows, and its ledger scored_files tells of 0"),
        (put_back, "scored_files", "(run second: 0 told, 4 there)"),
        (tear, "scored_files", "1 commit(s) of the table scored_files are empty"),
        (put_back, "scores", "(run second: 4 told, 0 there)"),
        (lose_file, "scores", "1 data file(s) of the table scores are lost or cut"),
        (put_back, "explained_files", "explanations has 2 rows, and its ledger"),
        (put_back, "explanations", "(run second: 1 told, 0 there)"),
        (lose_file, "incidents", "1 data file(s) of the table incidents are lost or cut"),
        (remove, "metrics", "the table roc_points has rows, and its ledger metrics has none"),
        (remove, "monitored_files", "the table drift has rows, and its ledger monitored_files has"),
        (tear, "model_aliases", "1 commit(s) of the table model_aliases are empty"),
        (cut_file, "models", "1 data file(s) of the table models are lost or cut"),
    ],
)
def test_what_was_lost_stops_every_stage_that_builds_on_it(
    warehouse: Warehouse, damage: Callable[[Warehouse, str], None], table: str, words: str
) -> None:
    """The message has both numbers, names verify, and says which folders belong together."""
    damage(warehouse, table)
    writes = {
        "ingest": ("ingest_files", "traffic", "quarantine"),
        "train": ("model_aliases", "models"),
        "score": ("scored_files", "scores"),
        "explain": ("explained_files", "explanations", "incidents"),
        "evaluate": ("metrics", "roc_points"),
        "monitor": ("monitored_files", "drift"),
    }
    [stage] = [name for name, tables in writes.items() if table in tables]
    told = refused(warehouse, (stage, "maintain"))
    assert told.keys() == {stage, "maintain"}
    assert len({*told.values()}) == 1
    line = told[stage]
    assert words in line
    assert "Run the job verify to see which files" in line
    assert f"restore the folders {', '.join(writes[stage])} from one backup" in line


def test_an_older_backup_of_ledger_and_table_is_told_by_the_runs(warehouse: Warehouse) -> None:
    """Sums agree, and a night is in neither; one that took up nothing, or was killed, is none."""
    done = {"stage": "ingest", "status": "done"}
    details = {"first": {"files_ingested": 1}, "third": {"files_refused": 1}, "idle": {}}
    rows = [{"run_id": name, **done, "details": json.dumps(told)} for name, told in details.items()]
    killed = {"run_id": "killed", "stage": "ingest", "status": "interrupted"}
    warehouse.append("runs", [*rows, killed | {"details": '{"versions_before": {}}'}])
    assert refused(warehouse) == {}
    late = {"run_id": "late", **done, "details": '{"files_ingested": 2, "files_refused": 0}'}
    warehouse.append("runs", [late])
    told = refused(warehouse, ["ingest"])["ingest"]
    assert "the table runs tells of 1 ingest(s) that the ledger ingest_files does not know" in told
    assert "(late); runs must be of the same backup" in told


def test_an_empty_commit_that_was_summed_up_is_past(warehouse: Warehouse) -> None:
    """Behind a checkpoint nobody reads it, and the sums tell what it took with it."""
    tear(warehouse, "model_aliases")
    DeltaTable(f"{warehouse.root}/model_aliases").create_checkpoint()
    assert refused(warehouse) == {}


def test_each_ledger_is_looked_at_once(warehouse: Warehouse) -> None:
    """What a job's own stages write is not held against the next one of them."""
    agreement = ConsistencyCheck(opened(warehouse.root))
    agreement.require("score")
    remove(warehouse, "scored_files")
    agreement.require("score")
    remove(warehouse, "explained_files")
    with pytest.raises(WarehouseError, match="explained_files"):
        agreement.require("explain")


def test_stages_without_books_need_none(warehouse: Warehouse) -> None:
    """Somebody must be able to promote a model in a warehouse that lost its scores."""
    remove(warehouse, "scores")
    for stage in ("promote", "rollback", "shap"):
        ConsistencyCheck(opened(warehouse.root)).require(stage)
