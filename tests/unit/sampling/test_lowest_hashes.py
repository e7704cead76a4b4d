"""Records chosen by their hashes: which, how many, and from whatever data files they lie in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from iotscore.features import FEATURES
from iotscore.sampling.lowest_hashes import CHOSEN_COLUMNS, Kind, choose
from iotscore.sampling.record_hash import record_hashes
from iotscore.sampling.splits import CALIBRATION, TEST, TRAIN, FilePart, SplitPlan
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.records import plain, with_constants
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

ROWS = 30
PLAN = SplitPlan(42, 1.0, {"a": FilePart(10, 20), "b": FilePart(15, 15, gap=2)})
LABELS = {"a": 0, "b": 0, "attack": 1, "other": 1}
WHERE = {"file_id": ["a", "attack", "b"]}
PARTS = {
    (0, TRAIN): [("a", n) for n in range(1, 11)] + [("b", n) for n in range(1, 16)],
    (0, CALIBRATION): [("a", n) for n in range(11, 21)],
    (0, TEST): [("a", n) for n in range(21, 31)] + [("b", n) for n in range(18, 31)],
    (1, TEST): [("attack", n) for n in range(1, 31)],
}
"""What the plan makes of the records, by label and split, written out."""


def records(file_id: str, first: int, count: int) -> pa.Table:
    """Return records of one file; their features say where they are from."""
    numbers = list(range(first, first + count))
    columns = {
        "file_id": [file_id] * count,
        "row_no": numbers,
        "label": pa.array([LABELS[file_id]] * count, pa.int32()),
    }
    features = {
        name: [ord(file_id[0]) * 1e6 + n * 1e3 + place for n in numbers]
        for place, name in enumerate(FEATURES)
    }
    return pa.table(columns | features)


def write(folder: Path, *parts: list[tuple[str, int, int]]) -> Warehouse:
    """Return a warehouse with a data file for each part; what is read of it needs no Spark."""
    warehouse = open_warehouse(cast("SparkSession", None), str(folder))
    schema = TABLES["traffic"].arrow_schema
    for pieces in parts:
        rows = pa.concat_tables([records(*piece) for piece in pieces])
        warehouse.append("traffic", plain(with_constants(rows, {}, schema)))
    return warehouse


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Warehouse:
    """Return two data files with the same files in parts, one of them not wanted."""
    first = [(file_id, 1, 12) for file_id in LABELS]
    second = [(file_id, 13, 18) for file_id in reversed(list(LABELS))]
    return write(tmp_path_factory.mktemp("traffic"), first, second)


def lowest(places: list[tuple[str, int]], most: int, seed: int) -> list[tuple[str, int]]:
    """Return the places with the lowest hashes, in the order of their keys."""
    hashed = sorted(
        (int(record_hashes(seed, file_id, np.array([row_no]))[0]), file_id, row_no)
        for file_id, row_no in places
    )
    return sorted((file_id, row_no) for _, file_id, row_no in hashed[:most])


def keys(rows: pa.Table) -> list[tuple[str, int]]:
    """Return the keys of some records."""
    return [
        (row["file_id"], row["row_no"]) for row in rows.select(["file_id", "row_no"]).to_pylist()
    ]


@pytest.mark.parametrize("most", [1, 7, 23, 24, 100])
def test_the_lowest_hashes_of_each_kind(split: Warehouse, most: int) -> None:
    """Label and split decide who may be drawn, the hash who is; all of them if they are few."""
    kinds = [Kind(label, (split,), most) for label, split in PARTS]
    found = choose(split, WHERE, PLAN, kinds, seed=7)
    for rows, places in zip(found, PARTS.values(), strict=True):
        assert keys(rows) == lowest(places, most, seed=7)
    mixed = choose(split, WHERE, PLAN, [Kind(0, (TRAIN, TEST), most)], seed=7)
    assert keys(mixed[0]) == lowest(PARTS[0, TRAIN] + PARTS[0, TEST], most, seed=7)


def test_where_records_lie_does_not_matter(split: Warehouse, tmp_path: Path) -> None:
    """Another layout, the same records with all their features; another seed, others."""
    kinds = [Kind(0, (TEST,), 5), Kind(1, (TEST,), 5)]
    found = choose(split, WHERE, PLAN, kinds, seed=42)
    pieces = [(file_id, 1, ROWS) for file_id in sorted(LABELS)]
    again = choose(write(tmp_path, pieces), WHERE, PLAN, kinds, seed=42)
    for rows, others in zip(found, again, strict=True):
        assert rows.equals(others)
        for file_id, row_no in keys(rows):
            expected = records(file_id, row_no, 1).select(list(CHOSEN_COLUMNS))
            mine = pc.equal(rows.column("row_no"), row_no)
            of_file = pc.equal(rows.column("file_id"), file_id)
            assert rows.filter(pc.and_(mine, of_file)).equals(expected)
    other_seed = choose(split, WHERE, PLAN, kinds, seed=43)
    assert keys(other_seed[0]) != keys(found[0])


def test_nothing_to_choose_from(split: Warehouse) -> None:
    """No file, or no record of a kind, gives a table of the same columns without rows."""
    kinds = [Kind(1, (TRAIN,), 5)]
    (none,) = choose(split, WHERE, PLAN, kinds, seed=42)
    (empty,) = choose(split, {"file_id": []}, PLAN, kinds, seed=42)
    (some,) = choose(split, WHERE, PLAN, [Kind(1, (TEST,), 5)], seed=42)
    assert none.num_rows == empty.num_rows == 0
    assert none.schema.equals(some.schema)
    assert empty.schema.equals(some.schema)
