-- Which alerts should somebody look at? Those of the champion that no suppression hides, the newest day
-- first, in it the most severe. An alert is about a device and a day; for records see
-- v_open_flagged_records.
--
-- event_day: the day that it is about
-- severity: info, warning or critical
-- kind: kind of alert; docs/monitoring.md says what to do
-- device_id: number of the device; NULL if only its name is known, or if it is about all devices
-- device: its name; NULL: all devices
-- message: in words
-- feature: feature that drifted most; NULL if the kind has none
-- value: what was measured
-- limit: the value from which on the alert is raised
-- first_seen: day of the first such alert in a row
-- cool_down_until: last day on which the same alert is not sent again
-- raised_at: time of the run that raised it, UTC
-- alert_id: key of the table alerts
-- model_version: the champion
SELECT
    event_day,
    severity,
    alerts.kind,
    device_id,
    alerts.device,
    message,
    alerts.feature,
    value,
    limit,
    first_seen,
    cool_down_until,
    raised_at,
    alert_id,
    alerts.model_version
FROM alerts
INNER JOIN v_champion ON alerts.model_version = v_champion.model_version
LEFT ANTI JOIN suppressions
    ON (suppressions.expires_at IS NULL OR suppressions.expires_at > current_timestamp())
    AND (suppressions.kind IS NULL OR suppressions.kind = alerts.kind)
    AND (suppressions.device IS NULL OR alerts.device LIKE suppressions.device)
    AND (suppressions.feature IS NULL OR alerts.feature LIKE suppressions.feature)
    AND suppressions.source_file IS NULL
ORDER BY event_day DESC, array_position(array('critical', 'warning', 'info'), severity), device
