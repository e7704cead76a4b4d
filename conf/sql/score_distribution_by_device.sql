-- How are the champion's hybrid scores spread, per device and kind of record?
-- Quantiles are exact to about 1 / 10,000 of the records.
--
-- device_id: number of the device
-- device: its name
-- kind: attack, benign, or unknown for unlabelled records
-- records: records scored
-- lowest: smallest hybrid score
-- p01: 1 % of the hybrid scores are at most this
-- p25: 25 %
-- p50: the median
-- p75: 75 %
-- p99: 99 %
-- highest: largest hybrid score
-- hybrid_threshold: a record with a higher hybrid score is flagged; NULL if it was not fixed at training
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
WITH spread AS (
    SELECT
        device_id,
        device,
        CASE label WHEN 1 THEN 'attack' WHEN 0 THEN 'benign' ELSE 'unknown' END AS kind,
        scores.model_version,
        count(*) AS records,
        min(hybrid_score) AS lowest,
        percentile_approx(hybrid_score, array(0.01, 0.25, 0.5, 0.75, 0.99)) AS p,
        max(hybrid_score) AS highest
    FROM scores
    INNER JOIN v_champion ON scores.model_version = v_champion.model_version
    GROUP BY device_id, device, label, scores.model_version
)
SELECT
    device_id,
    device,
    kind,
    records,
    lowest,
    p[0] AS p01,
    p[1] AS p25,
    p[2] AS p50,
    p[3] AS p75,
    p[4] AS p99,
    highest,
    hybrid_threshold,
    threshold_policy,
    uses_labels,
    is_synthetic,
    v_champion.model_version
FROM spread
INNER JOIN v_champion ON spread.model_version = v_champion.model_version
ORDER BY device_id, device, kind
