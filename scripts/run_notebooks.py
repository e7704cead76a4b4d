"""Run the notebooks on a warehouse and keep them with their results.

``python scripts/run_notebooks.py WAREHOUSE OUT``: those in ``notebooks/`` stay as they are.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SECONDS = 600
"""A cell that takes longer hangs."""


def run(path: Path, warehouse: Path) -> nbformat.NotebookNode:
    """Return a notebook with the results that its cells have on a warehouse."""
    environment = {**os.environ, "IOTSCORE_WAREHOUSE": str(warehouse)}
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=SECONDS,
        resources={"metadata": {"path": str(path.parent)}},
        extra_arguments=["--log-level=ERROR"],
    )
    done: nbformat.NotebookNode = client.execute(env=environment)
    return done


def main(warehouse: Path, out: Path) -> None:
    """Run every notebook."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        print(f"running {path.name}")
        nbformat.write(run(path, warehouse), out / path.name)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())
