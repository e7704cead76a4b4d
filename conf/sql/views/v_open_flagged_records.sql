-- Which flagged records should somebody look at? Those of v_flagged_records that no suppression hides,
-- the newest day first, in it the highest scores.
--
-- event_day: day of the capture, or of its ingest if the file name tells none
-- device_id: number of the device; NULL if only its name is known
-- device: its name
-- source_file: file of the record, below the landing folder
-- row_no: its data line there, counted from 1
-- severity: 0 to 100: 50 is one benign record in 20, 70 one in 1,000; NULL if the model gives none
-- hybrid_score: the record's hybrid score; higher is more anomalous
-- sentence: why, in words; NULL until the record has been explained
-- feature_1: the feature that contributes most to the score; NULL likewise
-- label: 1 attack (a true positive), 0 benign (a false positive), NULL unknown
-- file_id: id of the file; with row_no, the key of traffic
-- model_version: the champion
SELECT
    event_day,
    device_id,
    v_flagged_records.device,
    v_flagged_records.source_file,
    row_no,
    severity,
    hybrid_score,
    sentence,
    feature_1,
    label,
    file_id,
    model_version
FROM v_flagged_records
LEFT ANTI JOIN suppressions
    ON (suppressions.expires_at IS NULL OR suppressions.expires_at > current_timestamp())
    AND (suppressions.kind IS NULL OR suppressions.kind = 'record')
    AND (suppressions.device IS NULL OR v_flagged_records.device LIKE suppressions.device)
    AND (suppressions.feature IS NULL OR feature_1 LIKE suppressions.feature)
    AND (suppressions.source_file IS NULL OR v_flagged_records.source_file LIKE suppressions.source_file)
ORDER BY event_day DESC, hybrid_score DESC, source_file, row_no
