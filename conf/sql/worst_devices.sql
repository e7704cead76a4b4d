-- Which devices raised most alerts on the latest event day? Counted with the champion.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device
-- device: its name
-- records: records scored
-- alerts: records flagged by the hybrid score; NULL if there is no threshold yet
-- alert_percent: alerts in per cent of the records that were judged
-- known_attacks: records labelled as attack
-- known_benign: records labelled as benign; the others are unlabelled
-- highest_score: largest hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, promoted_at) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
marking AS (
    SELECT
        models.model_version,
        IF(get_json_object(manifest, '$.normalisation') = 'batch_minmax', 'roc_youden', 'benign_quantile')
            AS threshold_policy,
        get_json_object(manifest, '$.normalisation') = 'batch_minmax' AS uses_labels,
        CAST(get_json_object(manifest, '$.thresholds.hybrid') AS DOUBLE) AS hybrid_threshold,
        (SELECT bool_or(is_synthetic) FROM ingest_files WHERE status = 'ingested') AS is_synthetic
    FROM models
    INNER JOIN champion ON models.model_version = champion.model_version
)
SELECT
    event_day,
    device_id,
    device,
    count(*) AS records,
    sum(CAST(is_anomaly AS BIGINT)) AS alerts,
    round(100 * sum(CAST(is_anomaly AS BIGINT)) / nullif(count(is_anomaly), 0), 2) AS alert_percent,
    count_if(label = 1) AS known_attacks,
    count_if(label = 0) AS known_benign,
    max(hybrid_score) AS highest_score,
    threshold_policy,
    uses_labels,
    is_synthetic,
    marking.model_version
FROM scores
INNER JOIN marking ON scores.model_version = marking.model_version
WHERE event_day = (
    SELECT max(event_day)
    FROM scores
    WHERE model_version = (SELECT model_version FROM champion)
)
GROUP BY
    event_day, device_id, device, threshold_policy, uses_labels, is_synthetic, marking.model_version
ORDER BY alerts DESC NULLS LAST, device
