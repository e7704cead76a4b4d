"""Labelled rows of the warehouse to the figures of an evaluation protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from iotscore.errors import InputError
from iotscore.evaluation.protocols import Options, Sample, SampleFile, evaluate
from iotscore.evaluation.stage import data_kind
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES, KEY, UNKNOWN_DEVICE
from iotscore.sampling.every_nth import Steps, draw
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from iotscore.detect.fit import FitProgress, FitSettings
    from iotscore.models.context import Context


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


@dataclass(frozen=True)
class ProtocolResult:
    """What a protocol measured.

    Attributes
    ----------
    protocol
        Its name.
    rows, files
        Records and files that it was measured on.
    figures
        The rows that were added to ``protocol_figures``.
    """

    protocol: str
    rows: int
    files: int
    figures: list[dict[str, Any]]

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        return {"protocol": self.protocol, "files": self.files}


def evaluate_protocol(
    context: Context, options: ProtocolOptions, progress: FitProgress | None = None
) -> ProtocolResult:
    """Fit and measure by a protocol on labelled rows of ``traffic``, and store the figures.

    Raises
    ------
    InputError
        There are no benign rows, or no attacks.
    """
    sample = read_sample(context, options)
    fit = fit_of(options.model, progress)
    figures = evaluate(sample, fit, options.name, options.measured)
    stamp = {
        "run_id": context.run_id,
        "data_kind": data_kind(context.ingested.values()),
        "evaluated_at": datetime.now(UTC),
    }
    rows = [{**figure, **stamp} for figure in figures]
    context.warehouse.append("protocol_figures", rows)
    return ProtocolResult(options.name, sample.row_no.size, len(sample.files), rows)


def read_sample(context: Context, options: ProtocolOptions) -> Sample:
    """Bring every n-th row of each labelled file to the driver, n so that few enough are left."""
    ledger = context.ingested.values()
    labelled = sorted(
        (row for row in ledger if row["label"] is not None and row["rows_accepted"]),
        key=lambda row: str(row["source_file"]),
    )
    if weights := options.file_weights:
        labelled = [row for row in labelled if row["source_file"] in weights]
    if {row["label"] for row in labelled} != {0, 1}:
        message = (
            f"a protocol needs benign and attack records, and the {len(labelled)} labelled files "
            f"in {context.warehouse.root} are not of both kinds: ingest both, and check "
            "evaluate.file_weights"
        )
        raise InputError(message)
    steps = [Steps(row["file_id"], row["run_id"], 0, _step(row, options)) for row in labelled]
    place = {row["file_id"]: position for position, row in enumerate(labelled)}
    drawn = draw(context.warehouse, steps, (*KEY, *FEATURES))
    parts = [_part(rows, place) for rows in drawn]
    file_index, row_no, features = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((row_no, file_index))
    counts = np.bincount(file_index, minlength=len(labelled))
    files = tuple(
        _file(row, (weights or {}).get(row["source_file"], row["rows_read"]) / max(rows, 1))
        for row, rows in zip(labelled, counts.tolist(), strict=True)
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


def _part(rows: pa.Table, place: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return file index, row number and features."""
    files: Iterable[str] = rows.column("file_id").to_pylist()
    index = np.array([place[file] for file in files], dtype=np.int64)
    row_no = rows.column("row_no").to_numpy()
    return index, row_no, np.ascontiguousarray(feature_matrix(rows))
