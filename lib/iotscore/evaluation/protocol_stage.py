"""Labelled rows of the warehouse to the figures of an evaluation protocol."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from iotscore.errors import InputError
from iotscore.evaluation.protocols.evaluate import evaluate
from iotscore.evaluation.protocols.sample import Sample, SampleFile
from iotscore.evaluation.stage import data_kind
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES, KEY, UNKNOWN_DEVICE
from iotscore.sampling.every_nth import Steps, draw
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import pyarrow as pa

    from iotscore.evaluation.options import ProtocolOptions
    from iotscore.evaluation.protocols.evaluate import ProtocolRun
    from iotscore.models.context import Context


@dataclass(frozen=True)
class ProtocolResult:
    """What a protocol measured.

    Attributes
    ----------
    figures
        The rows that were added to a table of figures.
    rows, files
        Records and files of the warehouse that it was measured on; 0 if everything was simulated.
    """

    protocol: str
    figures: list[dict[str, Any]]
    rows: int = 0
    files: int = 0

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        counts = {"files": self.files} if self.files else {"figures": len(self.figures)}
        return {"protocol": self.protocol, **counts}


def evaluate_protocol(context: Context, run: ProtocolRun) -> ProtocolResult:
    """Fit and measure by a protocol on labelled rows of ``traffic``, and store the figures.

    Raises
    ------
    InputError
        There are no benign rows, or no attacks.
    """
    sample = read_sample(context, run)
    figures = evaluate(sample, fit_of(run.model), run)
    kind = data_kind(context.ingested.values())
    rows = store_figures(context, "protocol_figures", figures, kind)
    return ProtocolResult(run.name, rows, sample.row_no.size, len(sample.files))


def store_figures(
    context: Context, table: str, figures: Iterable[Mapping[str, Any]], kind: str
) -> list[dict[str, Any]]:
    """Add figures to a table, with the kind of data that they were measured on; return the rows."""
    stamp = {"run_id": context.run_id, "data_kind": kind, "evaluated_at": datetime.now(UTC)}
    rows = [{**figure, **stamp} for figure in figures]
    context.warehouse.append(table, rows)
    return rows


def read_sample(context: Context, run: ProtocolRun) -> Sample:
    """Bring every n-th row of each labelled file to the driver, n so that few enough are left."""
    ledger = context.ingested.values()
    labelled = sorted(
        (row for row in ledger if row["label"] is not None and row["rows_accepted"]),
        key=lambda row: str(row["source_file"]),
    )
    if weights := run.file_weights:
        labelled = [row for row in labelled if row["source_file"] in weights]
    if {row["label"] for row in labelled} != {0, 1}:
        message = (
            f"a protocol needs benign and attack records, and the {len(labelled)} labelled files "
            f"in {context.warehouse.root} are not of both kinds: ingest both, and check "
            "evaluate.file_weights"
        )
        raise InputError(message)
    steps = [Steps(row["file_id"], row["run_id"], 0, _step(row, run.options)) for row in labelled]
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
        **{name: row[name] for name in ("source_file", "device", "family", "attack")},
        device_id=UNKNOWN_DEVICE if number is None else number,
        rows=row["rows_read"],
        weight=weight,
    )


def _part(rows: pa.Table, place: Mapping[str, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return file index, row number and features."""
    files: Iterable[str] = rows.column("file_id").to_pylist()
    index = np.array([place[file] for file in files], dtype=np.int64)
    row_no = rows.column("row_no").to_numpy()
    return index, row_no, np.ascontiguousarray(feature_matrix(rows))
