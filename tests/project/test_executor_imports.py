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
SPARK = ROOT / "lib" / "iotscore" / "spark"
CALLS_A_FUNCTION = re.compile(r"\b(mapInArrow|run_tasks|run_arrow_tasks)\(")
ONLY_ON_THE_DRIVER = {"explain", "tables"}
"""The tasks of one are functions of ``explain_files``; that of the other names nothing of ours."""

IMPORT = """
    import importlib, sys

    class Absent:
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in {absent!r}:
                raise ModuleNotFoundError(f"No module named {{name!r}}")

    sys.meta_path.insert(0, Absent())
    importlib.import_module({module!r})
"""


def task_modules() -> list[str]:
    """Return the modules whose functions tasks call."""
    named = {path.stem for path in SPARK.glob("*.py") if CALLS_A_FUNCTION.search(path.read_text())}
    return sorted(named - ONLY_ON_THE_DRIVER | {"explain_files", "scorer"})


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


def run(module: str, absent: set[str]) -> subprocess.CompletedProcess[str]:
    """Import a module where some packages are missing."""
    code = textwrap.dedent(IMPORT).format(absent=absent, module=module)
    return subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(ROOT / "lib")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", task_modules())
def test_a_task_finds_all_that_it_imports(module: str, absent: set[str]) -> None:
    """Each module of tasks imports on a node."""
    done = run(f"iotscore.spark.{module}", absent)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_only_the_driver_needs_does_not_import_there(absent: set[str]) -> None:
    """The absence is real: the driver's progress line fails on a node."""
    assert {"rich", "tensorflow", "sklearn", "pydantic"} <= absent
    assert "No module named 'rich'" in run("iotscore.warehouse.progress", absent).stderr
