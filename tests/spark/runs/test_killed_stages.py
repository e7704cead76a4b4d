"""Jobs killed between any two of their commits, started again, and the tables they leave.

A night in this process leaves copies of the warehouse as it is after every commit, which is what a
process that is killed there leaves. Twice the job is a real process that is killed with all of its
group, to see that it does.
"""

from __future__ import annotations

import functools
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from deltalake import DeltaTable

from commit_points import NIGHTS, Night
from iotscore import failpoints
from iotscore.runs.run_log import recover
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import STAGING
from night_stages import Stages
from spark_fixtures import SHORT_LIVED
from storage_runs import IS_LONG_RUN
from warehouse_content import content, copied

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from pyspark.sql import SparkSession

    from iotscore.config import Settings

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]

KILLS = [
    (kind, stage, point)
    for kind, night in NIGHTS.items()
    for stage, points in night.points.items()
    for point in points
    # Where it is like the first night's, once is enough.
    if kind == "first" or point.startswith(("replace", "delete"))
]
REAL_KILLS = [("first", "ingest", "append quarantine"), ("changed", "score", "replace scores")]
"""A job that is killed has children that die with it, or do not; its tables are the same."""

kept_content = functools.cache(content)
"""The content of a warehouse that nobody writes any more."""


def statuses(folder: Path) -> pd.DataFrame:
    """Return run, stage and status of every row of ``runs``."""
    frame = DeltaTable(str(folder / "runs")).to_pandas()
    return frame[["run_id", "stage", "status"]]


