"""Tables of a warehouse for pandas, read as the stages read them: without a query of Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from iotscore.warehouse.warehouse import Warehouse

KEYS = {
    "traffic": ["file_id", "row_no"],
    "scores": ["file_id", "row_no"],
    "quarantine": ["file_id", "row_no"],
    "ingest_files": ["file_id"],
    "scored_files": ["file_id"],
    "models": ["model_version"],
    "score_histogram": ["file_id", "split", "detector", "bin", "flag"],
    "metrics": ["detector", "scope", "scope_value", "threshold_policy"],
    "roc_points": ["detector", "scope", "scope_value", "point"],
    "explanations": ["file_id", "row_no"],
    "explained_files": ["file_id"],
    "incidents": ["incident_id"],
    "shap_values": ["file_id", "row_no", "feature"],
    "drift": ["event_day", "device", "feature", "is_flagged_excluded"],
    "alerts": ["alert_id"],
}
"""Columns by which the rows of a table are told apart."""
_OF_THE_RUN = {"run_id", "ingest_run", "evaluation_id", "manifest"}
_TIMES = {
    *("ingested_at", "scored_at", "created_at", "evaluated_at", "quarantined_at"),
    *("explained_at", "found_at", "raised_at", "monitored_at"),
}


def frame_of(warehouse: Warehouse, table: str, **where: str) -> pd.DataFrame:
    """Return the rows of a table, in no order."""
    columns = TABLES[table].schema.fieldNames()
    return warehouse.table(table, columns, **where).to_pandas()


def comparable(frame: pd.DataFrame, table: str) -> pd.DataFrame:
    """Return rows of a table in order, without what differs between any two runs.

    A manifest repeats the configuration, which says how files are written.
    """
    kept = [name for name in frame.columns if name not in _OF_THE_RUN | _TIMES]
    return frame[kept].sort_values(KEYS[table], ignore_index=True)
