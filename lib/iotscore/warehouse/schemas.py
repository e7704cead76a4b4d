"""The tables of a warehouse: columns and types. ``docs/tables.md`` explains them."""

from __future__ import annotations

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

_STRING = T.StringType()
_INT = T.IntegerType()
_LONG = T.LongType()
_DOUBLE = T.DoubleType()
_BOOLEAN = T.BooleanType()
_DATE = T.DateType()
_TIMESTAMP = T.TimestampType()


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


def _struct(columns: Iterable[tuple[str, T.DataType]]) -> T.StructType:
    return T.StructType([T.StructField(name, kind) for name, kind in columns])


_RECORD = (
    ("file_id", _STRING),
    ("row_no", _LONG),
    ("source_file", _STRING),
    ("device_id", _INT),
    ("device", _STRING),
    ("family", _STRING),
    ("attack", _STRING),
    ("label", _INT),
    ("event_day", _DATE),
)
RECORD_COLUMNS: Final = tuple(name for name, _ in _RECORD)
"""What identifies and describes a record; ``traffic`` and ``scores`` share these columns."""

_FIRST_DETECTORS: Final = ("iforest", "lstm")
DETECTORS: Final = (*_FIRST_DETECTORS, "neighbours", "envelope")
"""Detectors that have columns in ``scores``; they are NULL where a model lacks one.

Tables of earlier versions may have columns of others, which nothing writes any more.
"""


def score_fields(detectors: Iterable[str]) -> T.StructType:
    """Return the columns that scoring computes: per detector and fused."""
    columns: list[tuple[str, T.DataType]] = []
    for name in detectors:
        columns += [
            (score_column(name), _DOUBLE),
            (norm_column(name), _DOUBLE),
            (flag_column(name), _BOOLEAN),
        ]
    columns += [
        (score_column(HYBRID), _DOUBLE),
        (flag_column(HYBRID), _BOOLEAN),
        (SEVERITY, _DOUBLE),
    ]
    return _struct(columns)


_SCORES_TAIL = (
    ("model_version", _STRING),
    ("split", _STRING),
    ("run_id", _STRING),
    ("scored_at", _TIMESTAMP),
)

_METRIC_SCOPE = (
    ("evaluation_id", _STRING),
    ("run_id", _STRING),
    ("model_version", _STRING),
    ("detector", _STRING),
    ("scope", _STRING),
    ("scope_value", _STRING),
)

_TOP = T.ArrayType(
    _struct(
        [
            ("feature", _STRING),
            *((name, _DOUBLE) for name in ("contribution", "value", "low", "high")),
        ]
    )
)
"""The features that contribute most to a hybrid score, the largest contribution first."""

_MEASURED = (("data_kind", _STRING), ("evaluated_at", _TIMESTAMP))

_PROTOCOL_TYPES: Final[dict[str, T.DataType]] = {
    **dict.fromkeys(
        (
            *("protocol", "feature_set", "detector", "scope", "scope_value", "threshold_policy"),
            *("weighting", "worst_attack_file", "worst_device"),
        ),
        _STRING,
    ),
    **dict.fromkeys(("uses_labels", "tested_on_training"), _BOOLEAN),
    **dict.fromkeys(("n_features", "n_benign", "n_attack"), _LONG),
}
_ROBUSTNESS_TYPES: Final[dict[str, T.DataType]] = {
    **dict.fromkeys(
        (
            *("protocol", "attack", "knob", "scope", "scope_value", "detector"),
            *("worst_attack_file", "worst_device"),
        ),
        _STRING,
    ),
    **dict.fromkeys(("draw", "n_planted", "n_benign", "n_attack"), _LONG),
}
_ROBUSTNESS_FIGURES = tuple(
    (name, _ROBUSTNESS_TYPES.get(name, _DOUBLE)) for name in ROBUSTNESS_COLUMNS
)
_PROTOCOL_FIGURES = tuple((name, _PROTOCOL_TYPES.get(name, _DOUBLE)) for name in PROTOCOL_COLUMNS)

