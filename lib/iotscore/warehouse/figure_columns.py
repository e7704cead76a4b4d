"""The columns of ``protocol_figures`` and ``robustness_figures``, as protocols measure them."""

from __future__ import annotations

from typing import Final

PROTOCOL_KEY: Final = (
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

PROTOCOL_COLUMNS: Final = (
    *PROTOCOL_KEY,
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

POISONING: Final = "poisoning"
EVASION: Final = "evasion"
"""The protocols that measure robustness: values of ``protocol`` in its rows."""

ROBUSTNESS_KEY: Final = (
    *("protocol", "attack", "knob", "effort", "trim_share", "draw"),
    *("scope", "scope_value", "detector", "budget"),
)
"""What tells two rows of one evaluation apart."""
ROBUSTNESS_FIGURES: Final = (
    *("n_benign", "n_attack", "roc_auc", "fpr_at_tpr_999"),
    *("tpr", "tpr_low", "tpr_high", "worst_attack_file", "worst_attack_file_tpr"),
    *("fpr", "fpr_low", "fpr_high", "worst_device", "worst_device_fpr"),
)
ROBUSTNESS_COLUMNS: Final = (
    *ROBUSTNESS_KEY,
    "n_planted",
    *ROBUSTNESS_FIGURES,
    *("packets_per_second", "unnoticed_per_second"),
)
"""Keys of every row; ``docs/evaluation.md`` says what they mean. None: undefined."""
