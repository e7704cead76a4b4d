-- In which 30 attack files does the champion's hybrid score miss most? Its latest evaluation.
-- Thresholds that were chosen without labels come first.
--
-- source_file: the file, below the landing folder
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- attacks: attack records measured
-- missed: attack records that were not flagged
-- detection_rate: found attack records, 0 to 1
-- fpr: flagged benign records of the same device, 0 to 1; NULL if it has none
-- roc_auc: area under the ROC curve against the device's benign records, 0 to 1
-- weighting: none, or file_weights if each file's records stand for its full count
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
latest AS (
    SELECT max_by(metrics.evaluation_id, struct(metrics.sequence, metrics.evaluated_at)) AS evaluation_id
    FROM metrics
    INNER JOIN champion ON metrics.model_version = champion.model_version
)
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
FROM metrics
INNER JOIN latest ON metrics.evaluation_id = latest.evaluation_id
WHERE scope = 'file' AND detector = 'hybrid' AND tp + fn > 0
ORDER BY uses_labels, detection_rate, missed DESC, source_file
LIMIT 30
