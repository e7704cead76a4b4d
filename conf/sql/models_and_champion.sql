-- Which models are there, what were they fitted on, and which one is the champion?
--
-- model_version: first digits of the bundle's checksum
-- is_champion: true for the model that scores unless another one is named
-- promoted_at: time of the last promotion to champion, UTC; NULL if there was none
-- promotion_reason: why
-- created_at: time of the training, UTC
-- normalisation: tail (fixed at training) or batch_minmax (over everything scored)
-- uses_labels: true if the labels of attacks went into its threshold
-- weights: weight of each detector in the hybrid score, as JSON
-- hybrid_threshold: a record with a higher hybrid score is flagged; NULL if it was not fixed at training
-- train_rows: benign records that fitted it
-- calibration_rows: benign records that calibrated it
-- is_synthetic: true if some of its training data are simulated
-- bundle_bytes: size of the stored model
-- run_id: the run that trained it
WITH promotions AS (
    SELECT
        model_version,
        max(struct(sequence, promoted_at)) AS latest,
        max_by(reason, struct(sequence, promoted_at)) AS promotion_reason
    FROM model_aliases
    WHERE alias = 'champion'
    GROUP BY model_version
)
SELECT
    models.model_version,
    coalesce(promotions.latest = (SELECT max(latest) FROM promotions), false) AS is_champion,
    promotions.latest.promoted_at,
    promotions.promotion_reason,
    models.created_at,
    get_json_object(manifest, '$.normalisation') AS normalisation,
    get_json_object(manifest, '$.normalisation') = 'batch_minmax' AS uses_labels,
    get_json_object(manifest, '$.weights') AS weights,
    CAST(get_json_object(manifest, '$.thresholds.hybrid') AS DOUBLE) AS hybrid_threshold,
    CAST(get_json_object(manifest, '$.rows.train') AS BIGINT) AS train_rows,
    CAST(get_json_object(manifest, '$.rows.calibration') AS BIGINT) AS calibration_rows,
    CAST(get_json_object(manifest, '$.is_synthetic') AS BOOLEAN) AS is_synthetic,
    octet_length(bundle) AS bundle_bytes,
    models.run_id
FROM models
LEFT JOIN promotions ON models.model_version = promotions.model_version
ORDER BY is_champion DESC, struct(models.sequence, models.created_at) DESC
