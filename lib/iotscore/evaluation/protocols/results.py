"""The form of the results: flat rows with the same columns, for a table or a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Row = dict[str, Any]

KEY: Final = (
    "protocol",
    "feature_set",
    "detector",
    "scope",
    "scope_value",
    "threshold_policy",
    "budget",
    "prevalence",
)
"""What tells two rows of one evaluation apart."""

COLUMNS: Final = (
    *KEY,
    "uses_labels",
    "tested_on_training",
    "weighting",
    "n_features",
    "n_benign",
    "n_attack",
    "roc_auc",
    "roc_auc_files_low",
    "roc_auc_files_high",
    "macro_roc_auc_devices",
    "average_precision",
    "fpr_at_tpr_999",
    "threshold",
    "tpr",
    "tpr_low",
    "tpr_high",
    "tpr_files_low",
    "tpr_files_high",
    "macro_tpr_files",
    "macro_tpr_devices",
    "worst_attack_file",
    "worst_attack_file_tpr",
    "fpr",
    "fpr_low",
    "fpr_high",
    "fpr_files_low",
    "fpr_files_high",
    "macro_fpr_devices",
    "worst_device",
    "worst_device_fpr",
    "accuracy",
    "balanced_accuracy",
    "precision_attack",
    "precision_attack_low",
    "precision_attack_high",
    "f1_attack",
    "precision_benign",
    "f1_benign",
    "false_alarms_per_true_alarm",
)
"""Keys of every row; ``docs/evaluation.md`` says what they mean. None: undefined."""


def in_order(row: Mapping[str, Any]) -> Row:
    """Return a row with its keys in the order of :data:`COLUMNS`.

    Raises
    ------
    ValueError
        If a key is missing or foreign.
    """
    if row.keys() != set(COLUMNS):
        raise ValueError(
            f"a row of results has the wrong keys: {sorted(row.keys() ^ set(COLUMNS))}"
        )
    return {column: row[column] for column in COLUMNS}


def side_by_side(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[Row]:
    """Put the figures of each feature set beside each other.

    Parameters
    ----------
    rows
        Results of one protocol or several.
    columns
        Figures to show.

    Returns
    -------
    list of dict
        One row per key but for the feature set, in the order of the first; a figure ``roc_auc``
        with feature set ``no_clock`` is under ``roc_auc.no_clock``.
    """
    shared = [column for column in KEY if column != "feature_set"]
    found: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        key = {column: row[column] for column in shared}
        place = found.setdefault(tuple(key.values()), key)
        place |= {f"{column}.{row['feature_set']}": row[column] for column in columns}
    return list(found.values())
