-- How good is the champion on everything that was measured? Its latest evaluation, all policies.
--
-- detector: a detector, or hybrid for the hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- threshold: a record is flagged if its score is above it
-- records: labelled records measured
-- accuracy: records with the right answer, 0 to 1
-- balanced_accuracy: mean of recall_attack and recall_benign, 0 to 1
-- precision_attack: attacks among the flagged records, 0 to 1
-- recall_attack: flagged among the attacks, 0 to 1
-- f1_attack: harmonic mean of the two
-- precision_benign: benign records among those not flagged, 0 to 1
-- recall_benign: not flagged among the benign records, 0 to 1
-- f1_benign: harmonic mean of the two
-- fpr: flagged among the benign records, 0 to 1
-- roc_auc: area under the ROC curve, 0 to 1
-- roc_auc_error: largest error of roc_auc, because scores are counted in bins
-- average_precision: mean precision over all thresholds, 0 to 1
-- weighting: none, or file_weights if each file's records stand for its full count
-- data_kind: synthetic, partial or full: what the figures were measured on
-- evaluated_at: time of the evaluation, UTC
-- model_version: the champion
SELECT
    detector,
    threshold_policy,
    uses_labels,
    threshold,
    rows AS records,
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
    weighting,
    data_kind,
    evaluated_at,
    model_version
FROM v_latest_evaluation
WHERE scope = 'all'
ORDER BY threshold_policy, detector
