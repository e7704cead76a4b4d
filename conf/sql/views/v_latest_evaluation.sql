-- How good is the champion, by its newest evaluation? One row per scope, detector and policy.
--
-- scope: all, family, attack, device or file: what is measured together
-- scope_value: its name; NULL for all
-- detector: a detector, or hybrid for the hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- threshold: a record is flagged if its score is above it
-- weighting: none, or file_weights if each file's records stand for its full count
-- rows: labelled records measured
-- tp: attack records that are flagged
-- fp: benign records that are flagged
-- tn: benign records that are not flagged
-- fn: attack records that are not flagged
-- accuracy: records with the right answer, 0 to 1
-- balanced_accuracy: mean of recall_attack and recall_benign, 0 to 1
-- precision_attack: attacks among the flagged records, 0 to 1
-- recall_attack: flagged share of the attacks, 0 to 1; NULL without attacks
-- f1_attack: harmonic mean of the two
-- precision_benign: benign records among those not flagged, 0 to 1
-- recall_benign: share of the benign records that is not flagged, 0 to 1
-- f1_benign: harmonic mean of the two
-- fpr: flagged share of the benign records, 0 to 1; NULL without benign records
-- roc_auc: area under the ROC curve, 0 to 1; NULL unless there are records of both kinds
-- roc_auc_error: largest error of roc_auc, because scores are counted in bins
-- average_precision: mean precision over all thresholds, 0 to 1
-- data_kind: synthetic, partial or full: what the figures were measured on
-- evaluated_at: time of the evaluation, UTC
-- evaluation_id: the evaluation
-- model_version: the champion
WITH latest AS (
    SELECT max_by(metrics.evaluation_id, struct(metrics.sequence, metrics.evaluated_at)) AS evaluation_id
    FROM metrics
    INNER JOIN v_champion ON metrics.model_version = v_champion.model_version
)
SELECT
    scope,
    scope_value,
    detector,
    threshold_policy,
    uses_labels,
    threshold,
    weighting,
    rows,
    tp,
    fp,
    tn,
    fn,
    accuracy,
    balanced_accuracy,
    precision_attack,
    recall_attack,
    f1_attack,
    precision_benign,
    recall_benign,
    f1_benign,
    fpr,
    roc_auc,
    roc_auc_error,
    average_precision,
    data_kind,
    evaluated_at,
    metrics.evaluation_id,
    model_version
FROM metrics
INNER JOIN latest ON metrics.evaluation_id = latest.evaluation_id
