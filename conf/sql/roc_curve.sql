-- The ROC curves of the champion's latest evaluation, over all measured records.
--
-- detector: a detector, or hybrid for the fused score
-- point: position on the curve, from the highest threshold
-- threshold: records with a score above it are flagged
-- fpr: flagged share of the benign records, 0 to 1
-- tpr: flagged share of the attack records, 0 to 1
-- uses_labels: always true: a ROC curve is drawn with labels
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
latest AS (
    SELECT max_by(metrics.evaluation_id, struct(metrics.sequence, metrics.evaluated_at)) AS evaluation_id
    FROM metrics
    INNER JOIN champion ON metrics.model_version = champion.model_version
),
kinds AS (
    SELECT metrics.evaluation_id, max(data_kind) AS data_kind
    FROM metrics
    INNER JOIN latest ON metrics.evaluation_id = latest.evaluation_id
    GROUP BY metrics.evaluation_id
)
SELECT
    detector,
    point,
    threshold,
    fpr,
    tpr,
    true AS uses_labels,
    data_kind,
    model_version
FROM roc_points
INNER JOIN kinds ON roc_points.evaluation_id = kinds.evaluation_id
WHERE scope = 'all'
ORDER BY detector, point
