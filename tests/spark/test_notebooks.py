"""The notebooks run from the first cell to the last on a finished night, and lie here empty."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest

from run_notebooks import NOTEBOOKS, run

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse

PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_holds_no_results(path: Path) -> None:
    """Outputs and counts change with every run and may show rows, so they are not kept."""
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells
    for cell in notebook.cells:
        assert not cell.get("outputs")
        assert cell.get("execution_count") is None
        assert cell.metadata == {}


@pytest.mark.spark
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, night: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every cell runs, and the checks in them hold."""
    # The second compiler of a Java that lives for seconds would never earn back what it costs.
    monkeypatch.setenv("JDK_JAVA_OPTIONS", "-XX:TieredStopAtLevel=1")
    done = run(path, Path(night.root))
    assert all(cell.execution_count for cell in done.cells if cell.cell_type == "code")
