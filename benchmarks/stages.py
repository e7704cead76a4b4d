"""The project's own jobs as contenders, each started by ``spark-submit.sh``."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cores import ONE_THREAD
from processes import run
from traffic import stage_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from processes import Outcome

ROOT: Final = Path(__file__).resolve().parent.parent
HERE: Final = Path(__file__).resolve().parent
STAGES: Final = ("ingest", "train", "score", "evaluate", "explain", "monitor")
MODEL: Final = ("models", "model_aliases")
"""The tables that hold a fitted model."""
_PREPARED: Final = ("traffic", "ingest_files", *MODEL)
"""What scoring reads; it writes none of them."""


class Place:
    """Where a benchmark of some size keeps its files.

    Attributes
    ----------
    data
        Demo data, kept for the next run; all else is made again.
    warehouse
        Warehouse with ``traffic`` and the fitted model that all contenders share.
    model
        Warehouse with nothing but the model that a whole night fitted.
    reference
        The same model for scikit-learn and Keras.
    subset
        Rows of ``traffic`` for the naive contender.
    scratch
        What one measurement writes; emptied before each.
    log
        Standard error of everything that ran.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.warehouse = folder / "warehouse"
        self.model = folder / "model"
        self.reference = folder / "reference"
        self.subset = folder / "subset"
        self.scratch = folder / "scratch"
        self.log = folder / "log.txt"

    def empty(self, *folders: Path) -> None:
        """Delete what earlier measurements left in folders of this place."""
        for folder in folders:
            # Links to the prepared tables go, the tables stay: rmtree does not follow links.
            shutil.rmtree(folder, ignore_errors=True)

    def fresh_scratch(self) -> Path:
        """Return the scratch folder, new and empty."""
        self.empty(self.scratch)
        self.scratch.mkdir(parents=True)
        return self.scratch

    def unscored(self) -> Path:
        """Return a warehouse with the prepared records and model, and no scores."""
        return _linked(_PREPARED, self.warehouse, self.fresh_scratch() / "warehouse")

    def keep_model(self) -> None:
        """Keep the model of the night in the scratch folder for contenders that need no more."""
        self.empty(self.model)
        for table in MODEL:
            shutil.copytree(self.scratch / "warehouse" / table, self.model / table)


def with_model(source: Path, warehouse: Path) -> Path:
    """Return a new warehouse that holds nothing but the model of another."""
    return _linked(MODEL, source, warehouse)


def _linked(tables: Sequence[str], source: Path, warehouse: Path) -> Path:
    warehouse.mkdir()
    for table in tables:
        (warehouse / table).symlink_to(source / table, target_is_directory=True)
    return warehouse


def measure_script(
    place: Place,
    script: str,
    *arguments: str | Path,
    threads: int | None,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run a contender of this folder and return what it printed, with wall time and memory.

    ``threads`` is 1 where processes own a core each; None leaves it to the libraries.
    """
    # One entry in front: Spark's own workers find the project and this folder by it, too.
    path = os.pathsep.join([str(ROOT / "lib"), str(HERE)])
    environment = {"PYTHONPATH": path, "PYSPARK_PYTHON": sys.executable}
    environment |= variables or {}
    if threads == 1:
        environment |= ONE_THREAD
    outcome = run([sys.executable, HERE / script, *arguments], place.log, environment)
    return {**outcome.last_json(), **_costs(outcome)}


def measure_job(
    place: Place,
    job: str,
    warehouse: Path | str,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Run one job and return its stage's rows and seconds, wall time and memory.

    ``folder`` is where the files of a warehouse lie that is given by a URI.
    """
    outcome = _submit(place, job, warehouse, environment=environment)
    return {**_stage(folder or Path(warehouse), job), **_costs(outcome)}


def measure_nightly(place: Place) -> dict[str, Any]:
    """Run a whole night into an empty warehouse; the seconds are those on the wall."""
    warehouse = place.fresh_scratch() / "warehouse"
    outcome = _submit(place, "nightly", warehouse)
    stages = {name: _stage(warehouse, name) for name in STAGES}
    return {
        "rows": stages["score"]["rows"],
        "seconds": outcome.wall_seconds,
        "stages": stages,
        **_costs(outcome),
    }


def measure_nothing_new(place: Place) -> dict[str, Any]:
    """Run a night again, on the warehouse that :func:`measure_nightly` left."""
    outcome = _submit(place, "nightly", place.scratch / "warehouse")
    return {"rows": 0, "seconds": outcome.wall_seconds, **_costs(outcome)}


def measure_increments(place: Place, rows: int, times: int) -> list[dict[str, Any]]:
    """Run nights of new records on the warehouse that :func:`measure_nightly` left.

    Each is also run on a warehouse that holds nothing but the model; its seconds are
    ``alone_seconds``. The files are unlabelled captures, other ones each time.
    """
    grown = place.scratch / "warehouse"
    found = []
    for number in range(1, times + 1):
        landing = new_captures(place, rows, number)
        alone = with_model(grown, place.scratch / f"alone-{number}")
        # In turn, the other one first every second time.
        warehouses = [grown, alone] if number % 2 else [alone, grown]
        outcomes = {w: _submit(place, "nightly", w, landing) for w in warehouses}
        found.append(
            {
                "round": number,
                "rows": _stage(alone, "score")["rows"],
                "seconds": outcomes[grown].wall_seconds,
                "alone_seconds": outcomes[alone].wall_seconds,
                **_costs(outcomes[grown]),
            }
        )
    return found


def new_captures(place: Place, rows: int, number: int) -> Path:
    """Return a folder of files named as a night's captures, with simulated records."""
    made, landing = place.scratch / f"made-{number}", place.scratch / f"night-{number}"
    command = ("--rows", str(rows), "--out", made, "--seed", str(1000 + number))
    run([sys.executable, "-m", "iotscore.simulate", *command], place.log)
    landing.mkdir()
    for path in sorted(made.glob("[0-9].*.csv")):
        device, *kind = path.stem.split(".")
        path.rename(landing / f"{device}.2026-01-{number:02d}.{'-'.join(kind)}.csv")
    return landing


def _submit(
    place: Place,
    job: str,
    warehouse: Path | str,
    landing: Path | None = None,
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    reads_input = ("--input", landing or place.data) if job in ("ingest", "nightly") else ()
    # A night is what users run; single stages are compared with libraries that do the same.
    compared = () if job == "nightly" else ("--config", HERE / "two_detectors.yaml")
    command = (ROOT / "spark-submit.sh", job, *reads_input, "--warehouse", warehouse, *compared)
    return run(command, place.log, environment)


def _stage(warehouse: Path, stage: str) -> dict[str, Any]:
    row = stage_run(warehouse, stage)
    found = {"rows": row["rows"], "seconds": row["seconds"]}
    for name in ("peak_memory_bytes", "driver_memory_bytes"):
        if row.get(name) is not None:
            found[name] = row[name]
    return found


def _costs(outcome: Outcome) -> dict[str, Any]:
    return {"wall_seconds": outcome.wall_seconds, "peak_bytes": outcome.peak_bytes}
