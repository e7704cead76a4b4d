-- Which files hold lines that were refused, and why? Files refused as a whole: files_refused.
--
-- source_file: the file, below the landing folder
-- reason: reason code
-- lines: refused lines with this reason
-- first_row: the first of them, as a data line counted from 1
-- example: what was found there
-- rows_read: data lines of the file
-- percent_of_file: refused lines with this reason in per cent of all lines
-- last_quarantined_at: time, UTC
SELECT
    quarantine.source_file,
    quarantine.reason,
    count(*) AS lines,
    min(quarantine.row_no) AS first_row,
    min_by(quarantine.detail, quarantine.row_no) AS example,
    max(ingest_files.rows_read) AS rows_read,
    round(100 * count(*) / nullif(max(ingest_files.rows_read), 0), 2) AS percent_of_file,
    max(quarantine.quarantined_at) AS last_quarantined_at
FROM quarantine
LEFT JOIN ingest_files
    ON quarantine.file_id = ingest_files.file_id AND quarantine.run_id = ingest_files.run_id
WHERE quarantine.row_no IS NOT NULL
GROUP BY quarantine.file_id, quarantine.source_file, quarantine.reason
ORDER BY lines DESC, source_file, reason
