-- How good is each detector on each device? Latest evaluation of the champion.
--
-- device: name of the device
-- detector: a detector, or hybrid for the hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- records: labelled records measured
-- detection_rate: flagged share of the attack records, 0 to 1; NULL without attacks
-- fpr: flagged share of the benign records, 0 to 1; NULL without benign records
-- precision_attack: attacks among the flagged records, 0 to 1
-- f1_attack: harmonic mean of precision and detection rate, 0 to 1
-- roc_auc: area under the ROC curve, 0 to 1; NULL unless there are records of both kinds
-- weighting: none, or file_weights if each file's records stand for its full count
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
SELECT
    scope_value AS device,
    detector,
    threshold_policy,
    uses_labels,
    rows AS records,
    recall_attack AS detection_rate,
    fpr,
    precision_attack,
    f1_attack,
    roc_auc,
    weighting,
    data_kind,
    model_version
FROM v_latest_evaluation
WHERE scope = 'device'
ORDER BY device, threshold_policy, detector
