"""The check of scores: some records are scored again, here, and must come out the same."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from iotscore.features import FEATURES, KEY, score_column
from iotscore.verify.keys import record_hash
from iotscore.warehouse.records import records_of
from iotscore.warehouse.schemas import DETECTORS, score_columns

if TYPE_CHECKING:
    import pyarrow as pa

    from iotscore.detect.model import Model
    from iotscore.verify.snapshot import Evidence

_ROUNDING: Final = 1e-12
"""How far a score may lie from the same one computed on another kind of processor, relative to its
size: NumPy chooses logarithms and powers by the processor, and they round the last bit in their own
way. That no bit of a table has changed since it was written is for the checksums of its content."""


def rescored_faults(
    found: Evidence, version: str, model: Model, rows: int, seed: int
) -> tuple[int, list[str]]:
    """Score a sample on the driver and compare it with what is stored, but for rounding.

    Of a model without calibrations (``batch_minmax``) raw scores are compared.

    Parameters
    ----------
    rows
        Most records; those with the lowest hashes are taken.
    seed
        Of these hashes: the same seed takes the same records.

    Returns
    -------
    int
        Records that were compared.
    list of str
        A fault for each record with another value.
    """
    # A model's columns in scores for detectors that it does not have are NULL.
    detectors = list(dict.fromkeys((*DETECTORS, *model.detectors)))
    if model.calibrations:
        names = score_columns(detectors)
    else:
        names = [score_column(name) for name in detectors]
    sample = sampled_scores(found, version, names, rows, seed)
    if not sample.num_rows:
        return 0, []
    computed = model.score(*records_of(sample))
    faults: dict[int, str] = {}
    for name in names:
        stored = sample.column(name).to_pylist()
        expected = computed[name].tolist() if name in computed else [None] * len(stored)
        for position, (held, due) in enumerate(zip(stored, expected, strict=True)):
            if not _is_same(held, due):
                faults.setdefault(position, f"{name} is {held!r}, computed again {due!r}")
    files, numbers = (sample.column(name).to_pylist() for name in ("source_file", "row_no"))
    return sample.num_rows, [
        f"model {version}, {files[position]} row {numbers[position]}: {fault}"
        for position, fault in sorted(faults.items())
    ]


def _is_same(held: Any, due: Any) -> bool:  # noqa: ANN401 - a score, a flag or nothing
    if isinstance(held, float) and isinstance(due, float):
        return math.isclose(held, due, rel_tol=_ROUNDING, abs_tol=0.0)
    return bool(held == due)


def sampled_scores(
    found: Evidence, version: str, names: list[str], rows: int, seed: int
) -> pa.Table:
    """Return scores with the features that they came from, in order; none that are void."""
    void = sorted({row["file_id"] for row in found.scored if found.is_void(row)})
    is_meant = (F.col("model_version") == version) & ~F.col("file_id").isin(void)
    scores = found.settled.read("scores").where(is_meant)
    chosen = scores.orderBy(record_hash(seed), *KEY).select(*KEY, "source_file", *names).limit(rows)
    features = found.settled.read("traffic").select(*KEY, "device_id", *FEATURES)
    joined = features.join(F.broadcast(chosen), list(KEY))
    return joined.toArrow().sort_by([(name, "ascending") for name in KEY])
