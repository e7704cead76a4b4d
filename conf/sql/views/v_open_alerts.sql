-- Which alerts about nights and devices (not single records) should somebody look at? Those of the
-- champion that no suppression hides, newest night first, in it the most severe.
--
-- event_day: the night
-- severity: info, warning or critical
-- kind: what was noticed; docs/monitoring.md says what to do
-- device_id: number of the device; NULL if only its name is known, or if it is about all devices
-- device: its name; NULL: all devices
-- message: in words
-- feature: feature that moved most; NULL if the kind has none
-- value: what was measured
-- limit: where the alert begins
-- first_seen: night of the first such alert in a row
-- cool_down_until: last night in which the same is not told again
-- raised_at: time of the run that found it, UTC
-- alert_id: key of the table alerts
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
)
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
INNER JOIN champion ON alerts.model_version = champion.model_version
LEFT ANTI JOIN suppressions
    ON (suppressions.expires_at IS NULL OR suppressions.expires_at > current_timestamp())
    AND (suppressions.kind IS NULL OR suppressions.kind = alerts.kind)
    AND (suppressions.device IS NULL OR alerts.device LIKE suppressions.device)
    AND (suppressions.feature IS NULL OR alerts.feature LIKE suppressions.feature)
    AND suppressions.source_file IS NULL
ORDER BY event_day DESC, array_position(array('critical', 'warning', 'info'), severity), device
