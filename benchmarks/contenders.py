"""What is measured, and the measurements of each contender."""

from __future__ import annotations

from typing import Any, Final

CONTENDERS: Final = {
    "ingest": "`ingest`, CSV to Delta",
    "ingest_s3": "`ingest`, CSV to Delta on S3 (versitygw on loopback, objects in files)",
    "ingest_limit": "pyarrow CSV reader and Parquet writer, no Spark, no checks",
    "train": "`train`",
    "score": "`score`, Delta to Delta",
    "score_s3": "`score`, Delta to Delta, both on that S3",
    "limit": "the same kernels without Spark, Parquet to Parquet",
    "naive": "naive Spark: pandas UDF over 115 columns, scikit-learn, Keras in steps of 10,000",
    "reports": "the published baseline, Keras in steps of 32, scoring only",
    "reports_large_step": "the published baseline, Keras in steps of 10,000, scoring only",
    "reports_read": "the published baseline, reading the CSVs by pandas",
    "evaluate": "`evaluate`",
    "explain": "`explain`: all are scored again, the rows are the flagged ones, TreeSHAP included",
    "nightly": "`nightly` into an empty warehouse, start to end",
    "nothing_new": "`nightly` on that warehouse again, nothing new: what every night costs",
    "increment": "`nightly` of new records on top of them, start to end",
    "increment_alone": "the same, on a warehouse that holds the model alone",
    "stream": "`stream --once` of new records, with the model alone, start to end",
}
"""What is measured, in the order of the document."""

SECONDS: Final = {
    "reports_large_step": ("reports", "large_step_seconds"),
    "reports_read": ("reports", "read_seconds"),
    "increment_alone": ("increment", "alone_seconds"),
}
"""Figures that stand in another contender's measurement, under another name."""


def measurements(entry: dict[str, Any], what: str) -> list[dict[str, Any]]:
    """Return what was measured of a contender, with ``seconds`` of its own."""
    source, seconds = SECONDS.get(what, (what, "seconds"))
    return [
        {**one, "seconds": one[seconds]} for one in entry["measurements"] if one["what"] == source
    ]


def rates(entry: dict[str, Any], what: str) -> dict[int, float]:
    """Return rows per second by round."""
    return {one["round"]: one["rows"] / one["seconds"] for one in measurements(entry, what)}
