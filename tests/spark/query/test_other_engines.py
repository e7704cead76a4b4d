"""Open tables: delta-rs, which knows nothing of Spark, reads them and agrees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

NOT_OF_A_NIGHT = {
    *("quarantine", "protocol_figures", "robustness_figures", "shap_values", "suppressions"),
    *("drift", "alerts", "monitored_files", "notifications"),
}
"""Tables that the fixture's night, which has no faults and is not watched, does not write."""


def test_scores_agree_with_spark(night: Warehouse) -> None:
    """Counts and sums of scores are the same from both engines."""
    frame = DeltaTable(f"{night.root}/scores").to_pandas()
    found = (
        night.read("scores")
        .agg({"*": "count", "hybrid_score": "sum", "lstm_score": "sum"})
        .first()
        .asDict()
    )
    assert len(frame) == found["count(1)"] == 260
    assert frame["hybrid_score"].sum() == pytest.approx(found["sum(hybrid_score)"], rel=1e-12)
    assert frame["lstm_score"].sum() == pytest.approx(found["sum(lstm_score)"], rel=1e-12)
    assert set(frame["model_version"]) == {night.rows("models")[0]["model_version"]}


@pytest.mark.parametrize("table", sorted(set(TABLES) - NOT_OF_A_NIGHT))
def test_every_table_can_be_read(night: Warehouse, table: str) -> None:
    """Only features of Delta that delta-rs knows too are used."""
    rows = DeltaTable(f"{night.root}/{table}").to_pyarrow_table().num_rows
    assert rows == night.read(table).count() > 0