TABLES: Final[dict[str, Table]] = {
    "traffic": Table(
        _struct([*_RECORD, *((name, _DOUBLE) for name in FEATURES), ("ingest_run", _STRING)]),
        ("file_id", "row_no", "device_id", "label", "event_day", "ingest_run"),
        is_proved=True,
    ),
    "ingest_files": Table(
        _struct(
            [
                ("file_id", _STRING),
                ("source_file", _STRING),
                ("device_id", _INT),
                ("device", _STRING),
                ("family", _STRING),
                ("attack", _STRING),
                ("label", _INT),
                ("event_day", _DATE),
                ("bytes", _LONG),
                ("sha256", _STRING),
                ("modified_at", _TIMESTAMP),
                ("rows_read", _LONG),
                ("rows_accepted", _LONG),
                ("rows_quarantined", _LONG),
                ("rows_expected", _LONG),
                ("status", _STRING),
                ("reason", _STRING),
                ("is_synthetic", _BOOLEAN),
                ("run_id", _STRING),
                ("ingested_at", _TIMESTAMP),
                ("records_hash", _LONG),
            ]
        ),
        ("file_id", "status", "run_id"),
        late=("records_hash",),
    ),
    "quarantine": Table(
        _struct(
            [
                ("file_id", _STRING),
                ("source_file", _STRING),
                ("row_no", _LONG),
                ("reason", _STRING),
                ("detail", _STRING),
                ("raw_text", _STRING),
                ("run_id", _STRING),
                ("quarantined_at", _TIMESTAMP),
            ]
        ),
        ("file_id", "run_id"),
    ),
    "models": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("manifest", _STRING),
                ("bundle", T.BinaryType()),
                ("bundle_sha256", _STRING),
                ("run_id", _STRING),
                ("created_at", _TIMESTAMP),
                ("expired_at", _TIMESTAMP),
                ("sequence", _LONG),
            ]
        ),
        ("model_version",),
        late=("expired_at", "sequence"),
    ),
    "model_aliases": Table(
        _struct(
            [
                ("alias", _STRING),
                ("model_version", _STRING),
                ("reason", _STRING),
                ("run_id", _STRING),
                ("promoted_at", _TIMESTAMP),
                ("sequence", _LONG),
            ]
        ),
        ("alias",),
        late=("sequence",),
    ),
    "scores": Table(
        _struct(
            [*_RECORD, *((f.name, f.dataType) for f in score_fields(DETECTORS)), *_SCORES_TAIL]
        ),
        ("file_id", "row_no", "device_id", "event_day", "model_version", "run_id"),
        late=tuple(
            sorted(
                set(score_fields(DETECTORS).fieldNames())
                - (set(score_fields(_FIRST_DETECTORS).fieldNames()) - {SEVERITY})
            )
        ),
        is_proved=True,
    ),
    "scored_files": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("file_id", _STRING),
                ("rows_scored", _LONG),
                ("run_id", _STRING),
                ("scored_at", _TIMESTAMP),
                ("sha256", _STRING),
                ("expired_at", _TIMESTAMP),
                ("records_hash", _LONG),
            ]
        ),
        ("model_version", "file_id", "run_id"),
        late=("sha256", "expired_at", "records_hash"),
    ),
    "score_histogram": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("file_id", _STRING),
                ("label", _INT),
                ("split", _STRING),
                ("detector", _STRING),
                ("bin", _LONG),
                ("flag", _BOOLEAN),
                ("low", _DOUBLE),
                ("high", _DOUBLE),
                ("rows", _LONG),
                ("run_id", _STRING),
            ]
        ),
        ("model_version", "file_id", "detector"),
    ),
    "explanations": Table(
        _struct(
            [
                *_RECORD,
                ("hybrid_score", _DOUBLE),
                ("severity", _DOUBLE),
                ("base", _DOUBLE),
                ("top", _TOP),
                ("rest", _DOUBLE),
                ("sentence", _STRING),
                ("model_version", _STRING),
                ("run_id", _STRING),
                ("explained_at", _TIMESTAMP),
            ]
        ),
        ("file_id", "row_no", "device_id", "event_day", "model_version", "run_id"),
    ),
    "explained_files": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("file_id", _STRING),
                ("rows_explained", _LONG),
                ("run_id", _STRING),
                ("explained_at", _TIMESTAMP),
                ("sha256", _STRING),
                ("expired_at", _TIMESTAMP),
            ]
        ),
        ("model_version", "file_id", "run_id"),
        late=("expired_at",),
    ),
    "incidents": Table(
        _struct(
            [
                ("incident_id", _STRING),
                ("model_version", _STRING),
                *((name, kind) for name, kind in _RECORD if name != "row_no"),
                ("first_row", _LONG),
                ("last_row", _LONG),
                ("voted_row", _LONG),
                ("delay", _LONG),
                ("records", _LONG),
                ("vote_window", _LONG),
                ("peak_row", _LONG),
                ("peak_score", _DOUBLE),
                ("peak_severity", _DOUBLE),
                ("top", T.ArrayType(_struct([("feature", _STRING), ("contribution", _DOUBLE)]))),
                ("sentence", _STRING),
                ("run_id", _STRING),
                ("found_at", _TIMESTAMP),
            ]
        ),
        ("incident_id", "model_version", "file_id", "run_id"),
    ),
    "shap_values": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("detector", _STRING),
                ("file_id", _STRING),
                ("row_no", _LONG),
                ("label", _INT),
                ("feature", _STRING),
                ("value", _DOUBLE),
                ("shap_value", _DOUBLE),
                ("base_value", _DOUBLE),
                ("score", _DOUBLE),
                ("run_id", _STRING),
                ("explained_at", _TIMESTAMP),
            ]
        ),
        ("model_version", "run_id"),
    ),
    "drift": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("event_day", _DATE),
                ("device_id", _INT),
                ("device", _STRING),
                ("feature", _STRING),
                ("is_flagged_excluded", _BOOLEAN),
                ("records", _LONG),
                ("counts", T.ArrayType(_LONG)),
                ("psi", _DOUBLE),
                ("psi_limit", _DOUBLE),
                ("shift", _DOUBLE),
                ("share_outside", _DOUBLE),
                ("is_moved", _BOOLEAN),
                ("step", _DOUBLE),
                ("nights_moved", _INT),
                ("run_id", _STRING),
                ("monitored_at", _TIMESTAMP),
            ]
        ),
        ("model_version", "event_day", "device_id", "run_id"),
    ),
    "monitored_files": Table(
        _struct(
            [
                ("model_version", _STRING),
                ("file_id", _STRING),
                ("rows_monitored", _LONG),
                ("run_id", _STRING),
                ("monitored_at", _TIMESTAMP),
                ("sha256", _STRING),
            ]
        ),
        ("model_version", "file_id", "run_id"),
    ),
    "alerts": Table(
        _struct(
            [
                ("alert_id", _STRING),
                ("severity", _STRING),
                ("kind", _STRING),
                ("device_id", _INT),
                ("device", _STRING),
                ("event_day", _DATE),
                ("feature", _STRING),
                ("value", _DOUBLE),
                ("limit", _DOUBLE),
                ("message", _STRING),
                ("first_seen", _DATE),
                ("cool_down_until", _DATE),
                ("model_version", _STRING),
                ("run_id", _STRING),
                ("raised_at", _TIMESTAMP),
            ]
        ),
        ("model_version", "event_day", "run_id"),
    ),
    "notifications": Table(
        _struct(
            [
                ("alert_id", _STRING),
                ("channel", _STRING),
                ("is_delivered", _BOOLEAN),
                ("fault", _STRING),
                ("run_id", _STRING),
                ("attempted_at", _TIMESTAMP),
            ]
        ),
        ("alert_id",),
    ),
    "suppressions": Table(
        _struct(
            [
                ("suppression_id", _STRING),
                ("kind", _STRING),
                ("device", _STRING),
                ("feature", _STRING),
                ("source_file", _STRING),
                ("reason", _STRING),
                ("author", _STRING),
                ("created_at", _TIMESTAMP),
                ("expires_at", _TIMESTAMP),
            ]
        ),
        ("suppression_id",),
    ),
    "metrics": Table(
        _struct(
            [
                *_METRIC_SCOPE,
                ("threshold_policy", _STRING),
                ("uses_labels", _BOOLEAN),
                ("threshold", _DOUBLE),
                ("weighting", _STRING),
                ("rows", _LONG),
                *((name, _DOUBLE) for name in ("tp", "fp", "tn", "fn")),
                ("accuracy", _DOUBLE),
                ("balanced_accuracy", _DOUBLE),
                ("precision_attack", _DOUBLE),
                ("recall_attack", _DOUBLE),
                ("f1_attack", _DOUBLE),
                ("precision_benign", _DOUBLE),
                ("recall_benign", _DOUBLE),
                ("f1_benign", _DOUBLE),
                ("fpr", _DOUBLE),
                ("recall_attack_low", _DOUBLE),
                ("recall_attack_high", _DOUBLE),
                ("fpr_low", _DOUBLE),
                ("fpr_high", _DOUBLE),
                ("fpr_promised", _DOUBLE),
                ("roc_auc", _DOUBLE),
                ("roc_auc_error", _DOUBLE),
                ("average_precision", _DOUBLE),
                ("average_precision_error", _DOUBLE),
                *_MEASURED,
                ("sequence", _LONG),
            ]
        ),
        ("evaluation_id", "model_version"),
        late=(
            *("recall_attack_low", "recall_attack_high"),
            *("fpr_low", "fpr_high", "fpr_promised", "sequence"),
        ),
    ),
    "protocol_figures": Table(
        _struct([*_PROTOCOL_FIGURES, ("run_id", _STRING), *_MEASURED]),
        ("protocol", "run_id"),
    ),
    "robustness_figures": Table(
        _struct([*_ROBUSTNESS_FIGURES, ("run_id", _STRING), *_MEASURED]),
        ("protocol", "run_id"),
    ),
    "roc_points": Table(
        _struct(
            [
                *_METRIC_SCOPE,
                ("point", _INT),
                ("threshold", _DOUBLE),
                ("fpr", _DOUBLE),
                ("tpr", _DOUBLE),
            ]
        ),
        ("evaluation_id", "model_version"),
    ),
    "runs": Table(
        _struct(
            [
                ("run_id", _STRING),
                ("stage", _STRING),
                ("status", _STRING),
                ("started_at", _TIMESTAMP),
                ("ended_at", _TIMESTAMP),
                ("seconds", _DOUBLE),
                ("rows", _LONG),
                ("rows_per_second", _DOUBLE),
                ("rows_per_second_per_core", _DOUBLE),
                ("cores", _INT),
                ("peak_memory_bytes", _LONG),
                ("driver_memory_bytes", _LONG),
                ("profile", _STRING),
                ("config_sha256", _STRING),
                ("code_version", _STRING),
                ("details", _STRING),
                ("error", _STRING),
                ("sequence", _LONG),
            ]
        ),
        ("run_id", "stage", "status"),
        late=("sequence",),
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
