"""Values that were changed after they were written fail their own check."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.models.registry import champion
from iotscore.verify import Outcome
from iotscore.warehouse.open import open_warehouse
from table_damage import change, delta_table, remove
from verify_checks import failing, outcomes, verified

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

    Copy = Callable[[str], Warehouse]

pytestmark = pytest.mark.spark


def test_a_value_that_was_changed(damaged: Warehouse) -> None:
    """A changed value of any record is found by the sum of its file; unknown sums are told."""
    change(damaged, "traffic", "source_file = '2.benign.csv' AND row_no = 9", label="1")
    change(damaged, "scored_files", "true", records_hash="NULL")
    assert failing(damaged) == [
        "content",
        "2.benign.csv: values of its 60 rows in traffic are not those that were written",
    ]
    told = verified(damaged)["content"].compared
    assert told.startswith("260 rows of traffic and scores: sums of their hashes = ledgers")
    assert "; 5 not checked, whose ledger has no sum" in told


def test_sums_are_those_that_spark_finds(night_copy: Copy) -> None:
    """Where Spark alone can read the tables, it sums up to the same, and finds the same change."""
    direct = night_copy("default")
    through = open_warehouse(direct.spark, f"file:{direct.root}", direct="never")
    assert verified(through)["content"].outcome is Outcome.HOLDS
    change(direct, "traffic", "source_file = '2.benign.csv' AND row_no = 9", family="'other'")
    assert [finding[:13] for finding in verified(through)["content"].findings] == ["2.benign.csv:"]


def test_scores_that_were_changed(damaged: Warehouse) -> None:
    """A score, a flag, a NULL, and a feature that a score came from are noticed."""
    version = champion(damaged)
    scores = delta_table(damaged, "scores").to_pandas().set_index(["source_file", "row_no"])
    score = float(scores.loc[("1.benign.csv", 3), "lstm_norm"])
    moved = repr(score * (1 + 1e-11))
    file = "source_file = '1.benign.csv' AND row_no = "
    change(damaged, "scores", f"{file}3", lstm_norm=moved)
    change(damaged, "scores", f"{file}4", is_anomaly="NOT is_anomaly")
    change(damaged, "scores", f"{file}5", iforest_score="NULL")
    change(damaged, "traffic", f"{file}6", H_L5_mean="H_L5_mean + 1")
    name, *faults = failing(damaged, "content")
    assert name == "sample"
    assert [fault.split(": ")[0] for fault in faults] == [
        f"model {version}, 1.benign.csv row {row}" for row in (3, 4, 5, 6)
    ]
    assert faults[0].endswith(f"lstm_norm is {moved}, computed again {score!r}")
    assert "iforest_score is None, computed again" in faults[2]


def test_the_last_bit_is_the_matter_of_the_content(damaged: Warehouse) -> None:
    """Another processor's logarithm may differ by it; that it was changed here is found."""
    scores = delta_table(damaged, "scores").to_pandas().set_index(["source_file", "row_no"])
    bit = repr(float(np.nextafter(scores.loc[("1.benign.csv", 3), "lstm_norm"], 9e9)))
    change(damaged, "scores", "source_file = '1.benign.csv' AND row_no = 3", lstm_norm=bit)
    name, fault = failing(damaged)
    assert name == "content"
    assert "1.benign.csv: values of its 90 rows in scores are not those" in fault


def test_raw_scores_that_were_changed(night_copy: Copy) -> None:
    """Raw scores of a model without calibration are compared, too."""
    warehouse = night_copy("paper")
    first = delta_table(warehouse, "scores").to_pandas().iloc[0]
    where = f"file_id = '{first.file_id}' AND row_no = {first.row_no}"
    change(warehouse, "scores", where, lstm_score="lstm_score * 1.000001")
    name, fault = failing(warehouse)
    assert name == "sample"
    assert "lstm_score is" in fault


def test_counts_of_scores_that_were_changed(damaged: Warehouse) -> None:
    """Each file that is counted for evaluation is counted whole, for each detector."""
    version = champion(damaged)
    ids = {row["source_file"]: row["file_id"] for row in damaged.rows("ingest_files")}
    remove(damaged, "score_histogram", f"file_id = '{ids['1.benign.csv']}' AND detector = 'lstm'")
    change(
        damaged,
        "score_histogram",
        f"file_id = '{ids['2.benign.csv']}' AND detector = 'hybrid'",
        rows="rows + 1",
    )
    remove(damaged, "score_histogram", f"file_id = '{ids['1.gafgyt.tcp.csv']}'")
    name, *faults = failing(damaged)
    assert name == "histogram"
    assert faults[0] == f"model {version}, 1.benign.csv: 90 scored, 0 in score_histogram for lstm"
    assert faults[1].startswith(f"model {version}, 2.benign.csv: 60 scored, ")
    assert len(faults) == 2


def test_scores_of_an_earlier_content_are_void(damaged: Warehouse) -> None:
    """After a file's content was replaced, its scores need not fit until it is scored again."""
    file = "source_file = '1.benign.csv'"
    change(damaged, "ingest_files", file, sha256="'other'", rows_read="89", rows_accepted="89")
    change(damaged, "ingest_files", file, rows_expected="89", records_hash="NULL")
    remove(damaged, "traffic", f"{file} AND row_no = 90")
    change(damaged, "traffic", file, H_L5_mean="H_L5_mean + 1")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.HOLDS) == list(checks)
    assert checks["sample"].compared.startswith("170 scores")
