"""The 92-file layout: names, sizes, metadata in the original's forms."""

from __future__ import annotations

import csv
import re
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.errors import ConfigError
from iotscore.features import SOURCE_FEATURES
from iotscore.simulate.layout import FILES, FULL_ROWS, MIN_ROWS, allocate, write_metadata

if TYPE_CHECKING:
    from pathlib import Path


def test_files_are_those_of_the_original() -> None:
    """9 benign, 45 gafgyt and 35 mirai files, 7,062,606 rows."""
    families = [file.kind.split(".")[0] for file in FILES]
    assert [families.count(name) for name in ("benign", "gafgyt", "mirai")] == [9, 45, 35]
    assert FULL_ROWS == 7_062_606
    assert not any(file.kind.startswith("mirai") for file in FILES if file.device in (3, 7))


def test_full_size_is_exactly_the_original() -> None:
    """Asking for all rows gives each file its original count."""
    assert allocate(FULL_ROWS) == tuple(file.original_rows for file in FILES)


@given(st.integers(MIN_ROWS * len(FILES), 3 * FULL_ROWS))
def test_shares_sum_up_and_follow_the_original(rows: int) -> None:
    """Shares sum to the request exactly, none is too small, and larger files get no fewer rows."""
    shares = allocate(rows)
    assert sum(shares) == rows
    assert min(shares) >= MIN_ROWS
    ordered = sorted(zip([file.original_rows for file in FILES], shares, strict=True))
    assert all(b[1] >= a[1] - 1 for a, b in pairwise(ordered))


def test_shares_are_rounded_by_largest_remainder() -> None:
    """Where no file is small, the files with the largest remainders get the rows left over."""
    up, down = [], []
    for file, share in zip(FILES, allocate(200_000), strict=True):
        whole, remainder = divmod(200_000 * file.original_rows, FULL_ROWS)
        assert share in (whole, whole + 1)
        (up if share > whole else down).append(remainder)
    assert min(up) >= max(down)


def test_too_few_rows_are_refused_with_the_number_needed() -> None:
    """The message says what was asked for and what is needed."""
    with pytest.raises(ConfigError, match=re.escape("266") + ".*267"):
        allocate(MIN_ROWS * len(FILES) - 1)


def test_metadata_round_trip(tmp_path: Path) -> None:
    """What is written says of each file and feature what was put in."""
    shares = allocate(1000)
    write_metadata(tmp_path, shares)
    text = (tmp_path / "data_summary.csv").read_bytes().decode()
    assert text.startswith("File Name, Data Count, Feature Count\r\n1.benign.csv,")
    rows = list(csv.reader(text.splitlines()))[1:]
    assert rows == [[f.name, str(n), "115"] for f, n in zip(FILES, shares, strict=True)]
    lines = (tmp_path / "features.csv").read_text().splitlines()
    features = list(csv.reader(lines))[1:]
    assert tuple(row[0] for row in features) == SOURCE_FEATURES


def test_metadata_equals_the_original_byte_for_byte(tmp_path: Path, nbaiot: Path) -> None:
    """All three files, at full size, are the published ones."""
    write_metadata(tmp_path, allocate(FULL_ROWS))
    for mine, theirs in (
        ("data_summary.csv", "full_data_summary.csv"),
        ("device_info.csv", "device_info.csv"),
        ("features.csv", "features.csv"),
    ):
        assert (tmp_path / mine).read_bytes() == (nbaiot / theirs).read_bytes()
