"""Scores counted in fine bins: small enough for the driver, whatever the number of rows.

A score's bin is ``floor(sign(s) * ln(1 + |s| * 2^40) * bins_per_e_fold)``, which rises with the
score. Beyond the tiny scores below 2^-40 a bin spans a relative width of ``1 / bins_per_e_fold``.
A bin keeps its smallest and largest score, and bins are cut at the threshold (``flag``), so counts
at the stored threshold are exact and a bin with one distinct score hides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from iotscore.features import HYBRID, flag_column, score_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from iotscore.detect.detector import FloatArray, IntArray

_SCALE: Final = float(2**40)
_DESCRIBED_BY: Final = ("file_id", "label", "split")
BIN_KEY: Final = (*_DESCRIBED_BY, "detector", "bin", "flag")
"""What the records in a bin have in common."""

_LEAST_MERGED: Final = 200_000
"""So many bins of single batches, at least, are worth a merge."""

SCHEMA: Final = pa.schema(
    [
        *(("file_id", pa.string()), ("label", pa.int32()), ("split", pa.string())),
        *(("detector", pa.string()), ("bin", pa.int64()), ("flag", pa.bool_())),
        *(("low", pa.float64()), ("high", pa.float64()), ("rows", pa.int64())),
    ]
)
"""Columns of counted scores."""


def columns_to_count(names: Sequence[str]) -> list[str]:
    """Return the columns of ``scores`` that are read to count these detectors and the hybrid."""
    computed = [column(name) for name in (*names, HYBRID) for column in (score_column, flag_column)]
    return [*_DESCRIBED_BY, *computed]


def bins_of(scores: FloatArray, bins_per_e_fold: int) -> IntArray:
    """Return the bin of each finite score, int64 of shape (n_rows,)."""
    folds = np.sign(scores) * np.log1p(np.abs(scores) * _SCALE)
    bins: IntArray = np.floor(folds * bins_per_e_fold).astype(np.int64)
    return bins


def count_scores(
    batches: Iterable[pa.Table | pa.RecordBatch], names: Sequence[str], bins_per_e_fold: int
) -> pa.Table:
    """Count records by file, split, detector and bin, of some detectors and of the hybrid score.

    Parameters
    ----------
    batches
        Rows of ``scores`` with at least :func:`columns_to_count`.

    Returns
    -------
    pyarrow.Table
        One row per bin that has a record, with :data:`SCHEMA`, in no order.
    """
    counted = SCHEMA.empty_table()
    waiting: list[pa.Table] = []
    for batch in batches:
        waiting += [_count_one(batch, name, bins_per_e_fold) for name in (*names, HYBRID)]
        if sum(part.num_rows for part in waiting) > max(_LEAST_MERGED, counted.num_rows):
            counted, waiting = merge_counts([counted, *waiting]), []
    return merge_counts([counted, *waiting])


def _count_one(batch: pa.Table | pa.RecordBatch, name: str, bins_per_e_fold: int) -> pa.Table:
    score = batch.column(score_column(name))
    bins = bins_of(np.asarray(score), bins_per_e_fold)
    rows = pa.table(
        {
            **{name: batch.column(name).cast(SCHEMA.field(name).type) for name in _DESCRIBED_BY},
            "detector": pa.repeat(name, batch.num_rows),
            "bin": bins,
            "flag": batch.column(flag_column(name)),
            "low": score,
            "high": score,
            "rows": pa.repeat(1, batch.num_rows),
        }
    )
    return merge_counts([rows])


def merge_counts(parts: Iterable[pa.Table]) -> pa.Table:
    """Return what several parts of the rows came to, as :func:`count_scores` does."""
    rows = pa.concat_tables([SCHEMA.empty_table(), *parts])
    counts = rows.group_by(list(BIN_KEY), use_threads=False).aggregate(
        [("low", "min"), ("high", "max"), ("rows", "sum")]
    )
    ends = {"low_min": "low", "high_max": "high", "rows_sum": "rows"}
    named = counts.rename_columns([ends.get(name, name) for name in counts.column_names])
    return named.select(SCHEMA.names).cast(SCHEMA)
