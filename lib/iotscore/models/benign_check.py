"""The benign files of a training are compared with one another: one may hold an attack."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.strangers import LEAST_DEVICES, MOST_ROWS, stranger_shares
from iotscore.errors import one_line
from iotscore.features import FEATURES, KEY, UNKNOWN_DEVICE
from iotscore.sampling.every_nth import Steps, draw
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.detect.detector import FloatArray
    from iotscore.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)

SUSPICIOUS_SHARE: Final = 0.05
"""Of a file's rows. Measured on N-BaIoT (docs/input.md): nine clean files have 4 % at most."""
_LEAST_ROWS: Final = 100
"""A share of fewer rows says little."""
_MOST_FILES: Final = 200
"""The newest are looked at: about 7 s, and 80 MB."""


def check_benign(
    warehouse: Warehouse, files: Sequence[Mapping[str, Any]], skip_rows: int
) -> dict[str, Any]:
    """Look for benign files many of whose rows are unlike all other devices', and warn.

    ``files`` are rows of ``ingest_files``; the first ``skip_rows`` rows of each do not count.

    Returns
    -------
    dict
        For the manifest and the run: ``files_compared``, 0 if there are too few devices;
        ``limit``; and ``suspicious_files`` with ``source_file`` and ``share``, the worst first.
    """
    long = [row for row in files if row["rows_accepted"] - skip_rows >= _LEAST_ROWS]
    newest = sorted(long, key=lambda row: row["ingested_at"])[-_MOST_FILES:]
    found: dict[str, Any] = {"files_compared": 0, "limit": SUSPICIOUS_SHARE, "suspicious_files": []}
    if len({_device(row) for row in newest}) < LEAST_DEVICES:
        return found
    drawn = _rows(warehouse, newest, skip_rows)
    compared = [row for row in newest if row["file_id"] in drawn]
    samples = [drawn[row["file_id"]] for row in compared]
    shares = stranger_shares(samples, [_device(row) for row in compared])
    if shares is None:
        return found
    suspicious = [
        {"source_file": row["source_file"], "share": round(share, 3)}
        for row, share in zip(compared, shares, strict=True)
        if share > SUSPICIOUS_SHARE
    ]
    suspicious.sort(key=lambda one: (-one["share"], one["source_file"]))
    simulated = {row["source_file"] for row in compared if row.get("is_synthetic")}
    for one in suspicious:
        name = one["source_file"]
        _LOG.warning(
            "train: %.0f %% of the rows of the benign file %s are unlike the benign rows of all "
            "other devices (more than %.0f %% is unusual%s): make sure that it holds no attack, or "
            "the model learns to overlook it",
            100 * one["share"],
            one_line(name),
            100 * SUSPICIOUS_SHARE,
            ", but of simulated devices it is not" if name in simulated else "",
        )
    return found | {"files_compared": len(compared), "suspicious_files": suspicious}


def _device(row: Mapping[str, Any]) -> int:
    return UNKNOWN_DEVICE if row["device_id"] is None else int(row["device_id"])


def _rows(
    warehouse: Warehouse, files: Sequence[Mapping[str, Any]], skip_rows: int
) -> dict[str, FloatArray]:
    """Draw rows of each file, evenly over its time."""
    steps = []
    for row in files:
        step = -(-(row["rows_read"] - skip_rows) // MOST_ROWS)
        steps.append(Steps(row["file_id"], row["run_id"], skip_rows, step))
    parts: defaultdict[str, list[FloatArray]] = defaultdict(list)
    for rows in draw(warehouse, steps, (*KEY, *FEATURES), label=0):
        ids = np.array(rows.column("file_id").to_pylist())
        features = feature_matrix(rows)
        for file_id in np.unique(ids):
            parts[str(file_id)].append(features[ids == file_id])
    return {file_id: np.vstack(of_file) for file_id, of_file in parts.items()}
