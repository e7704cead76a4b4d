-- Is a challenger better than the champion? One row per evaluated model, also for the champion. Both
-- are measured on the files that both have scored and evaluate has counted. Each record counts once:
-- a sample is not weighted up to the full data, as it is in metrics.
--
-- model_version: the model
-- is_champion: true in the champion's own row, where both sides are the same
-- created_at: time of its training, UTC
-- files: files that both scored
-- records: their records, labelled or not
-- flagged: records that the model flags; NULL if it has no threshold of its own
-- champion_flagged: records that the champion flags
-- attacks: labelled attacks that the model was not fitted or calibrated on
-- champion_attacks: the same for the champion; another number: the two split files differently
-- benign: benign records that neither fitted nor calibrated the model
-- champion_benign: the same for the champion
-- roc_auc: area under the model's ROC curve over attacks and benign, 0 to 1
-- champion_roc_auc: the champion's
-- roc_auc_error: largest error of either area, because scores are counted in bins
-- tpr: flagged share of attacks, 0 to 1
-- champion_tpr: the champion's
-- fpr_promised: target false positive rate of the model's threshold; NULL if labels chose it
-- fpr: observed false positive rate: flagged share of benign, 0 to 1
-- champion_fpr_promised: target false positive rate of the champion's threshold
-- champion_fpr: the champion's observed false positive rate
-- uses_labels: true if the labels of attacks went into a threshold of either model
-- data_kind: synthetic, partial or full: what the model's figures were measured on
-- champion_version: the champion
-- alerts: earlier name of flagged
-- champion_alerts: earlier name of champion_flagged
WITH counted AS (
    SELECT model_version, file_id, label, split, bin, flag, rows
    FROM score_histogram
    WHERE detector = 'hybrid'
),
of_champion AS (
    SELECT DISTINCT counted.model_version, file_id
    FROM counted
    INNER JOIN v_champion ON counted.model_version = v_champion.model_version
),
shared AS (
    SELECT DISTINCT
        counted.model_version AS compared, of_champion.model_version AS champion_version, file_id
    FROM counted
    INNER JOIN of_champion USING (file_id)
),
sides AS (
    SELECT compared, counted.*
    FROM shared
    INNER JOIN counted
        ON shared.file_id = counted.file_id
        AND counted.model_version IN (shared.compared, shared.champion_version)
),
totals AS (
    SELECT
        compared,
        model_version,
        count(DISTINCT file_id) AS files,
        sum(rows) AS records,
        sum(rows * CAST(flag AS BIGINT)) AS flagged
    FROM sides
    GROUP BY compared, model_version
),
bins AS (
    SELECT
        compared,
        model_version,
        bin,
        flag,
        sum(IF(label = 1, rows, 0)) AS attacks,
        sum(IF(label = 0, rows, 0)) AS benign
    FROM sides
    WHERE split = 'test' AND label IS NOT NULL
    GROUP BY compared, model_version, bin, flag
),
ranked AS (
    SELECT
        *,
        -- A bin that the threshold cuts is two, the flagged part above the other.
        sum(attacks) OVER (
            PARTITION BY compared, model_version ORDER BY bin DESC, flag DESC
        ) - attacks AS attacks_above
    FROM bins
),
figures AS (
    SELECT
        compared,
        model_version,
        sum(attacks) AS attacks,
        sum(benign) AS benign,
        sum(CAST(benign AS DOUBLE) * (attacks_above + attacks / 2))
            / nullif(CAST(sum(attacks) AS DOUBLE) * sum(benign), 0) AS roc_auc,
        sum(CAST(benign AS DOUBLE) * attacks / 2)
            / nullif(CAST(sum(attacks) AS DOUBLE) * sum(benign), 0) AS roc_auc_error,
        sum(attacks * CAST(flag AS BIGINT)) / nullif(sum(attacks), 0) AS tpr,
        sum(benign * CAST(flag AS BIGINT)) / nullif(sum(benign), 0) AS fpr
    FROM ranked
    GROUP BY compared, model_version
),
measured AS (
    SELECT
        model_version,
        max_by(fpr_promised, struct(sequence, evaluated_at)) AS fpr_promised,
        max_by(data_kind, struct(sequence, evaluated_at)) AS data_kind
    FROM metrics
    WHERE scope = 'all' AND detector = 'hybrid' AND NOT uses_labels
    GROUP BY model_version
),
known AS (
    SELECT
        model_version,
        created_at,
        get_json_object(manifest, '$.normalisation') = 'batch_minmax' AS uses_labels
    FROM models
),
-- One row per pair and side.
described AS (
    SELECT *
    FROM totals
    INNER JOIN known USING (model_version)
    LEFT JOIN figures USING (compared, model_version)
    LEFT JOIN measured USING (model_version)
)
SELECT
    model.model_version,
    model.model_version = champion.model_version AS is_champion,
    model.created_at,
    model.files,
    model.records,
    model.flagged,
    champion.flagged AS champion_flagged,
    model.attacks,
    champion.attacks AS champion_attacks,
    model.benign,
    champion.benign AS champion_benign,
    model.roc_auc,
    champion.roc_auc AS champion_roc_auc,
    greatest(model.roc_auc_error, champion.roc_auc_error) AS roc_auc_error,
    model.tpr,
    champion.tpr AS champion_tpr,
    model.fpr_promised,
    model.fpr,
    champion.fpr_promised AS champion_fpr_promised,
    champion.fpr AS champion_fpr,
    model.uses_labels OR champion.uses_labels AS uses_labels,
    model.data_kind,
    champion.model_version AS champion_version,
    model.flagged AS alerts,
    champion.flagged AS champion_alerts
FROM described AS model
INNER JOIN described AS champion ON model.compared = champion.compared
INNER JOIN v_champion ON champion.model_version = v_champion.model_version
WHERE model.model_version = model.compared
ORDER BY is_champion DESC, created_at DESC
