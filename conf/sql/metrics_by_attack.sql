-- Which share of each attack does each detector find? Latest evaluation of the champion.
--
-- attack: family.attack
-- detector: a detector, or hybrid for the fused score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- attacks: attack records measured
-- detection_rate: found attack records, 0 to 1
-- missed: attack records that were not flagged
-- fpr: flagged share of the benign records of all devices, 0 to 1
-- roc_auc: area under the ROC curve, 0 to 1; the same for every threshold
-- roc_auc_error: most that roc_auc can be off, because scores are counted in bins
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
    scope_value AS attack,
    detector,
    threshold_policy,
    uses_labels,
    tp + fn AS attacks,
    recall_attack AS detection_rate,
    fn AS missed,
    fpr,
    roc_auc,
    roc_auc_error,
    weighting,
    data_kind,
    model_version
FROM metrics
INNER JOIN latest ON metrics.evaluation_id = latest.evaluation_id
WHERE scope = 'attack'
ORDER BY attack, threshold_policy, detector
