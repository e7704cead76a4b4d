"""The vocabulary of the tables: names in the order of the files."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from iotscore.features import (
    DECAYS,
    FEATURES,
    HYBRID,
    N_FEATURES,
    SOURCE_FEATURES,
    flag_column,
    norm_column,
    score_column,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_there_are_five_windows_of_23() -> None:
    """115 distinct names, 23 of each decay."""
    assert N_FEATURES == len(set(FEATURES)) == len(set(SOURCE_FEATURES)) == 115
    for decay in DECAYS:
        assert sum(f"_{decay}_" in name for name in SOURCE_FEATURES) == 23


def test_the_order_is_that_of_the_files() -> None:
    """Order is streams, then decays, then statistics; some places written down by hand."""
    places = {
        0: "MI_dir_L5_weight",
        3: "MI_dir_L3_weight",
        14: "MI_dir_L0.01_variance",
        15: "H_L5_weight",
        30: "HH_L5_weight",
        32: "HH_L5_std",
        64: "HH_L0.01_pcc",
        65: "HH_jit_L5_weight",
        80: "HpHp_L5_weight",
        114: "HpHp_L0.01_pcc",
    }
    assert {place: SOURCE_FEATURES[place] for place in places} == places


def test_table_names_have_no_dots() -> None:
    """Spark would take a dot for access to a struct's field; nothing else differs."""
    assert FEATURES[14] == "MI_dir_L0_01_variance"
    for name, source in zip(FEATURES, SOURCE_FEATURES, strict=True):
        assert name.isidentifier()
        assert name == source.replace(".", "_")


def test_score_columns() -> None:
    """Columns are named after the detector; the flag of the hybrid score is called is_anomaly."""
    assert score_column("lstm") == "lstm_score"
    assert norm_column("lstm") == "lstm_norm"
    assert flag_column("lstm") == "lstm_flag"
    assert (score_column(HYBRID), flag_column(HYBRID)) == ("hybrid_score", "is_anomaly")


def test_the_real_headers_agree(nbaiot: Path) -> None:
    """Every traffic file of the data set starts with exactly these names."""
    paths = sorted((nbaiot / "sample").glob("[0-9].*.csv"))
    assert len(paths) == 89
    for path in paths:
        with path.open(newline="", encoding="utf-8") as lines:
            assert tuple(next(csv.reader(lines))) == SOURCE_FEATURES, path.name
