"""Benign records for training, read from data files by the driver: no rows in the JVM."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.errors import TrainingError
from iotscore.features import FEATURES, KEY
from iotscore.sampling.splits import CALIBRATION, SPLITS, TRAIN
from iotscore.warehouse.delta_rs.row_groups import (
    Records,
    device_numbers,
    feature_matrix,
    read_batches,
    record_hashes_of,
    record_splits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.delta_rs.row_groups import RowGroup

_DESCRIBED_BY: Final = (*KEY, "label", "device_id")
_BATCH_ROWS: Final = 10_000
_ROW_NO_BITS: Final = 40
"""A file has fewer than 2^40 lines, so file and line fit into one integer."""


def draw(
    groups: Sequence[RowGroup], plan: SplitPlan, most_train: int, most_calibration: int
) -> tuple[SplitPlan, Records, Records]:
    """Read the records that fit and calibrate a model.

    Data files are read twice, first for the keys alone, so that no more than the chosen records
    is ever in memory.

    Parameters
    ----------
    groups
        Row groups of ``traffic`` that hold the plan's files, and maybe others.
    plan
        Without cut-offs.
    most_train, most_calibration
        Beyond so many records, those with the lowest hashes are taken.

    Returns
    -------
    SplitPlan
        With the cut-offs.
    Records
        Those that fit, in the order of their keys.
    Records
        Those that calibrate, likewise.

    Raises
    ------
    TrainingError
        A record of the plan's files has another label than benign.
    """
    files = sorted(plan.parts)
    keys, codes, hashes = _all_keys(groups, plan, files)
    train, calibration = codes == SPLITS.index(TRAIN), codes == SPLITS.index(CALIBRATION)
    plan = replace(
        plan,
        train_cutoff=_cutoff(hashes[train], most_train),
        calibration_cutoff=_cutoff(hashes[calibration], most_calibration),
    )
    chosen = {
        TRAIN: np.sort(keys[_taken(train, hashes, plan.train_cutoff)]),
        CALIBRATION: np.sort(keys[_taken(calibration, hashes, plan.calibration_cutoff)]),
    }
    drawn = {
        name: Records(np.empty((len(wanted), len(FEATURES))), np.empty(len(wanted), np.int64))
        for name, wanted in chosen.items()
    }
    for rows in read_batches(groups, _DESCRIBED_BY, pa.array(files), _BATCH_ROWS):
        split = record_splits(plan, rows)
        for name, wanted in chosen.items():
            if (mine := rows.filter(pa.array(split == SPLITS.index(name)))).num_rows:
                place = np.searchsorted(wanted, _keys(mine, files))
                drawn[name].features[place] = feature_matrix(mine)
                drawn[name].devices[place] = device_numbers(mine)
    return plan, drawn[TRAIN], drawn[CALIBRATION]


def require_benign(others: int) -> None:
    """Refuse to train on records that are not benign; ``others`` is how many there are."""
    if others:
        message = (
            f"{others} record(s) in traffic belong to a benign file and have another label: a "
            "model that learns from them would hide attacks. Run verify, and ingest the files anew"
        )
        raise TrainingError(message)


def _all_keys(
    groups: Sequence[RowGroup], plan: SplitPlan, files: Sequence[str]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """Return key, split and hash of every record of some files."""
    keys, codes, hashes = [np.empty(0, np.int64)], [np.empty(0, np.int8)], [np.empty(0, np.int64)]
    wanted = pa.array(files)
    for rows in read_batches(groups, _DESCRIBED_BY, wanted, _BATCH_ROWS, features=()):
        require_benign(pc.sum(pc.not_equal(rows.column("label"), 0)).as_py() or 0)
        keys.append(_keys(rows, files))
        codes.append(record_splits(plan, rows))
        hashes.append(record_hashes_of(plan.seed, rows))
    return np.concatenate(keys), np.concatenate(codes), np.concatenate(hashes)


def _keys(rows: pa.Table, files: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return one integer per record that sorts as file id and row number do."""
    ids = rows.column("file_id").combine_chunks()
    place = {file_id: position for position, file_id in enumerate(files)}
    of_code = np.array([place.get(file_id, -1) for file_id in ids.dictionary.to_pylist()])
    file_no = of_code[ids.indices.to_numpy()].astype(np.int64)
    keys: npt.NDArray[np.int64] = (file_no << _ROW_NO_BITS) | rows.column("row_no").to_numpy()
    return keys


def _cutoff(hashes: npt.NDArray[np.int64], cap: int) -> int | None:
    """Return the hash of the ``cap``-th record in order of hashes, None if there are no more."""
    return int(np.partition(hashes, cap - 1)[cap - 1]) if hashes.size > cap else None


def _taken(
    part: npt.NDArray[np.bool_], hashes: npt.NDArray[np.int64], cutoff: int | None
) -> npt.NDArray[np.bool_]:
    return part if cutoff is None else part & (hashes <= cutoff)
