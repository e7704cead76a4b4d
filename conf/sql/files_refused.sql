-- Which files were refused as a whole, why, and was a corrected file delivered since?
--
-- source_file: the file, below the landing folder
-- reason: reason code
-- detail: the value or text found
-- rows_read: data lines of the file
-- rows_expected: lines that data_summary.csv states; NULL if it states none
-- bytes: size of the file
-- ingested_since: true if a later delivery under this name was accepted
-- refused_at: time, UTC
-- run_id: the run that refused it
WITH ingested AS (
    SELECT file_id, max(ingested_at) AS ingested_at
    FROM ingest_files
    WHERE status = 'ingested'
    GROUP BY file_id
)
SELECT
    refused.source_file,
    refused.reason,
    quarantine.detail,
    refused.rows_read,
    refused.rows_expected,
    refused.bytes,
    coalesce(ingested.ingested_at > refused.ingested_at, false) AS ingested_since,
    refused.ingested_at AS refused_at,
    refused.run_id
FROM ingest_files AS refused
LEFT JOIN quarantine
    ON refused.file_id = quarantine.file_id
    AND refused.run_id = quarantine.run_id
    AND quarantine.row_no IS NULL
LEFT JOIN ingested ON refused.file_id = ingested.file_id
WHERE refused.status = 'refused'
ORDER BY refused_at DESC, source_file
