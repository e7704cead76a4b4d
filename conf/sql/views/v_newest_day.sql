-- What happened on the newest event day, and is it unusual for the device? One row per device that
-- the champion scored on that day, most flagged records first. Days after tomorrow are left out: they
-- come from clocks that are wrong.
--
-- event_day: the newest day of a capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- records: records scored
-- flagged: records flagged by the hybrid score; NULL if there is no threshold yet
-- flagged_rate: flagged share of the records that have a flag, 0 to 1
-- earlier_days: earlier event days of the device
-- usual_flagged_rate: median of their flagged rates; NULL if there is none
-- change: flagged_rate less usual_flagged_rate; NULL on the device's first day
-- worst_severity: highest severity, 0 to 100; NULL if the model gives none
-- incidents: runs of records most of which are flagged; 0 until they have been explained
-- top_sentence: why the highest flagged record was flagged; NULL until it has been explained
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH days AS (
    SELECT *, max(event_day) OVER () AS newest
    FROM v_device_day
    WHERE event_day <= date_add(current_date(), 1)
),
compared AS (
    SELECT
        *,
        count_if(event_day < newest) OVER (PARTITION BY device_id, device) AS earlier_days,
        median(IF(event_day < newest, flagged_rate, NULL)) OVER (PARTITION BY device_id, device)
            AS usual_flagged_rate
    FROM days
),
explained AS (
    SELECT event_day, device_id, device, sentence, hybrid_score
    FROM explanations
    INNER JOIN v_champion ON explanations.model_version = v_champion.model_version
),
sentences AS (
    SELECT event_day, device_id, device, max_by(sentence, hybrid_score) AS top_sentence
    FROM explained
    WHERE event_day = (SELECT max(newest) FROM days)
    GROUP BY event_day, device_id, device
)
SELECT
    compared.event_day,
    compared.device_id,
    compared.device,
    records,
    flagged,
    flagged_rate,
    earlier_days,
    usual_flagged_rate,
    flagged_rate - usual_flagged_rate AS change,
    worst_severity,
    incidents,
    top_sentence,
    threshold_policy,
    uses_labels,
    is_synthetic,
    model_version
FROM compared
LEFT JOIN sentences
    ON compared.event_day = sentences.event_day
    AND compared.device_id <=> sentences.device_id
    AND compared.device = sentences.device
WHERE compared.event_day = newest
ORDER BY flagged DESC NULLS LAST, device
