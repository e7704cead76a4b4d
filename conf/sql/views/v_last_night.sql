-- Earlier name of v_newest_day, with earlier names of columns; the next version does not have it.
SELECT
    event_day,
    device_id,
    device,
    records,
    flagged AS alerts,
    flagged_rate AS alert_rate,
    earlier_days AS earlier_nights,
    usual_flagged_rate AS usual_alert_rate,
    change,
    worst_severity,
    incidents,
    top_sentence,
    threshold_policy,
    uses_labels,
    is_synthetic,
    model_version
FROM v_newest_day
