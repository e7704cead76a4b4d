-- Which share of each attack does each detector flag? Latest evaluation of the champion.
--
-- attack: family.attack
-- detector: a detector, or hybrid for the hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- attacks: attack records measured
-- detection_rate: flagged share of the attack records, 0 to 1
-- missed: attack records that were not flagged
-- fpr: flagged share of the benign records of all devices, 0 to 1
-- roc_auc: area under the ROC curve, 0 to 1; the same for every threshold
-- roc_auc_error: largest error of roc_auc, because scores are counted in bins
-- weighting: none, or file_weights if each file's records stand for its full count
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
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
FROM v_latest_evaluation
WHERE scope = 'attack'
ORDER BY attack, threshold_policy, detector
