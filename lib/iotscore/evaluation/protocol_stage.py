"""Labelled rows of the warehouse to the figures of an evaluation protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from iotscore.errors import InputError
from iotscore.evaluation.protocols import Options, Sample, SampleFile, evaluate
from iotscore.evaluation.stage import data_kind
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES, KEY, UNKNOWN_DEVICE
from iotscore.ingest.plan import INGESTED
from iotscore.warehouse.delta_rs.row_groups import feature_matrix, read_batches, row_groups

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from iotscore.detect.fit import FitProgress, FitSettings
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse

_BATCH_ROWS = 10_000


@dataclass(frozen=True)
class ProtocolOptions:
    """How to evaluate by a protocol; ``conf/base.yaml`` explains each value.

    Attributes
    ----------
    most_benign_rows, most_attack_rows
        Most rows of a file that are brought to the driver, evenly spread over it.
    file_weights
        Records by file name that each file's rows stand for; None: the rows that it has.
    """

    name: str
    most_benign_rows: int
    most_attack_rows: int
    file_weights: Mapping[str, int] | None
    measured: Options
    model: FitSettings


def evaluate_protocol(
    warehouse: Warehouse,
    options: ProtocolOptions,
    run_id: str,
    stage: Stage,
    progress: FitProgress | None = None,
) -> list[dict[str, Any]]:
    """Fit and measure by a protocol on labelled rows of ``traffic``, and store the figures.

    Returns
    -------
    list of dict
        The rows that were added to ``protocol_figures``.

    Raises
    ------
    InputError
        There are no benign rows, or no attacks.
    """
    sample = read_sample(warehouse, options)
    fit = fit_of(options.model, progress)
    figures = evaluate(sample, fit, options.name, options.measured)
    stage.rows = sample.row_no.size
    stage.details = {"protocol": options.name, "files": len(sample.files)}
    stamp = {
        "run_id": run_id,
        "data_kind": data_kind(warehouse),
        "evaluated_at": datetime.now(UTC),
    }
    rows = [{**figure, **stamp} for figure in figures]
    warehouse.append_rows("protocol_figures", rows)
    return rows


def read_sample(warehouse: Warehouse, options: ProtocolOptions) -> Sample:
    """Bring every n-th row of each labelled file to the driver, n so that few enough are left."""
    ledger = warehouse.rows("ingest_files", status=INGESTED)
    labelled = sorted(
        (row for row in ledger if row["label"] is not None and row["rows_accepted"]),
        key=lambda row: str(row["source_file"]),
    )
    if weights := options.file_weights:
        labelled = [row for row in labelled if row["source_file"] in weights]
    if {row["label"] for row in labelled} != {0, 1}:
        message = (
            f"a protocol needs benign and attack records, and the {len(labelled)} labelled files "
            f"in {warehouse.root} are not of both kinds: ingest both, and check "
            "evaluate.file_weights"
        )
        raise InputError(message)
    steps = {row["file_id"]: _step(row, options) for row in labelled}
    place = {row["file_id"]: position for position, row in enumerate(labelled)}
    parts = [_part(rows, place) for rows in _chosen(warehouse, labelled, steps)]
    file_index, row_no, features = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((row_no, file_index))
    drawn = np.bincount(file_index, minlength=len(labelled))
    files = tuple(
        _file(row, (weights or {}).get(row["source_file"], row["rows_read"]) / max(rows, 1))
        for row, rows in zip(labelled, drawn.tolist(), strict=True)
    )
    return Sample(features[order], FEATURES, file_index[order], row_no[order], files)


def _step(row: Mapping[str, Any], options: ProtocolOptions) -> int:
    most = options.most_attack_rows if row["label"] else options.most_benign_rows
    return max(1, -(-int(row["rows_read"]) // most))


def _file(row: Mapping[str, Any], weight: float) -> SampleFile:
    number = row["device_id"]
    return SampleFile(
        source_file=row["source_file"],
        device_id=UNKNOWN_DEVICE if number is None else number,
        device=row["device"],
        family=row["family"],
        attack=row["attack"],
        is_attack=row["label"] == 1,
        rows=row["rows_read"],
        weight=weight,
    )


def _chosen(
    warehouse: Warehouse, labelled: Sequence[Mapping[str, Any]], steps: Mapping[str, int]
) -> Iterator[pa.Table]:
    """Yield the chosen rows of ``traffic``, some at a time."""
    if not warehouse.is_direct:
        of_file = warehouse.spark.createDataFrame(list(steps.items()), "file_id string, step long")
        rows = warehouse.read("traffic").join(F.broadcast(of_file), "file_id")
        chosen = rows.where((F.col("row_no") - 1) % F.col("step") == 0)
        yield chosen.select(*KEY, *FEATURES).toArrow()
        return
    runs = sorted({row["run_id"] for row in labelled})
    paths = warehouse.data_files("traffic", file_id=sorted(steps), ingest_run=runs)
    for rows in read_batches(row_groups(paths), KEY, pa.array(sorted(steps)), _BATCH_ROWS):
        step = np.array([steps[file] for file in rows.column("file_id").to_pylist()])
        chosen = (rows.column("row_no").to_numpy() - 1) % step == 0
        if chosen.any():
            yield rows.filter(pa.array(chosen))


def _part(rows: pa.Table, place: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return file index, row number and features."""
    files: Iterable[str] = rows.column("file_id").to_pylist()
    index = np.array([place[file] for file in files], dtype=np.int64)
    row_no = rows.column("row_no").to_numpy()
    return index, row_no, np.ascontiguousarray(feature_matrix(rows))
