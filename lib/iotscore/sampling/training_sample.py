"""Benign records for training, brought to the driver."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.errors import TrainingError
from iotscore.features import FEATURES, KEY
from iotscore.sampling.fraction import fraction_cutoffs, within
from iotscore.sampling.splits import CALIBRATION, SPLITS, TRAIN, record_hashes_of, record_splits
from iotscore.warehouse.records import Records, coded, device_numbers, feature_matrix
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.warehouse import Warehouse

_DESCRIBED_BY: Final = (*KEY, "label", "device_id")
_ROW_NO_BITS: Final = 40
"""A file has fewer than 2^40 lines, so file and line fit into one integer."""
_KEYED: Final = pa.schema(
    {"key": pa.int64(), "split": pa.int8(), "hash": pa.int64(), "is_other": pa.bool_()}
)


def draw(
    warehouse: Warehouse,
    ingest_runs: Sequence[str],
    plan: SplitPlan,
    most_train: int,
    most_calibration: int,
) -> tuple[SplitPlan, Records, Records]:
    """Read the records that fit and calibrate a model.

    ``traffic`` is read twice, first for the keys alone, so that no more than the chosen records
    is ever in memory.

    Parameters
    ----------
    ingest_runs
        The runs that ingested the plan's files.
    most_train, most_calibration
        Beyond so many records, those with the lowest hashes are taken.

    Returns
    -------
    SplitPlan
        The plan with its cut-offs.
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
    where = {"file_id": files, "ingest_run": list(ingest_runs)}
    cutoffs = fraction_cutoffs(warehouse, where, plan)

    def keyed(rows: pa.Table) -> pa.Table:
        taken = within(cutoffs, plan.seed, rows)
        columns = {
            "key": _keys(taken, files),
            "split": record_splits(plan, taken),
            "hash": record_hashes_of(plan.seed, taken),
            "is_other": pc.fill_null(pc.not_equal(taken.column("label"), 0), fill_value=True),
        }
        return pa.table(columns)

    selected = Selection("traffic", _DESCRIBED_BY, where)
    known = pa.concat_tables([_KEYED.empty_table(), *warehouse.collect_records(selected, keyed)])
    _require_benign(pc.sum(known.column("is_other")).as_py() or 0)
    keys, codes, hashes = (known.column(name).to_numpy() for name in ("key", "split", "hash"))
    highest: dict[str, int | None] = {}
    chosen: dict[str, npt.NDArray[np.int64]] = {}
    for name, most in ((TRAIN, most_train), (CALIBRATION, most_calibration)):
        is_meant = codes == SPLITS.index(name)
        highest[name] = cutoff = _cutoff(hashes[is_meant], most)
        if cutoff is not None:
            is_meant &= hashes <= cutoff
        chosen[name] = np.sort(keys[is_meant])
    plan = replace(plan, train_cutoff=highest[TRAIN], calibration_cutoff=highest[CALIBRATION])
    drawn = {
        name: Records(np.empty((len(wanted), len(FEATURES))), np.empty(len(wanted), np.int64))
        for name, wanted in chosen.items()
    }
    used = [SPLITS.index(name) for name in chosen]

    def of_use(rows: pa.Table) -> pa.Table:
        taken = within(cutoffs, plan.seed, rows)
        codes = record_splits(plan, taken)
        return taken.append_column("split", pa.array(codes)).filter(pa.array(np.isin(codes, used)))

    selected = Selection("traffic", (*_DESCRIBED_BY, *FEATURES), where)
    for rows in warehouse.collect_records(selected, of_use):
        split = rows.column("split").to_numpy()
        for name, wanted in chosen.items():
            part = rows.filter(pa.array(split == SPLITS.index(name)))
            place = np.searchsorted(wanted, _keys(part, files))
            drawn[name].features[place] = feature_matrix(part)
            drawn[name].devices[place] = device_numbers(part)
    return plan, drawn[TRAIN], drawn[CALIBRATION]


def _require_benign(others: int) -> None:
    """Refuse to train on records that are not benign; ``others`` is how many there are."""
    if others:
        message = (
            f"{others} record(s) in traffic belong to a benign file and have another label: a "
            "model that learns from them would hide attacks. Run verify, and ingest the files again"
        )
        raise TrainingError(message)


def _keys(rows: pa.Table, files: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return one integer per record that sorts as file id and row number do."""
    ids = coded(rows, "file_id")
    place = {file_id: position for position, file_id in enumerate(files)}
    of_code = np.array([place.get(file_id, -1) for file_id in ids.dictionary.to_pylist()], np.int64)
    numbers = of_code[ids.indices.to_numpy()]
    keys: npt.NDArray[np.int64] = (numbers << _ROW_NO_BITS) | rows.column("row_no").to_numpy()
    return keys


def _cutoff(hashes: npt.NDArray[np.int64], cap: int) -> int | None:
    """Return the hash of the ``cap``-th record in order of hashes, None if there are no more."""
    return int(np.partition(hashes, cap - 1)[cap - 1]) if hashes.size > cap else None
