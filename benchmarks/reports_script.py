"""The published baseline: one process, pandas reads the CSVs, scikit-learn and Keras score.

``python benchmarks/reports_script.py --input DIR --reference DIR --rows 200000``

Of each file the same share is read. Keras predicts each 10,000-row batch twice: in its default
steps of 32 rows, and in one step.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

import reference
from ingest_limit import traffic_files
from iotscore.features import SOURCE_FEATURES
from reference import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Batch = npt.NDArray[Any]

KERAS_STEP = 32
"""Default ``batch_size`` of Keras' ``predict``."""


def _wanted(folder: Path, share: float) -> dict[Path, int]:
    """Return how many rows to read of each file: the share, at least one."""
    wanted = {}
    for path in traffic_files(folder):
        with path.open("rb") as lines:
            rows = sum(1 for _ in lines) - 1
        wanted[path] = max(1, round(rows * share))
    return wanted


def _timed(batches: list[Batch], work: Callable[[Batch], object]) -> float:
    started = time.perf_counter()
    for batch in batches:
        work(batch)
    return time.perf_counter() - started


def main() -> None:
    """Read, scale and score; print the seconds of each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--rows", type=int, required=True)
    parser.add_argument("--of", type=int, required=True, help="rows of all files together")
    arguments = parser.parse_args()
    models = reference.load(arguments.reference, one_thread=False)
    wanted = _wanted(arguments.input, min(1.0, arguments.rows / arguments.of))
    started = time.perf_counter()
    frame = pd.concat([pd.read_csv(path, nrows=rows) for path, rows in wanted.items()])
    read_seconds = time.perf_counter() - started
    values = frame[list(SOURCE_FEATURES)].to_numpy()
    batches = [values[start : start + BATCH_ROWS] for start in range(0, len(values), BATCH_ROWS)]
    # The first call builds TensorFlow's graph, one for each shape.
    first = models.scaled(batches[0])
    for step in (KERAS_STEP, BATCH_ROWS):
        models.network_scores(first, step)
    scaled: list[Batch] = []
    scale_seconds = _timed(batches, lambda batch: scaled.append(models.scaled(batch)))
    forest_seconds = _timed(scaled, models.forest_scores)
    network_seconds = {
        step: _timed(scaled, lambda batch, step=step: models.network_scores(batch, step))  # type: ignore[misc]
        for step in (KERAS_STEP, BATCH_ROWS)
    }
    shared = scale_seconds + forest_seconds
    print(
        json.dumps(
            {
                "rows": len(values),
                "read_seconds": read_seconds,
                "scale_seconds": scale_seconds,
                "forest_seconds": forest_seconds,
                "seconds": shared + network_seconds[KERAS_STEP],
                "large_step_seconds": shared + network_seconds[BATCH_ROWS],
            }
        )
    )


if __name__ == "__main__":
    main()
