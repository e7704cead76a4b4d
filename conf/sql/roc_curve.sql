-- The ROC curves of the champion's latest evaluation, over all measured records.
--
-- detector: a detector, or hybrid for the hybrid score
-- point: position on the curve, from the highest threshold
-- threshold: records with a score above it are flagged
-- fpr: flagged share of the benign records, 0 to 1
-- tpr: flagged share of the attack records, 0 to 1
-- uses_labels: always true: a ROC curve is drawn with labels
-- data_kind: synthetic, partial or full: what the figures were measured on
-- model_version: the champion
WITH latest AS (
    SELECT DISTINCT evaluation_id, data_kind
    FROM v_latest_evaluation
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
INNER JOIN latest ON roc_points.evaluation_id = latest.evaluation_id
WHERE scope = 'all'
ORDER BY detector, point
