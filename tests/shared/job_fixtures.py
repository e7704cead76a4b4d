"""Fixtures of real jobs, each a process that ``spark-submit.sh`` starts."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spark_fixtures import SHORT_LIVED

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
_BY_SCORING = (
    *("scores", "scored_files", "score_histogram", "metrics", "roc_points"),
    *("explanations", "incidents", "explained_files"),
    *("drift", "alerts", "notifications", "monitored_files"),
)
"""What scoring and the stages after it write."""
_ELSEWHERE = """<configuration>
  <property><name>fs.defaultFS</name><value>hdfs://nowhere.invalid:8020</value></property>
</configuration>
"""


@pytest.fixture(scope="session")
def first_night(made_once: Callable[..., Path], landing: Path) -> Path:
    """Return a folder with the ``warehouse`` of a night on a few made-up files; copy, do not write.

    The night is run as cron would: hardly an environment, in a folder with an accent, beside a
    Hadoop that is elsewhere. What it printed is in ``stdout.txt`` and ``stderr.txt``.
    """

    def run(folder: Path) -> None:
        shutil.copytree(landing, folder / "in")
        (folder / "scratch").mkdir()
        (folder / "hadoop").mkdir()
        (folder / "hadoop" / "core-site.xml").write_text(_ELSEWHERE)
        quick = ("--set", "detectors.lstm.min_updates=0")
        done = subprocess.run(
            [
                *(ROOT / "spark-submit.sh", "nightly", "--input", folder / "in", *quick),
                *("--warehouse", folder / "warehouse", "--", *SHORT_LIVED),
            ],
            capture_output=True,  # so it ends when all of its processes have
            check=False,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "HADOOP_CONF_DIR": str(folder / "hadoop"),
                "TMPDIR": str(folder / "scratch"),
            },
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        (folder / "stdout.txt").write_bytes(done.stdout)
        (folder / "stderr.txt").write_bytes(done.stderr)

    return made_once("première-nuit", run)


@pytest.fixture(scope="session")
def copy_unscored() -> Callable[[Path, Path], Path]:
    """Return a function that copies a warehouse as it was before it was scored."""
    left_out = shutil.ignore_patterns(*_BY_SCORING)
    return lambda night, folder: shutil.copytree(night, folder, ignore=left_out)


@pytest.fixture(scope="session")
def submit() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ./spark-submit.sh as a user would, from another folder."""

    def run(
        *arguments: str | Path,
        environment: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "spark-submit.sh", *map(str, arguments), "--", *SHORT_LIVED, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={**os.environ, **(environment or {})},
        )

    return run
