"""Counted scores of one detector: what they take does not depend on the records they count."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pyarrow as pa
import pytest

from iotscore.evaluation.binned import BinnedScores

FILES = [f"{number:016x}" for number in range(50)]
BINS = 2_000


def batches(times: int) -> list[pa.RecordBatch]:
    """Return a batch per file; each of its bins counts so many records."""
    number = np.arange(BINS)
    columns = {
        "bin": number,
        "flag": number > BINS // 2,
        "low": number / BINS,
        "high": (number + 0.5) / BINS,
        "rows": np.full(BINS, times),
    }
    return [
        pa.RecordBatch.from_pydict(
            {"file_id": [file] * BINS, "label": np.full(BINS, place % 2, np.int32), **columns}
        )
        for place, file in enumerate(FILES)
    ]


@pytest.mark.parametrize("times", [1, 10_000_000])
def test_memory_is_that_of_the_bins(times: int) -> None:
    """A file's bin takes some 20 bytes, whether it counts one record or ten million."""
    given = batches(times)
    tracemalloc.start()
    binned = BinnedScores(given, FILES)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 22 * BINS * len(FILES)
    assert peak < 60 * BINS * len(FILES)
    counts = binned.counts(dict.fromkeys(FILES, 1))
    assert counts.negatives.sum() == counts.positives.sum() == times * BINS * len(FILES) // 2
