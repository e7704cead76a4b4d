-- How many records does the champion flag, per device and event day? One row per device and day.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- records: records scored
-- flagged: records flagged by the hybrid score; NULL if there is no threshold yet
-- flagged_rate: flagged share of the records that have a flag, 0 to 1
-- worst_severity: highest severity, 0 to 100; NULL if the model gives none
-- highest_score: largest hybrid score
-- incidents: runs of records most of which are flagged; 0 until they have been explained
-- known_attacks: records labelled as attack
-- known_benign: records labelled as benign; the others are unlabelled
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH scored AS (
    SELECT
        event_day,
        device_id,
        device,
        scores.model_version,
        count(*) AS records,
        sum(CAST(is_anomaly AS BIGINT)) AS flagged,
        sum(CAST(is_anomaly AS BIGINT)) / nullif(count(is_anomaly), 0) AS flagged_rate,
        max(severity) AS worst_severity,
        max(hybrid_score) AS highest_score,
        count_if(label = 1) AS known_attacks,
        count_if(label = 0) AS known_benign
    FROM scores
    INNER JOIN v_champion ON scores.model_version = v_champion.model_version
    GROUP BY event_day, device_id, device, scores.model_version
),
incident_counts AS (
    SELECT event_day, device_id, device, incidents.model_version, count(*) AS incidents
    FROM incidents
    INNER JOIN v_champion ON incidents.model_version = v_champion.model_version
    GROUP BY event_day, device_id, device, incidents.model_version
)
SELECT
    scored.event_day,
    scored.device_id,
    scored.device,
    records,
    flagged,
    flagged_rate,
    worst_severity,
    highest_score,
    coalesce(incidents, 0) AS incidents,
    known_attacks,
    known_benign,
    threshold_policy,
    uses_labels,
    is_synthetic,
    scored.model_version
FROM scored
INNER JOIN v_champion ON scored.model_version = v_champion.model_version
LEFT JOIN incident_counts
    ON scored.event_day = incident_counts.event_day
    AND scored.device_id <=> incident_counts.device_id
    AND scored.device = incident_counts.device
ORDER BY event_day DESC, flagged DESC NULLS LAST, device
