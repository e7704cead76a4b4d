-- Earlier name of v_device_day, with earlier names of columns; the next version does not have it.
SELECT
    event_day,
    device_id,
    device,
    records,
    flagged AS alerts,
    flagged_rate AS alert_rate,
    worst_severity,
    highest_score,
    incidents,
    known_attacks,
    known_benign,
    threshold_policy,
    uses_labels,
    is_synthetic,
    model_version
FROM v_device_day
