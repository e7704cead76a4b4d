"""A night that reads its records once, and the same tables by a pass for each stage."""

from __future__ import annotations

import json
import shutil
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from iotscore.maintenance.retention import Retention
from iotscore.maintenance.stage import maintain
from iotscore.models.context import Context
from iotscore.runs.run_log import RunLog, recover
from iotscore.warehouse.compaction import CompactionOptions
from iotscore.warehouse.delta_rs import warehouse as delta_rs_warehouse
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from traffic_files import make_features, write_traffic
from warehouse_content import content

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.delta_rs.row_groups import RowGroup

pytestmark = pytest.mark.spark

ROWS = 260
"""Records of the night."""
QUICK = ("--set", "detectors.lstm=null")


class Night:
    """Stages on a copy of a warehouse, and how many records of ``traffic`` each has read."""

    def __init__(self, root: Path, spark: SparkSession, settings: Settings) -> None:
        self.root, self._spark, self._settings = root, spark, settings
        self._seen: defaultdict[str, set[RowGroup]] = defaultdict(set)
        self._stage = ""
        self.run = self.job()

    def read(self) -> dict[str, int]:
        """How many records each stage has read since the last look."""
        seen, self._seen = self._seen, defaultdict(set)
        return {stage: sum(group.rows for group in groups) for stage, groups in seen.items()}

    def see(self, groups: Iterable[RowGroup]) -> None:
        """Keep what a stage is going to read, which may be listed more than once."""
        for group in groups:
            self._seen[self._stage].add(group)

    def job(self, *, is_one: bool = True) -> Stages:
        """Return a new job, after undoing what a killed one left."""
        warehouse = open_warehouse(self._spark, str(self.root))
        recover(warehouse)
        return Stages(warehouse, self._settings, are_one_job=is_one)

    def score(self, run: Stages | None = None) -> None:
        """Score and evaluate."""
        self._start(run or self.run, "score", "evaluate")

    def finish(self, run: Stages | None = None) -> None:
        """Explain and monitor."""
        self._start(run or self.run, "explain", "monitor")

    def _start(self, run: Stages, *stages: str) -> None:
        for self._stage in stages:
            getattr(run, self._stage)()


@pytest.fixture
def begin(
    spark: SparkSession,
    settings: Callable[..., Settings],
    _night: Callable[[str], Path],
    copy_unscored: Callable[[Path, Path], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], Night]:
    """Return a maker of nights that have ingested and trained, in a folder of a name."""
    row_groups, finished = delta_rs_warehouse.row_groups, _night("default")
    nights: list[Night] = []

    def seen(paths: Sequence[str], where: Mapping[str, Any] | None = None) -> list[RowGroup]:
        found = row_groups(paths, where)
        if nights:
            nights[-1].see(group for group in found if "/traffic/" in group.path)
        return found

    monkeypatch.setattr(delta_rs_warehouse, "row_groups", seen)

    def make(name: str) -> Night:
        root = copy_unscored(finished, tmp_path / name)
        changing = settings("default", "ingest.changed_files=replace")
        nights.append(Night(root, spark, changing))
        return nights[-1]

    return make


@pytest.fixture
def separate(begin: Callable[[str], Night]) -> Night:
    """Return a night whose stages are jobs of their own."""
    night = begin("separate")
    night.run = night.job(is_one=False)
    night.score()
    night.finish()
    return night


def uncommitted(root: Path, table: str) -> set[str]:
    """Return the data files in a table's folder that the table does not have."""
    there = {path.name for path in (root / table).glob("*.parquet")}
    if not (root / table / "_delta_log").is_dir():
        return there
    return there - {Path(uri).name for uri in DeltaTable(str(root / table)).file_uris()}


def test_a_night_reads_its_records_once(separate: Night, begin: Callable[[str], Night]) -> None:
    """Explaining and monitoring find all prepared; the tables are the same to the last bit."""
    assert separate.read() == {"score": ROWS, "explain": ROWS, "monitor": ROWS}
    night = begin("night")
    night.score()
    assert night.run.warehouse.count("explanations") == 0
    night.finish()
    assert night.read() == {"score": ROWS}
    assert content(night.root) == content(separate.root)
    assert uncommitted(night.root, "explanations") == set()


