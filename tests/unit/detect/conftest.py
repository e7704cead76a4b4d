"""Rows that several tests of the numeric package share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def real_rows(nbaiot: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return float64 training rows (first thirds of benign files) and rows of every kind.

    The second array holds each 16th row of each file: benign ones and attacks, some of them
    thousands of times outside the benign range.
    """
    paths = sorted(nbaiot.glob("sample/*.*.csv"))
    tables = {path.name: np.loadtxt(path, delimiter=",", skiprows=1) for path in paths}
    benign = [table for name, table in tables.items() if "benign" in name]
    train = np.concatenate([table[: len(table) // 3] for table in benign])
    return train, np.concatenate([table[::16] for table in tables.values()])
