-- Which model is the champion, and where do its flags start? One row; none if no model was promoted.
--
-- model_version: the champion
-- promoted_at: time of its promotion, UTC
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- hybrid_threshold: a record with a higher hybrid score is flagged; NULL if it was not fixed at training
-- is_synthetic: true if some of the ingested data are simulated
WITH promoted AS (
    SELECT
        max_by(model_version, struct(sequence, promoted_at)) AS model_version,
        max(struct(sequence, promoted_at)).promoted_at AS promoted_at
    FROM model_aliases
    WHERE alias = 'champion'
    HAVING count(*) > 0
),
trained AS (
    SELECT
        model_version,
        IF(get_json_object(manifest, '$.normalisation') = 'batch_minmax', 'roc_youden', 'benign_quantile')
            AS threshold_policy,
        get_json_object(manifest, '$.normalisation') = 'batch_minmax' AS uses_labels,
        CAST(get_json_object(manifest, '$.thresholds.hybrid') AS DOUBLE) AS hybrid_threshold
    FROM models
)
SELECT
    promoted.model_version,
    promoted_at,
    threshold_policy,
    uses_labels,
    hybrid_threshold,
    (SELECT bool_or(is_synthetic) FROM ingest_files WHERE status = 'ingested') AS is_synthetic
FROM promoted
LEFT JOIN trained ON promoted.model_version = trained.model_version
