"""Disks that are full, warehouses that cannot be written, two jobs at once."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from spark_fixtures import SHORT_LIVED
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pandas as pd

    RunJob = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def table(warehouse: Path, name: str) -> pd.DataFrame:
    """Return a table in the order of its keys."""
    frame = DeltaTable(str(warehouse / name)).to_pandas()
    keys = [key for key in ("file_id", "row_no", "run_id", "status") if key in frame]
    return frame.sort_values(keys, ignore_index=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Return a function that mounts a disk of its own with some options, or mounts it anew."""
    place = tmp_path / "disk"
    place.mkdir()

    def mount(options: str) -> Path:
        again = "remount," if place.is_mount() else ""
        command = ["mount", "-t", "tmpfs", "-o", again + options, "tmpfs", place]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"this user cannot mount a disk: {done.stderr.strip()}")
        return place

    yield mount
    if place.is_mount():
        subprocess.run(["umount", place], check=True)


def test_a_full_or_locked_disk_loses_nothing(
    disk: Callable[[str], Path], landing: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """A clear error, the tables of before, and the next night on a mended disk completes."""
    warehouse = disk("size=1500k") / "warehouse"
    folder = shutil.copytree(landing, tmp_path / "landing")
    command = ("ingest", "--input", folder, "--warehouse", warehouse)
    assert run_job(*command).returncode == 0
    before = table(warehouse, "traffic")

    write_traffic(folder / "1.2026-11-25.csv", make_features(4000, 5))
    full = run_job(*command)
    assert full.returncode == 2, full.stderr[-2000:]
    assert full.stderr.strip().splitlines()[-1].startswith("iotscore ingest: the disk is full")
    assert table(warehouse, "traffic").equals(before)

    disk("size=100m,ro")
    locked = run_job(*command)
    assert locked.returncode == 2, locked.stderr[-2000:]
    assert "cannot write the warehouse" in locked.stderr.strip().splitlines()[-1]

    disk("size=100m,rw")
    assert run_job(*command).returncode == 0
    after = table(warehouse, "traffic")
    assert len(after) == len(before) + 4000
    assert not after.duplicated(["file_id", "row_no"]).any()
    ends = table(warehouse, "runs").groupby("run_id")["status"].apply(set)
    assert all(found > {"running"} for found in ends)


def test_of_two_jobs_at_once_one_works(landing: Path, tmp_path: Path) -> None:
    """The other ends with a clear message, and every record is there once.

    Here are two jobs; ``make soak`` starts twenty more pairs.
    """
    warehouse, folder = tmp_path / "warehouse", tmp_path / "landing"
    folder.mkdir()
    shutil.copy(landing / "1.2026-11-20.csv", folder)
    command = [ROOT / "spark-submit.sh", "ingest", "--input", folder, "--warehouse", warehouse]
    both = [
        subprocess.Popen(
            [*command, "--", *SHORT_LIVED], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    told = [job.communicate()[1].decode() for job in both]
    codes = [job.returncode for job in both]
    assert sorted(codes) in ([0, 2], [0, 0]), told
    for code, text in zip(codes, told, strict=True):
        assert code == 0 or "another job is writing the warehouse" in text
    records = table(warehouse, "traffic")
    assert len(records) == 30
    assert not records.duplicated(["file_id", "row_no"]).any()
