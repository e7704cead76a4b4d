"""The check of keys: each line of a file is one record or one refused line, each scored once.

Grouping millions of rows by their keys would shuffle them all. Instead each file's keys are
counted and digested where they are, and compared with the count and digest that they must have;
only files that differ are looked at row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from pyspark.sql import Window
from pyspark.sql import functions as F

from iotscore.features import KEY
from iotscore.sampling.record_hash import record_hashes
from iotscore.verify.key_counts import SEED, Keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pyspark.sql import Column, DataFrame

    from iotscore.sampling.splits import SplitPlan
    from iotscore.verify.snapshot import Evidence

_NOTHING: Final = Keys()
_CHUNK: Final = 1_000_000
_MOST_LISTED: Final = 5


def keys_faults(found: Evidence, plans: Mapping[str, SplitPlan]) -> Iterator[str]:
    """Compare the keys in ``traffic`` and ``scores`` with those that must be there.

    Model versions without a plan are left out.
    """
    traffic = found.settled.read("traffic").select(*KEY, "ingest_run")
    there = _of_all_runs(found.traffic)
    of_file = {file_id: there.get((file_id,), _NOTHING) for file_id in found.ingested}
    yield from _faults(traffic, of_file, _accepted_keys(found), found, "traffic")
    scores = found.settled.read("scores").select(*KEY, "model_version")
    scored = _of_all_runs(found.scores)
    for version, plan in plans.items():
        of_model = {
            row["file_id"]: scored.get((version, row["file_id"]), _NOTHING)
            for row in found.scored
            if row["model_version"] == version and not found.is_void(row)
        }
        mine = scores.where(F.col("model_version") == version)
        needed = _due_keys(traffic, found, plan)
        yield from _faults(mine, of_model, needed, found, f"scores of model {version}")


def _of_all_runs(there: Mapping[tuple[str, ...], Keys]) -> dict[tuple[str, ...], Keys]:
    """Add up what runs wrote: a record must be there once, whichever run it is of."""
    found: dict[tuple[str, ...], Keys] = {}
    for (*place, _), keys in there.items():
        found[*place,] = found.get((*place,), _NOTHING) + keys
    return found


def _accepted_keys(found: Evidence) -> dict[str, Keys]:
    """Return the keys that ``traffic`` must hold: all lines but those in quarantine.

    Where the counts of lines disagree, which is the fault of another check, there is no digest.
    """
    accepted = {}
    for file_id, row in found.ingested.items():
        lines, rows = row["rows_read"], row["rows_accepted"]
        refused = found.quarantine.get((file_id, row["run_id"]), _NOTHING)
        is_known = lines == rows + refused.rows
        digest = _lines_digest(file_id, lines) ^ (refused.digest or 0) if is_known else None
        accepted[file_id] = Keys(rows, 1, lines, digest)
    return accepted


def _lines_digest(file_id: str, rows: int) -> int:
    """Return the digest of all lines of a file."""
    digest = 0
    for start in range(1, rows + 1, _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, rows + 1), dtype=np.int64)
        digest ^= int(np.bitwise_xor.reduce(record_hashes(SEED, file_id, numbers)))
    return digest


def _due_keys(traffic: DataFrame, found: Evidence, plan: SplitPlan) -> dict[str, Keys]:
    """Return the keys that a model must have scored: those accepted, or its sample of them."""
    accepted = _accepted_keys(found)
    if plan.fraction >= 1.0:
        return accepted
    sampled = _with_lowest_hashes(traffic, plan.fraction, plan.seed).groupBy("file_id")
    rows, digest = F.count(F.lit(1)), F.bit_xor(record_hash(SEED))
    return {
        row.file_id: Keys(row.n, 1, accepted[row.file_id].high, row.digest)
        for row in sampled.agg(rows.alias("n"), digest.alias("digest")).collect()
        if row.file_id in accepted
    }


def record_hash(seed: int) -> Column:
    """Return a 64-bit hash of the record's key, evenly spread over all signed integers."""
    return F.xxhash64(F.lit(seed), *map(F.col, KEY))


def _with_lowest_hashes(frame: DataFrame, fraction: float, seed: int) -> DataFrame:
    """Return the records of each file with the lowest hashes: ``round(fraction * rows)`` of them.

    Only keys are shuffled to find each file's cut-off; the records themselves stay in place.
    """
    by_hash = Window.partitionBy("file_id").orderBy("hash")
    whole_file = Window.partitionBy("file_id")
    ranked = frame.select("file_id", record_hash(seed).alias("hash")).select(
        "file_id",
        "hash",
        F.row_number().over(by_hash).alias("rank"),
        F.round(F.count(F.lit(1)).over(whole_file) * fraction).alias("wanted"),
    )
    cutoffs = ranked.where("rank = wanted").select("file_id", F.col("hash").alias("cutoff"))
    joined = frame.join(F.broadcast(cutoffs), "file_id")
    return joined.where(record_hash(seed) <= F.col("cutoff")).drop("cutoff")


def _faults(
    records: DataFrame,
    there: Mapping[str, Keys],
    needed: Mapping[str, Keys],
    found: Evidence,
    table: str,
) -> Iterator[str]:
    suspects = []
    for file_id, keys in there.items():
        need = needed.get(file_id, keys)
        if keys == _NOTHING or (keys.rows, keys.digest) == (need.rows, need.digest):
            continue
        suspects.append(file_id)
        name = found.names[file_id]
        if (keys.low or 0) < 1 or (keys.high or 0) > (need.high or 0):
            yield (
                f"{name}: row_no from {keys.low} to {keys.high} in {table}, the file has the lines "
                f"1 to {need.high}"
            )
        elif keys.rows == need.rows and need.digest is not None:
            yield f"{name}: {keys.rows} rows in {table}, as many as needed, but other row_no"
    yield from _duplicates(records, suspects, found, table)


def _duplicates(
    records: DataFrame, suspects: list[str], found: Evidence, table: str
) -> Iterator[str]:
    if not suspects:
        return
    counted = (
        records.where(F.col("file_id").isin(suspects))
        .groupBy(*KEY)
        .agg(F.count(F.lit(1)).alias("times"))
        .where("times > 1")
    )
    for row in counted.orderBy(*KEY).limit(_MOST_LISTED).collect():
        name = found.names.get(row.file_id, row.file_id)
        yield f"{name}: row {row.row_no} is there {row.times} times in {table}, needed once"
