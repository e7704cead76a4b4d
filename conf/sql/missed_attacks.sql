-- In which 30 attack files does the champion's hybrid score miss most records? Its latest evaluation.
-- Thresholds that were chosen without labels come first.
--
-- source_file: the file, below the landing folder
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- attacks: attack records measured
-- missed: attack records that were not flagged
-- detection_rate: flagged share of the attack records, 0 to 1
-- fpr: flagged benign records of the same device, 0 to 1; NULL if it has none
-- roc_auc: area under the ROC curve against the device's benign records, 0 to 1
-- weighting: none, or file_weights if each file's records stand for its full count
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
SELECT
    scope_value AS source_file,
    threshold_policy,
    uses_labels,
    tp + fn AS attacks,
    fn AS missed,
    recall_attack AS detection_rate,
    fpr,
    roc_auc,
    weighting,
    data_kind,
    model_version
FROM v_latest_evaluation
WHERE scope = 'file' AND detector = 'hybrid' AND tp + fn > 0
ORDER BY uses_labels, detection_rate, missed DESC, source_file
LIMIT 30
