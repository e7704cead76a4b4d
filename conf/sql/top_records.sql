-- Which 25 records had the highest hybrid scores in the champion's newest scoring run?
--
-- source_file: file of the record, below the landing folder
-- row_no: its data line there, counted from 1
-- device: name of the device
-- event_day: day of the capture, or of its ingest
-- family: benign or a botnet; NULL if unlabelled
-- attack: attack within the family
-- label: 1 attack, 0 benign, NULL unknown
-- hybrid_score: weighted sum of the normalised scores
-- iforest_norm: normalised score of the isolation forest
-- lstm_norm: normalised score of the autoencoder
-- is_anomaly: true if the hybrid score is above its threshold; NULL if there is none
-- split: what the record was to the model: train, calibration, test or none
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- scored_at: time of scoring, UTC
-- model_version: the champion
WITH last_run AS (
    SELECT max_by(scored_files.run_id, struct(runs.sequence, scored_files.scored_at)) AS run_id
    FROM scored_files
    INNER JOIN v_champion ON scored_files.model_version = v_champion.model_version
    LEFT JOIN runs
        ON scored_files.run_id = runs.run_id
        AND runs.stage = 'score'
        AND runs.status = 'running'
    WHERE rows_scored > 0
)
SELECT
    source_file,
    row_no,
    device,
    event_day,
    family,
    attack,
    label,
    hybrid_score,
    iforest_norm,
    lstm_norm,
    is_anomaly,
    split,
    threshold_policy,
    uses_labels,
    is_synthetic,
    scored_at,
    v_champion.model_version
FROM scores
INNER JOIN v_champion ON scores.model_version = v_champion.model_version
INNER JOIN last_run ON scores.run_id = last_run.run_id
ORDER BY hybrid_score DESC NULLS LAST, source_file, row_no
LIMIT 25
