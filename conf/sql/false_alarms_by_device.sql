-- How many benign records does the champion flag, per device? Look at split = test first: the other
-- records fitted or calibrated the model. Unlabelled records are left out.
--
-- device_id: number of the device
-- device: its name
-- split: what the records were to the model: train, calibration, test or none
-- benign_records: records labelled as benign
-- iforest_alarms: flagged by the isolation forest; NULL if it has no threshold yet
-- lstm_alarms: flagged by the autoencoder
-- hybrid_alarms: flagged by the hybrid score
-- hybrid_fpr: hybrid_alarms as a share of benign_records, 0 to 1
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
SELECT
    device_id,
    device,
    split,
    count(*) AS benign_records,
    sum(CAST(iforest_flag AS BIGINT)) AS iforest_alarms,
    sum(CAST(lstm_flag AS BIGINT)) AS lstm_alarms,
    sum(CAST(is_anomaly AS BIGINT)) AS hybrid_alarms,
    round(sum(CAST(is_anomaly AS BIGINT)) / nullif(count(is_anomaly), 0), 6) AS hybrid_fpr,
    threshold_policy,
    uses_labels,
    is_synthetic,
    v_champion.model_version
FROM scores
INNER JOIN v_champion ON scores.model_version = v_champion.model_version
WHERE label = 0
GROUP BY
    device_id, device, split, threshold_policy, uses_labels, is_synthetic, v_champion.model_version
ORDER BY split DESC, hybrid_fpr DESC NULLS LAST, device
