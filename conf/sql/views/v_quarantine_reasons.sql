-- What was refused at ingest, and why? One row per reason and kind, most files first. A line, or a
-- file, that was refused again and again counts once.
--
-- reason: code of the fault; docs/tables.md explains each
-- refused: line or file: whether single lines or the whole file were refused
-- files: files with this fault
-- lines: refused lines with it; of whole files, all their lines
-- newest: time of the last refusal, UTC
-- newest_file: file of that refusal, below the landing folder
-- example: what was found there
WITH refusals AS (
    SELECT *
    FROM quarantine
    QUALIFY row_number() OVER (
        PARTITION BY file_id, row_no, reason ORDER BY quarantined_at DESC, run_id DESC
    ) = 1
)
SELECT
    refusals.reason,
    IF(refusals.row_no IS NULL, 'file', 'line') AS refused,
    count(DISTINCT refusals.file_id) AS files,
    sum(IF(refusals.row_no IS NULL, rows_quarantined, 1)) AS lines,
    max(quarantined_at) AS newest,
    max_by(refusals.source_file, quarantined_at) AS newest_file,
    max_by(detail, quarantined_at) AS example
FROM refusals
LEFT JOIN ingest_files
    ON refusals.file_id = ingest_files.file_id
    AND refusals.run_id = ingest_files.run_id
    AND refusals.row_no IS NULL
    AND ingest_files.status = 'refused'
GROUP BY refusals.reason, refusals.row_no IS NULL
ORDER BY files DESC, lines DESC, reason, refused
