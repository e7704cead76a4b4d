-- Is another model better than the champion? One row per evaluated model, the champion's own among
-- them; both are measured on the files that both have scored and evaluate has counted. Each record
-- counts once: unlike in metrics, a sample is not weighted up to the full data.
--
-- model_version: the model
-- is_champion: true in the champion's own row, where both sides are the same
-- created_at: time of its training, UTC
-- files: files that both scored
-- records: their records, labelled or not
-- alerts: records that the model flags; NULL if it has no threshold of its own
-- champion_alerts: records that the champion flags
-- attacks: labelled attacks that the model was not fitted or calibrated on
-- champion_attacks: the same for the champion; another number: the two split files differently
-- benign: benign records that neither fitted nor calibrated the model
-- champion_benign: the same for the champion
-- roc_auc: area under the model's ROC curve over attacks and benign, 0 to 1
-- champion_roc_auc: the champion's
-- roc_auc_error: most that either area can be off, because scores are counted in bins
-- tpr: flagged share of attacks, 0 to 1
-- champion_tpr: the champion's
-- fpr_promised: false positive rate that the model's threshold was set for; NULL if by labels
-- fpr: what was kept of it: flagged share of benign, 0 to 1
-- champion_fpr_promised: what the champion's threshold was set for
-- champion_fpr: what was kept of it
-- uses_labels: true if the labels of attacks went into a threshold of either model
-- data_kind: synthetic, partial or full: what the model's figures were measured on
-- champion_version: the champion
WITH champion AS (
    SELECT max_by(model_version, struct(sequence, promoted_at)) AS model_version
    FROM model_aliases
    WHERE alias = 'champion'
),
counted AS (
    SELECT model_version, file_id, label, split, bin, flag, rows
    FROM score_histogram
    WHERE detector = 'hybrid'
),
of_champion AS (
    SELECT DISTINCT counted.model_version, file_id
    FROM counted
    INNER JOIN champion ON counted.model_version = champion.model_version
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
        sum(rows * CAST(flag AS BIGINT)) AS alerts
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
    mine.model_version,
    mine.model_version = theirs.model_version AS is_champion,
    mine.created_at,
    mine.files,
    mine.records,
    mine.alerts,
    theirs.alerts AS champion_alerts,
    mine.attacks,
    theirs.attacks AS champion_attacks,
    mine.benign,
    theirs.benign AS champion_benign,
    mine.roc_auc,
    theirs.roc_auc AS champion_roc_auc,
    greatest(mine.roc_auc_error, theirs.roc_auc_error) AS roc_auc_error,
    mine.tpr,
    theirs.tpr AS champion_tpr,
    mine.fpr_promised,
    mine.fpr,
    theirs.fpr_promised AS champion_fpr_promised,
    theirs.fpr AS champion_fpr,
    mine.uses_labels OR theirs.uses_labels AS uses_labels,
    mine.data_kind,
    theirs.model_version AS champion_version
FROM described AS mine
INNER JOIN described AS theirs ON mine.compared = theirs.compared
INNER JOIN champion ON theirs.model_version = champion.model_version
WHERE mine.model_version = mine.compared
ORDER BY is_champion DESC, created_at DESC