@pytest.fixture(scope="module")
def landings(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[bool, Path]:
    """Return the landing folder of a first night, and of the next: ``[is_next]``.

    Both have a damaged line. A refused file would end ``ingest`` with its error, after all work.
    """
    folder = tmp_path_factory.mktemp("killed")
    first = shutil.copytree(landing, folder / "first")
    with (first / "1.benign.csv").open("a", encoding="utf-8") as file:
        file.write("1,2,not a record\n")
    (first / "data_summary.csv").unlink()
    later = shutil.copytree(first, folder / "next")
    header, *lines = (
        (later / "2.mirai.syn.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    )
    changed = (later / "1.benign.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (later / "1.benign.csv").write_text("".join(changed[:60] + changed[-1:]), encoding="utf-8")
    (later / "2.2026-11-21.csv").write_text("".join([header, *lines[:20]]), encoding="utf-8")
    return {False: first, True: later}


class Bases(NamedTuple):
    """Warehouses before each stage of a kind of night, and ``done`` after the last one."""

    folder: Path
    reached: list[str]
    """All points of the night in which nothing was killed."""

    def at(self, stage: str, point: str) -> Path:
        """Return the warehouse as it was at a point of a stage."""
        return self.folder / "at" / stage / point


@pytest.fixture(scope="module")
def run_on(
    _session: SparkSession, settings: Callable[..., Settings]
) -> Callable[[str, Night], Stages]:
    """Return a maker of what runs stages on a warehouse, after undoing what a killed one left."""

    def make(root: str, night: Night) -> Stages:
        warehouse = open_warehouse(_session, root)
        recover(warehouse)
        return Stages(warehouse, settings(night.profile, *night.settings), are_one_job=True)

    return make


@pytest.fixture(scope="module")
def bases(
    run_on: Callable[[str, Night], Stages],
    _night: Callable[[str], Path],
    landings: dict[bool, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Callable[[str], Bases]:
    """Return a maker of bases, each made once."""
    made: dict[str, Bases] = {}

    def make(kind: str) -> Bases:
        if kind not in made:
            night = NIGHTS[kind]
            folder = tmp_path_factory.mktemp(kind)
            work = folder / "work"
            if kind == "first":
                work.mkdir()
            else:
                before = make("first").folder / "done" if kind == "changed" else _night("paper")
                shutil.copytree(before, work)
            run = run_on(str(work), night)
            made[kind] = Bases(folder, [])
            for stage in night.stages:
                shutil.copytree(work, folder / stage)

                def reach(point: str, stage: str = stage) -> None:
                    made[kind].reached.append(point)
                    place = made[kind].at(stage, point)
                    if point in night.points.get(stage, ()) and not place.exists():
                        shutil.copytree(work, place)

                with pytest.MonkeyPatch.context() as patch:
                    patch.setattr(failpoints, "hit", reach)
                    start(run, stage, landings[kind != "first"])
            work.rename(folder / "done")
        return made[kind]

    return make


def start(run: Stages, stage: str, landing: Path) -> None:
    """Run a stage in this process."""
    getattr(run, stage)(*([landing] if stage == "ingest" else []))


def kill(
    point: str, job: str, warehouse: Path, landing: Path, night: Night, options: tuple[str, str]
) -> None:
    """Start a job that dies at a point, and see that it did."""
    reads = ("--input", landing) if job == "ingest" else ()
    told = [part for assignment in night.settings for part in ("--set", assignment)]
    command = (job, *reads, "--warehouse", warehouse, "--profile", night.profile, *told)
    done = subprocess.run(
        [ROOT / "spark-submit.sh", *command, "--", *options],
        env={**os.environ, failpoints.POINT: point},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # its own process group, which dies as a whole
    )
    assert done.returncode == -signal.SIGKILL, done.stderr[-2000:]


class _Crash(BaseException):
    """What ends a recovery in this process, and is undone by nobody."""


@pytest.mark.parametrize("kind", NIGHTS)
def test_every_commit_is_a_point(kind: str, bases: Callable[[str], Bases]) -> None:
    """The points of a night are all of its commits, so jobs are killed between any two."""
    folder, reached = bases(kind)
    night = NIGHTS[kind]
    # What is appended to runs has a point of its own, with the stage's name.
    told = [point for point in reached if point != "append runs"]
    for stage, points in night.points.items():
        first, last = (told.index(f"{stage} {status}") for status in ("running", "done"))
        assert tuple(told[first : last + 1]) == tuple(p for p in points if p != "create runs")
    commits = {
        name: sum(DeltaTable(str(log.parent)).version() + 1 for log in which.glob("*/_delta_log"))
        for name, which in ((stage, folder / stage) for stage in (night.stages[0], "done"))
    }
    lasting = [point for point in told if STAGING not in point]
    assert len(lasting) == commits["done"] - commits[night.stages[0]]


@pytest.mark.proves_storage(
    place="`s3:` warehouse (moto)",
    data="260 records; a second night of 25",
    compared="a kill between two commits leaves no trace: two kills, and in `make test-storage` "
    "between any two commits of three kinds of nights, 63 in all",
)
@pytest.mark.parametrize(
    ("case", "how"),
    [
        *((one, "copy") for one in KILLS),
        *((one, "process") for one in REAL_KILLS),
        *((one, "s3") for one in (KILLS if IS_LONG_RUN else REAL_KILLS)),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else None,
)
def test_a_killed_stage_leaves_no_trace(
    case: tuple[str, str, str],
    how: str,
    bases: Callable[[str], Bases],
    run_on: Callable[[str, Night], Stages],
    landings: dict[bool, Path],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> None:
    """What it left is undone, or its work was done; started again, it does it once.

    What is started again starts from the same tables wherever it was killed, so it is once a stage:
    where most was undone.
    """
    kind, stage, point = case
    night, folder = NIGHTS[kind], tmp_path / "warehouse"
    source, base = landings[kind != "first"], bases(kind).folder
    before, after = (kept_content(base / name) for name in (stage, night.after(stage)))
    if how == "process":
        shutil.copytree(base / stage, folder)
        kill(point, stage, folder, source, night, SHORT_LIVED)
    else:
        shutil.copytree(bases(kind).at(stage, point), folder)
    root = str(folder)
    if how == "s3":
        root = copied(root, f"{request.getfixturevalue('bucket')}/warehouse")

    def there() -> Path:
        """Return the warehouse as a local folder."""
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
        return folder if how != "s3" else Path(copied(root, str(tmp_path / "copy")))

    run = run_on(root, night)
    is_done = point in night.points[stage][-2:]
    assert content(there()) == (after if is_done else before)
    undone = [p for p in night.points[stage][:-2] if p.startswith(("append", "replace", "delete"))]
    if undone[-1:] == [point]:
        start(run, stage, source)
        assert content(there()) == after
    ends = statuses(there()).groupby(["run_id", "stage"])["status"].apply(set)
    assert all(found > {"running"} for found in ends)
    is_ended = point in (f"{stage} done", "create runs")
    assert any("interrupted" in found for found in ends) == (not is_ended)


def test_a_recovery_that_is_killed_goes_on(
    bases: Callable[[str], Bases],
    run_on: Callable[[str, Night], Stages],
    landings: dict[bool, Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The job that undoes what a killed one left may be killed as well."""
    night, folder = NIGHTS["changed"], tmp_path / "warehouse"
    shutil.copytree(bases("changed").at("ingest", "append quarantine"), folder)

    def reach(point: str) -> None:
        if point == "restore traffic":
            raise _Crash

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "hit", reach)
        with pytest.raises(_Crash):
            run_on(str(folder), night)
    start(run_on(str(folder), night), "ingest", landings[True])
    assert content(folder) == kept_content(bases("changed").folder / "score")
