-- What happened last night, and is it unusual for the device? One row per device that has records
-- of the champion's newest event day, most alerts first. Days after tomorrow come from clocks that
-- are wrong, and do not count.
--
-- event_day: the newest day of a capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- records: records scored
-- alerts: records flagged by the hybrid score; NULL if there is no threshold yet
-- alert_rate: alerts as a share of the records that were judged, 0 to 1
-- earlier_nights: earlier event days of the device
-- usual_alert_rate: median of their alert rates; NULL if there is none
-- change: alert_rate less usual_alert_rate; NULL on the first night
-- worst_severity: highest severity, 0 to 100; NULL if the model gives none
-- incidents: runs of records most of which are flagged; 0 until they have been explained
-- top_sentence: why the highest flagged record was flagged; NULL until it has been explained
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
nights AS (
    SELECT *, max(event_day) OVER () AS newest
    FROM v_device_night
    WHERE event_day <= date_add(current_date(), 1)
),
compared AS (
    SELECT
        *,
        count_if(event_day < newest) OVER (PARTITION BY device_id, device) AS earlier_nights,
        median(IF(event_day < newest, alert_rate, NULL)) OVER (PARTITION BY device_id, device)
            AS usual_alert_rate
    FROM nights
),
explained AS (
    SELECT event_day, device_id, device, sentence, hybrid_score
    FROM explanations
    INNER JOIN champion ON explanations.model_version = champion.model_version
),
told AS (
    SELECT event_day, device_id, device, max_by(sentence, hybrid_score) AS top_sentence
    FROM explained
    WHERE event_day = (SELECT max(newest) FROM nights)
    GROUP BY event_day, device_id, device
)
SELECT
    compared.event_day,
    compared.device_id,
    compared.device,
    records,
    alerts,
    alert_rate,
    earlier_nights,
    usual_alert_rate,
    alert_rate - usual_alert_rate AS change,
    worst_severity,
    incidents,
    top_sentence,
    threshold_policy,
    uses_labels,
    is_synthetic,
    model_version
FROM compared
LEFT JOIN told
    ON compared.event_day = told.event_day
    AND compared.device_id <=> told.device_id
    AND compared.device = told.device
WHERE compared.event_day = newest
ORDER BY alerts DESC NULLS LAST, device