def test_the_job_nightly_does(
    run_job: Callable[..., subprocess.CompletedProcess[str]], landing: Path, tmp_path: Path
) -> None:
    """Its tables are those of a job for each stage, and its run log says what was prepared."""
    one, many = tmp_path / "one", tmp_path / "many"
    run_job("nightly", "--input", landing, "--warehouse", one, *QUICK)
    run_job("ingest", "--input", landing, "--warehouse", many, *QUICK)
    for job in ("train", "score", "evaluate", "explain", "monitor"):
        assert run_job(job, "--warehouse", many, *QUICK).returncode == 0
    assert content(one) == content(many)
    files = len(list(landing.glob("?.*.csv")))
    expected = {"score": ["explain", "monitor"], "explain": files, "monitor": files}
    assert prepared(one) == expected
    assert prepared(many) == {"score": [], "explain": 0, "monitor": 0}


def prepared(root: Path) -> dict[str, Any]:
    """Return what the stages of a warehouse's jobs noted about what was prepared."""
    runs = DeltaTable(str(root / "runs")).to_pyarrow_table().to_pylist()
    details = {r["stage"]: json.loads(r["details"]) for r in runs if r["status"] == "done"}
    return {name: one["prepared"] for name, one in details.items() if "prepared" in one}


def test_a_job_killed_after_scoring_is_finished_by_the_next(
    separate: Night, begin: Callable[[str], Night]
) -> None:
    """What it had prepared is nobody's: the next job reads again, and maintain deletes it."""
    killed = begin("killed")
    killed.score()
    left = uncommitted(killed.root, "explanations")
    assert left
    killed.finish(killed.job())
    assert killed.read() == {"score": ROWS, "explain": ROWS, "monitor": ROWS}
    assert content(killed.root) == content(separate.root)
    assert uncommitted(killed.root, "explanations") == left
    log = RunLog(killed.run.warehouse, "test", "0" * 64)
    with log.stage("maintain") as stage:
        eager = CompactionOptions(file_megabytes=128.0, small_files=1000, vacuum_hours=0)
        context = Context(killed.run.warehouse, log.run_id)
        stage.report(maintain(context, Retention(None, None), eager))
    assert uncommitted(killed.root, "explanations") == set()
    assert content(killed.root) == content(separate.root)


def test_files_left_over_are_read_and_others_are_not(
    begin: Callable[[str], Night], tmp_path: Path
) -> None:
    """After a night that was killed the next one reads its files, and its own no second time."""
    tables = []
    for is_one in (True, False):
        night = begin(f"night-{is_one}")
        night.score()
        deliver(night.run, tmp_path / f"later-{is_one}", "2.2026-11-21.csv", 25)
        assert night.read()
        next_one = night.job(is_one=is_one)
        night.score(next_one)
        night.finish(next_one)
        again = ROWS if is_one else ROWS + 25
        assert night.read() == {"score": 25, "explain": again, "monitor": again}
        tables.append(content(night.root))
    assert tables[0] == tables[1]


def deliver(run: Stages, folder: Path, name: str, rows: int) -> None:
    """Ingest one file."""
    write_traffic(folder / name, make_features(rows, seed=rows, shift=5.0))
    run.ingest(folder)


def test_what_is_prepared_of_an_earlier_content_is_not_used(
    begin: Callable[[str], Night], landing: Path, tmp_path: Path
) -> None:
    """A file that was replaced and scored meanwhile is explained as it is, and so are others."""
    tables = []
    for is_one in (True, False):
        night = begin(f"changed-{is_one}")
        night.score()
        folder = shutil.copytree(landing, tmp_path / f"landing-{is_one}")
        (folder / "data_summary.csv").unlink()
        other = night.job(is_one=False)
        deliver(other, folder, "1.gafgyt.tcp.csv", 30)
        night.score(other)
        assert night.read()
        night.finish(night.run if is_one else other)
        changed = ROWS - 40 + 30
        assert night.read() == {"explain": changed, "monitor": changed}
        tables.append(content(night.root))
    assert tables[0] == tables[1]
    explained = [row for row in tables[0]["explanations"] if row["family"] == "gafgyt"]
    assert len(explained) == 30
