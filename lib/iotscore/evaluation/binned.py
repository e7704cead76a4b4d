"""One detector's counted scores, taken in batch by batch and kept in few bytes a bin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.detect.metrics import ScoreCounts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray

COLUMNS: Final = ("file_id", "label", "bin", "flag", "low", "high", "rows")
"""What is read of a row of ``score_histogram``."""

_MOST_WAITING: Final = 2
"""Ends of bins are merged when this many times as many wait as there were bins before."""


class BinnedScores:
    """Adds up the counts of any set of files.

    It takes 20 bytes per file and bin: a hundred files with ten thousand bins each are 20 MB,
    however many records they count.

    Parameters
    ----------
    batches
        Rows of ``score_histogram`` of one detector, with :data:`COLUMNS`.
    file_ids
        The labelled files; rows of others do not count.
    """

    def __init__(self, batches: Iterable[pa.RecordBatch], file_ids: Sequence[str]) -> None:
        self._file_ids = list(file_ids)
        self._is_attack: BoolArray = np.zeros(len(file_ids), dtype=bool)
        files, keys, rows = ([np.empty(0, kind)] for kind in (np.int32, np.int64, np.int64))
        ends = _Ends()
        wanted = pa.array(self._file_ids, pa.string())
        for batch in batches:
            known = batch.filter(pc.is_in(batch.column("file_id"), value_set=wanted))
            codes = pc.index_in(known.column("file_id"), value_set=wanted).to_numpy()
            flags = pc.fill_null(known.column("flag"), fill_value=False)
            # A bin that the threshold cuts is two bins, the flagged part above the other.
            of_bins = known.column("bin").to_numpy() * 2 + flags.cast(pa.int64()).to_numpy()
            self._is_attack[codes] = known.column("label").to_numpy() == 1
            ends.add(of_bins, known.column("low").to_numpy(), known.column("high").to_numpy())
            files.append(codes.astype(np.int32))
            keys.append(of_bins)
            rows.append(known.column("rows").to_numpy())
        bins, self._low, self._high = ends.merged()
        self._codes, self._rows = np.concatenate(files), np.concatenate(rows)
        self._bins = np.searchsorted(bins, np.concatenate(keys)).astype(np.int32)

    def rows_of_file(self) -> dict[str, int]:
        """Return the records of each file that has any."""
        totals = np.zeros(len(self._file_ids), dtype=np.int64)
        np.add.at(totals, self._codes, self._rows)
        counted = zip(self._file_ids, totals.tolist(), strict=True)
        return {file_id: rows for file_id, rows in counted if rows}

    def flagged_of_file(self, threshold: float) -> dict[str, int]:
        """Return the records of each file that score above a threshold at which bins are cut."""
        totals = np.zeros(len(self._file_ids), dtype=np.int64)
        above = self._low[self._bins] > threshold
        np.add.at(totals, self._codes[above], self._rows[above])
        return dict(zip(self._file_ids, totals.tolist(), strict=True))

    def counts(self, units: Mapping[str, int]) -> ScoreCounts:
        """Return the counts without empty bins; a record of a file counts for its units, or 0."""
        unit = np.array([units.get(file_id, 0) for file_id in self._file_ids], dtype=np.int64)
        totals = np.zeros((2, self._low.size), dtype=np.int64)
        counted = np.flatnonzero(unit[self._codes])
        codes = self._codes[counted]
        sides = self._is_attack[codes].astype(np.intp)
        np.add.at(totals, (sides, self._bins[counted]), self._rows[counted] * unit[codes])
        used = totals.any(axis=0)
        return ScoreCounts(self._low[used], self._high[used], totals[0, used], totals[1, used])


class _Ends:
    """The smallest and largest score of each key, merged now and then to stay small."""

    def __init__(self) -> None:
        self._waiting: list[tuple[IntArray, FloatArray, FloatArray]] = []
        self._size = self._merged_size = 0

    def add(self, keys: IntArray, low: FloatArray, high: FloatArray) -> None:
        self._waiting.append((keys, low, high))
        self._size += keys.size
        if self._size > _MOST_WAITING * self._merged_size:
            self._waiting = [self.merged()]
            self._size = self._merged_size = self._waiting[0][0].size

    def merged(self) -> tuple[IntArray, FloatArray, FloatArray]:
        """Return the keys, ascending, with the ends of each."""
        if not self._waiting:
            return np.empty(0, dtype=np.int64), np.empty(0), np.empty(0)
        keys, low, high = (np.concatenate(column) for column in zip(*self._waiting, strict=True))
        distinct, where = np.unique(keys, return_inverse=True)
        lowest, highest = np.full(distinct.size, np.inf), np.full(distinct.size, -np.inf)
        np.minimum.at(lowest, where, low)
        np.maximum.at(highest, where, high)
        return distinct, lowest, highest
