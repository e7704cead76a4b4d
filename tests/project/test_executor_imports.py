"""Tasks import what the packed environment holds, and nothing that only the driver has."""

from __future__ import annotations

import re
import runpy
import subprocess
import sys
import textwrap
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "lib"
HANDS_OUT = re.compile(
    r"(?<!def )\b(applyInArrow|applyInPandas|arrow_udf|mapInArrow|mapInPandas|pandas_udf"
    r"|run_tasks|map_records|map_tasks|fold_records|fold_files|collect_records)\("
)
TASKS = {
    "iotscore.evaluation.histogram",
    "iotscore.explain.stage",
    "iotscore.ingest.chunk_reader",
    "iotscore.ingest.quarantine",
    "iotscore.ingest.stage",
    "iotscore.monitoring.tasks",
    "iotscore.sampling.every_nth",
    "iotscore.sampling.fraction",
    "iotscore.sampling.lowest_hashes",
    "iotscore.sampling.training_sample",
    "iotscore.scoring.batch_minmax",
    "iotscore.scoring.stage",
    "iotscore.verify.key_counts",
    "iotscore.warehouse.delta_rs.warehouse",
    "iotscore.warehouse.delta_spark.batch_functions",
    "iotscore.warehouse.spark_frames",
}
"""The modules whose functions tasks call, wherever they lie: each is imported on every node."""
DRIVERS = {"iotscore.warehouse.delta_spark.warehouse"}
"""It hands out functions that name nothing of the module itself."""

IMPORT = """
    import importlib, sys

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {absent!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}")

    sys.meta_path.insert(0, Absent())
    importlib.import_module({module!r})
"""


def handing_out() -> set[str]:
    """Return the modules that hand functions out to tasks."""
    return {
        ".".join(path.relative_to(LIB).with_suffix("").parts)
        for path in LIB.rglob("*.py")
        if HANDS_OUT.search(path.read_text("utf-8"))
    }


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the zip that executors get."""
    path = tmp_path_factory.mktemp("dist") / "iotscore.zip"
    build = runpy.run_path(str(ROOT / "scripts" / "build_zip.py"))
    path.write_bytes(build["archive"](LIB))
    return path


@pytest.fixture(scope="module")
def absent() -> set[str]:
    """Return the packages by import name that a node of a cluster lacks."""
    build = runpy.run_path(str(ROOT / "scripts" / "build_environment.py"))
    present = {one.name for one in build["needed"]()} | {"pyspark", "py4j", "iotscore"}
    return {
        package
        for package, owners in metadata.packages_distributions().items()
        if present.isdisjoint(owners)
    }


def run(module: str, archive: Path, absent: set[str]) -> subprocess.CompletedProcess[str]:
    """Import a module from the zip, where some packages are missing."""
    code = textwrap.dedent(IMPORT).format(absent=absent, module=module)
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=archive.parent,
        env={"PYTHONPATH": str(archive)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_module_of_tasks_is_known() -> None:
    """A module that is moved, or a new one that hands functions out, must be named here."""
    assert handing_out() == TASKS | DRIVERS


@pytest.mark.parametrize("module", sorted(TASKS))
def test_a_task_finds_all_that_it_imports(module: str, archive: Path, absent: set[str]) -> None:
    """Each module of tasks imports on a node, from what the node gets of us."""
    done = run(module, archive, absent)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_only_the_driver_needs_does_not_import_there(archive: Path, absent: set[str]) -> None:
    """The absence is real: neither the driver's terminal nor research code is on a node."""
    assert {"rich", "tensorflow", "sklearn", "pydantic"} <= absent
    assert "No module named 'rich'" in run("iotscore.cli.console", archive, absent).stderr
    for module in ("iotscore.research", "iotscore.simulate"):
        assert f"No module named '{module}'" in run(module, archive, absent).stderr
