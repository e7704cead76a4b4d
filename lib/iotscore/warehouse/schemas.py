"""The tables of a warehouse: columns and types. ``docs/tables.md`` explains them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from iotscore.features import FEATURES, HYBRID, SEVERITY, flag_column, norm_column, score_column
from iotscore.warehouse.figure_columns import PROTOCOL_COLUMNS, ROBUSTNESS_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pyarrow as pa

LAYOUT: Final = 5
"""Raised with each change of a table. 2: ``scored_files`` has ``sha256``. 3: ``scores`` has more
detectors and ``severity``, ``metrics`` has intervals. 4: ``scored_files``, ``explained_files`` and
``models`` have ``expired_at``. 5: ``ingest_files`` and ``scored_files`` have ``records_hash``;
``models``, ``model_aliases``, ``metrics`` and ``runs`` have ``sequence``."""

_FIRST_DETECTORS: Final = ("iforest", "lstm")
DETECTORS: Final = (*_FIRST_DETECTORS, "neighbours", "envelope")
"""Detectors that have columns in ``scores``; they are NULL where a model lacks one.

Tables of earlier versions may have columns of others, which nothing writes any more.
"""

_TYPES: Final[dict[str, T.DataType]] = {
    "STRING": T.StringType(),
    "INT": T.IntegerType(),
    "BIGINT": T.LongType(),
    "DOUBLE": T.DoubleType(),
    "BOOLEAN": T.BooleanType(),
    "DATE": T.DateType(),
    "TIMESTAMP": T.TimestampType(),
    "BINARY": T.BinaryType(),
}

_NOT_DOUBLE: Final = {
    **dict.fromkeys(
        (
            *("protocol", "feature_set", "detector", "scope", "scope_value", "threshold_policy"),
            *("weighting", "attack", "knob", "worst_attack_file", "worst_device"),
        ),
        "STRING",
    ),
    **dict.fromkeys(("uses_labels", "tested_on_training"), "BOOLEAN"),
    **dict.fromkeys(("n_features", "n_benign", "n_attack", "n_planted", "draw"), "BIGINT"),
}


@dataclass(frozen=True)
class Table:
    """A table's columns, and those whose minimum and maximum Delta keeps per data file.

    Queries that filter by a column in ``indexed`` skip data files; for the others statistics
    would only cost time at each write. Tables of an older layout may lack the columns in ``late``:
    NULL is true of their rows. Of tables that are proved the ledgers keep the sum of all values.
    """

    schema: T.StructType
    indexed: tuple[str, ...]
    late: tuple[str, ...] = ()
    is_proved: bool = False

    @property
    def arrow_schema(self) -> pa.Schema:
        """The same columns for Arrow; times are UTC, to the microsecond."""
        return to_arrow_schema(self.schema, timezone="UTC")


def score_columns(detectors: Iterable[str]) -> list[str]:
    """Return the columns that scoring computes: per detector, and of the hybrid score."""
    of_each = ((score_column(d), norm_column(d), flag_column(d)) for d in detectors)
    return [
        *(name for one in of_each for name in one),
        score_column(HYBRID),
        flag_column(HYBRID),
        SEVERITY,
    ]


def _columns(names: Iterable[str]) -> str:
    """Write columns as SQL does; most are numbers."""
    flags = {flag_column(name) for name in (*DETECTORS, HYBRID)}
    types = _NOT_DOUBLE | dict.fromkeys(flags, "BOOLEAN")
    return ", ".join(f"{name} {types.get(name, 'DOUBLE')}" for name in names)


def _struct(columns: str) -> T.StructType:
    """Read columns as SQL writes them, which Spark itself does in the JVM alone."""
    named = (one.split(maxsplit=1) for one in re.split(r",\s+(?![^<]*>)", columns.strip()))
    return T.StructType([T.StructField(name, _type(kind)) for name, kind in named])


def _type(kind: str) -> T.DataType:
    if kind.startswith("ARRAY<"):
        return T.ArrayType(_type(kind[len("ARRAY<") : -1]))
    if kind.startswith("STRUCT<"):
        return _struct(kind[len("STRUCT<") : -1])
    return _TYPES[kind]


def _table(columns: str, indexed: str, *, late: str = "", is_proved: bool = False) -> Table:
    return Table(_struct(columns), tuple(indexed.split()), tuple(late.split()), is_proved)


_RECORD = """file_id STRING, row_no BIGINT, source_file STRING, device_id INT, device STRING,
    family STRING, attack STRING, label INT, event_day DATE"""
RECORD_COLUMNS: Final = tuple(_struct(_RECORD).fieldNames())
"""What identifies and describes a record; ``traffic`` and ``scores`` share these columns."""

_METRIC_SCOPE = """evaluation_id STRING, run_id STRING, model_version STRING, detector STRING,
    scope STRING, scope_value STRING"""
_LATE_SCORES = [
    *(name for name in score_columns(DETECTORS) if name not in score_columns(_FIRST_DETECTORS)),
    SEVERITY,
]

TABLES: Final[dict[str, Table]] = {
    "traffic": _table(
        f"{_RECORD}, {_columns(FEATURES)}, ingest_run STRING",
        "file_id row_no device_id label event_day ingest_run",
        is_proved=True,
    ),
    "ingest_files": _table(
        """
        file_id STRING, source_file STRING, device_id INT, device STRING, family STRING,
        attack STRING, label INT, event_day DATE, bytes BIGINT, sha256 STRING,
        modified_at TIMESTAMP, rows_read BIGINT, rows_accepted BIGINT, rows_quarantined BIGINT,
        rows_expected BIGINT, status STRING, reason STRING, is_synthetic BOOLEAN, run_id STRING,
        ingested_at TIMESTAMP, records_hash BIGINT
        """,
        "file_id status run_id",
        late="records_hash",
    ),
    "quarantine": _table(
        """
        file_id STRING, source_file STRING, row_no BIGINT, reason STRING, detail STRING,
        raw_text STRING, run_id STRING, quarantined_at TIMESTAMP
        """,
        "file_id run_id",
    ),
    "models": _table(
        """
        model_version STRING, manifest STRING, bundle BINARY, bundle_sha256 STRING, run_id STRING,
        created_at TIMESTAMP, expired_at TIMESTAMP, sequence BIGINT
        """,
        "model_version",
        late="expired_at sequence",
    ),
    "model_aliases": _table(
        """
        alias STRING, model_version STRING, reason STRING, run_id STRING, promoted_at TIMESTAMP,
        sequence BIGINT
        """,
        "alias",
        late="sequence",
    ),
    "scores": _table(
        f"""
        {_RECORD},
        {_columns(score_columns(DETECTORS))},
        model_version STRING, split STRING, run_id STRING, scored_at TIMESTAMP
        """,
        "file_id row_no device_id event_day model_version run_id",
        late=" ".join(_LATE_SCORES),
        is_proved=True,
    ),
    "scored_files": _table(
        """
        model_version STRING, file_id STRING, rows_scored BIGINT, run_id STRING,
        scored_at TIMESTAMP, sha256 STRING, expired_at TIMESTAMP, records_hash BIGINT
        """,
        "model_version file_id run_id",
        late="sha256 expired_at records_hash",
    ),
    "score_histogram": _table(
        """
        model_version STRING, file_id STRING, label INT, split STRING, detector STRING, bin BIGINT,
        flag BOOLEAN, low DOUBLE, high DOUBLE, rows BIGINT, run_id STRING
        """,
        "model_version file_id detector",
    ),
    "explanations": _table(
        f"""
        {_RECORD},
        hybrid_score DOUBLE, severity DOUBLE, base DOUBLE, top ARRAY<STRUCT<feature STRING,
        contribution DOUBLE, value DOUBLE, low DOUBLE, high DOUBLE>>, rest DOUBLE, sentence STRING,
        model_version STRING, run_id STRING, explained_at TIMESTAMP
        """,
        "file_id row_no device_id event_day model_version run_id",
    ),
    "explained_files": _table(
        """
        model_version STRING, file_id STRING, rows_explained BIGINT, run_id STRING,
        explained_at TIMESTAMP, sha256 STRING, expired_at TIMESTAMP
        """,
        "model_version file_id run_id",
        late="expired_at",
    ),
    "incidents": _table(
        """
        incident_id STRING, model_version STRING, file_id STRING, source_file STRING,
        device_id INT, device STRING, family STRING, attack STRING, label INT, event_day DATE,
        first_row BIGINT, last_row BIGINT, voted_row BIGINT, delay BIGINT, records BIGINT,
        vote_window BIGINT, peak_row BIGINT, peak_score DOUBLE, peak_severity DOUBLE,
        top ARRAY<STRUCT<feature STRING, contribution DOUBLE>>, sentence STRING, run_id STRING,
        found_at TIMESTAMP
        """,
        "incident_id model_version file_id run_id",
    ),
    "shap_values": _table(
        """
        model_version STRING, detector STRING, file_id STRING, row_no BIGINT, label INT,
        feature STRING, value DOUBLE, shap_value DOUBLE, base_value DOUBLE, score DOUBLE,
        run_id STRING, explained_at TIMESTAMP
        """,
        "model_version run_id",
    ),
    "drift": _table(
        """
        model_version STRING, event_day DATE, device_id INT, device STRING, feature STRING,
        is_flagged_excluded BOOLEAN, records BIGINT, counts ARRAY<BIGINT>, psi DOUBLE,
        psi_limit DOUBLE, shift DOUBLE, share_outside DOUBLE, is_moved BOOLEAN, step DOUBLE,
        nights_moved INT, run_id STRING, monitored_at TIMESTAMP
        """,
        "model_version event_day device_id run_id",
    ),
    "monitored_files": _table(
        """
        model_version STRING, file_id STRING, rows_monitored BIGINT, run_id STRING,
        monitored_at TIMESTAMP, sha256 STRING
        """,
        "model_version file_id run_id",
    ),
    "alerts": _table(
        """
        alert_id STRING, severity STRING, kind STRING, device_id INT, device STRING,
        event_day DATE, feature STRING, value DOUBLE, limit DOUBLE, message STRING,
        first_seen DATE, cool_down_until DATE, model_version STRING, run_id STRING,
        raised_at TIMESTAMP
        """,
        "model_version event_day run_id",
    ),
    "notifications": _table(
        """
        alert_id STRING, channel STRING, is_delivered BOOLEAN, fault STRING, run_id STRING,
        attempted_at TIMESTAMP
        """,
        "alert_id",
    ),
    "suppressions": _table(
        """
        suppression_id STRING, kind STRING, device STRING, feature STRING, source_file STRING,
        reason STRING, author STRING, created_at TIMESTAMP, expires_at TIMESTAMP
        """,
        "suppression_id",
    ),
    "metrics": _table(
        f"""
        {_METRIC_SCOPE},
        threshold_policy STRING, uses_labels BOOLEAN, threshold DOUBLE, weighting STRING,
        rows BIGINT, tp DOUBLE, fp DOUBLE, tn DOUBLE, fn DOUBLE, accuracy DOUBLE,
        balanced_accuracy DOUBLE, precision_attack DOUBLE, recall_attack DOUBLE, f1_attack DOUBLE,
        precision_benign DOUBLE, recall_benign DOUBLE, f1_benign DOUBLE, fpr DOUBLE,
        recall_attack_low DOUBLE, recall_attack_high DOUBLE, fpr_low DOUBLE, fpr_high DOUBLE,
        fpr_promised DOUBLE, roc_auc DOUBLE, roc_auc_error DOUBLE, average_precision DOUBLE,
        average_precision_error DOUBLE, data_kind STRING, evaluated_at TIMESTAMP, sequence BIGINT
        """,
        "evaluation_id model_version",
        late="recall_attack_low recall_attack_high fpr_low fpr_high fpr_promised sequence",
    ),
    "protocol_figures": _table(
        f"""
        {_columns(PROTOCOL_COLUMNS)},
        run_id STRING, data_kind STRING, evaluated_at TIMESTAMP
        """,
        "protocol run_id",
    ),
    "robustness_figures": _table(
        f"""
        {_columns(ROBUSTNESS_COLUMNS)},
        run_id STRING, data_kind STRING, evaluated_at TIMESTAMP
        """,
        "protocol run_id",
    ),
    "roc_points": _table(
        f"""
        {_METRIC_SCOPE},
        point INT, threshold DOUBLE, fpr DOUBLE, tpr DOUBLE
        """,
        "evaluation_id model_version",
    ),
    "runs": _table(
        """
        run_id STRING, stage STRING, status STRING, started_at TIMESTAMP, ended_at TIMESTAMP,
        seconds DOUBLE, rows BIGINT, rows_per_second DOUBLE, rows_per_second_per_core DOUBLE,
        cores INT, peak_memory_bytes BIGINT, driver_memory_bytes BIGINT, profile STRING,
        config_sha256 STRING, code_version STRING, details STRING, error STRING, sequence BIGINT
        """,
        "run_id stage status",
        late="sequence",
    ),
}
"""Every table of a warehouse by its plain name."""

STAGING: Final = "_staging"
"""Name of a table for what a running stage must put down; leftovers of a killed run are dropped."""

_HIDDEN: Final = {STAGING: Table(TABLES["scores"].schema, ("file_id",))}


def definition(table: str) -> Table:
    """Return a table's definition by its name, of tables of no user too."""
    return _HIDDEN[table] if table in _HIDDEN else TABLES[table]


def run_column(table: str) -> str:
    """Return the column that says of a table's rows which run wrote them."""
    return "ingest_run" if table == "traffic" else "run_id"
