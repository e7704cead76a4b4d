-- How did each night go, per device? One row per device and event day, as the champion scored it.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- records: records scored
-- alerts: records flagged by the hybrid score; NULL if there is no threshold yet
-- alert_rate: alerts as a share of the records that were judged, 0 to 1
-- worst_severity: highest severity, 0 to 100; NULL if the model gives none
-- highest_score: largest hybrid score
-- incidents: runs of records most of which are flagged; 0 until they have been explained
-- known_attacks: records labelled as attack
-- known_benign: records labelled as benign; the others are unlabelled
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
marking AS (
    SELECT
        models.model_version,
        IF(get_json_object(manifest, '$.normalisation') = 'batch_minmax', 'roc_youden', 'benign_quantile')
            AS threshold_policy,
        get_json_object(manifest, '$.normalisation') = 'batch_minmax' AS uses_labels,
        (SELECT bool_or(is_synthetic) FROM ingest_files WHERE status = 'ingested') AS is_synthetic
    FROM models
    INNER JOIN champion ON models.model_version = champion.model_version
),
judged AS (
    SELECT
        event_day,
        device_id,
        device,
        scores.model_version,
        count(*) AS records,
        sum(CAST(is_anomaly AS BIGINT)) AS alerts,
        sum(CAST(is_anomaly AS BIGINT)) / nullif(count(is_anomaly), 0) AS alert_rate,
        max(severity) AS worst_severity,
        max(hybrid_score) AS highest_score,
        count_if(label = 1) AS known_attacks,
        count_if(label = 0) AS known_benign
    FROM scores
    INNER JOIN champion ON scores.model_version = champion.model_version
    GROUP BY event_day, device_id, device, scores.model_version
),
found AS (
    SELECT event_day, device_id, device, incidents.model_version, count(*) AS incidents
    FROM incidents
    INNER JOIN champion ON incidents.model_version = champion.model_version
    GROUP BY event_day, device_id, device, incidents.model_version
)
SELECT
    judged.event_day,
    judged.device_id,
    judged.device,
    records,
    alerts,
    alert_rate,
    worst_severity,
    highest_score,
    coalesce(incidents, 0) AS incidents,
    known_attacks,
    known_benign,
    threshold_policy,
    uses_labels,
    is_synthetic,
    judged.model_version
FROM judged
INNER JOIN marking ON judged.model_version = marking.model_version
LEFT JOIN found
    ON judged.event_day = found.event_day
    AND judged.device_id <=> found.device_id
    AND judged.device = found.device
ORDER BY event_day DESC, alerts DESC NULLS LAST, device
