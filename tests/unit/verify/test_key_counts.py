"""Keys are counted and digested alike in one fold and record by record."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.sampling.record_hash import record_hashes
from iotscore.verify.key_counts import SEED, Keys, count_bins, count_keys
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

BY = ("file_id", "run_id")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse; so little is folded on the driver, without Spark."""
    return open_warehouse(None, str(tmp_path))


def one_by_one(rows: list[dict[str, Any]], *, are_lines: bool) -> dict[tuple[str, ...], Keys]:
    """Return the same as the fold, from the definition."""
    numbers: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for row in rows:
        if (row["row_no"] is not None) == are_lines:
            numbers[row["file_id"], row["run_id"]].append(row["row_no"] or 0)
    found = {}
    for key, mine in numbers.items():
        digest = 0
        for number in mine:
            digest ^= int(record_hashes(SEED, key[0], np.array([number]))[0])
        found[key] = Keys(len(mine), min(mine), max(mine), digest)
    return found


def told(found: dict[tuple[str, ...], Keys], *, are_lines: bool) -> dict[tuple[str, ...], object]:
    """Return what counts: of rows that stand for a file only how many there are."""
    return {key: keys if are_lines else keys.rows for key, keys in found.items()}


@pytest.mark.parametrize("are_lines", [True, False])
def test_mixed_rows_of_many_files(warehouse: Warehouse, are_lines: bool) -> None:
    """Files and runs may be mixed, in several data files, and rows may stand for whole files."""
    rng = np.random.default_rng(5)
    rows = [
        {
            "file_id": f"f{rng.integers(40)}",
            "run_id": f"r{rng.integers(3)}",
            "row_no": None if rng.random() < 0.1 else int(rng.integers(1, 10**12)),
        }
        for _ in range(3_000)
    ]
    for start in range(0, len(rows), 1_000):
        warehouse.append("quarantine", rows[start : start + 1_000])
    found = count_keys(warehouse, "quarantine", BY, None, are_lines=are_lines)
    expected = one_by_one(rows, are_lines=are_lines)
    assert told(found, are_lines=are_lines) == told(expected, are_lines=are_lines)
    at_first = count_keys(warehouse, "quarantine", BY, 1, are_lines=are_lines)
    expected = one_by_one(rows[:1_000], are_lines=are_lines)
    assert told(at_first, are_lines=are_lines) == told(expected, are_lines=are_lines)


def test_a_row_that_is_there_twice_changes_the_digest(warehouse: Warehouse) -> None:
    """Two equal keys cancel out in the digest; the count of rows tells."""
    rows = [{"file_id": "a", "run_id": "r", "row_no": number} for number in (1, 2, 2)]
    warehouse.append("quarantine", rows)
    (keys,) = count_keys(warehouse, "quarantine", BY, None, are_lines=True).values()
    (alone,) = record_hashes(SEED, "a", np.array([1]))
    assert keys == Keys(3, 1, 2, int(alone))


def test_bins_are_added_up_by_file_and_detector(warehouse: Warehouse) -> None:
    """Over all bins and data files; a table that nobody wrote has none."""
    assert count_bins(warehouse, None) == {}
    for bin_, rows in ((1, 4), (2, 3)):
        cell = {"model_version": "m", "file_id": "a", "bin": bin_, "rows": rows}
        cells = [cell | {"detector": name} for name in ("iforest", "hybrid")]
        warehouse.append("score_histogram", cells)
    assert count_bins(warehouse, None) == {
        ("m", "a", "iforest"): 7,
        ("m", "a", "hybrid"): 7,
    }
