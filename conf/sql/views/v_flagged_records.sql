-- Which records did the champion flag, and why? The newest day first, in it the highest scores.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- source_file: file of the record, below the landing folder
-- row_no: its data line there, counted from 1
-- severity: 0 to 100: 50 is one benign record in 20, 70 one in 1,000; NULL if the model gives none
-- hybrid_score: the record's hybrid score; higher is more anomalous
-- sentence: why, in words; NULL until the record has been explained, like all columns up to high_3
-- feature_1: the feature that contributes most to the score
-- contribution_1: what it contributes, in units of hybrid_score
-- value_1: its value in the record
-- low_1: benign records of the device lie above; NULL if the model holds no benign ranges
-- high_1: and below
-- feature_2: the second feature, likewise
-- contribution_2: what it contributes
-- value_2: its value
-- low_2: benign records lie above
-- high_2: and below
-- feature_3: the third feature, likewise
-- contribution_3: what it contributes
-- value_3: its value
-- low_3: benign records lie above
-- high_3: and below
-- label: 1 attack (a true positive), 0 benign (a false positive), NULL unknown
-- family: benign or a botnet; NULL if unlabelled
-- attack: attack within the family
-- split: what the record was to the model: train, calibration, test or none
-- file_id: id of the file; with row_no, the key of traffic
-- threshold_policy: benign_quantile or roc_youden: how the threshold was chosen
-- uses_labels: true if the labels of attacks went into the threshold
-- is_synthetic: true if some of the ingested data are simulated
-- model_version: the champion
SELECT
    scores.event_day,
    scores.device_id,
    scores.device,
    scores.source_file,
    scores.row_no,
    scores.severity,
    scores.hybrid_score,
    sentence,
    get(top, 0).feature AS feature_1,
    get(top, 0).contribution AS contribution_1,
    get(top, 0).value AS value_1,
    get(top, 0).low AS low_1,
    get(top, 0).high AS high_1,
    get(top, 1).feature AS feature_2,
    get(top, 1).contribution AS contribution_2,
    get(top, 1).value AS value_2,
    get(top, 1).low AS low_2,
    get(top, 1).high AS high_2,
    get(top, 2).feature AS feature_3,
    get(top, 2).contribution AS contribution_3,
    get(top, 2).value AS value_3,
    get(top, 2).low AS low_3,
    get(top, 2).high AS high_3,
    scores.label,
    scores.family,
    scores.attack,
    split,
    scores.file_id,
    threshold_policy,
    uses_labels,
    is_synthetic,
    scores.model_version
FROM scores
INNER JOIN v_champion ON scores.model_version = v_champion.model_version
-- The day is no part of the key: with it, a filter on the day skips files of both tables.
LEFT JOIN explanations
    ON scores.model_version = explanations.model_version
    AND scores.event_day = explanations.event_day
    AND scores.file_id = explanations.file_id
    AND scores.row_no = explanations.row_no
WHERE is_anomaly
ORDER BY event_day DESC, hybrid_score DESC, source_file, row_no
