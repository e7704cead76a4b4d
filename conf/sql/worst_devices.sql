-- Which devices have most flagged records on the newest event day? Counted with the champion.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device
-- device: its name
-- records: records scored
-- flagged: records flagged by the hybrid score; NULL if there is no threshold yet
-- flagged_percent: flagged records in per cent of the records that have a flag
-- known_attacks: records labelled as attack
-- known_benign: records labelled as benign; the others are unlabelled
-- highest_score: largest hybrid score
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
SELECT
    event_day,
    device_id,
    device,
    records,
    flagged,
    round(100 * flagged_rate, 2) AS flagged_percent,
    known_attacks,
    known_benign,
    highest_score,
    threshold_policy,
    uses_labels,
    is_synthetic,
    model_version
FROM v_device_day
WHERE event_day = (SELECT max(event_day) FROM v_device_day WHERE event_day <= date_add(current_date(), 1))
ORDER BY flagged DESC NULLS LAST, device
