-- Is every line that was read either accepted or quarantined, and is every file complete?
-- Files that disagree come first.
--
-- source_file: the file, below the landing folder
-- status: ingested or refused
-- rows_read: data lines of the file
-- rows_accepted: lines that became records of traffic
-- rows_quarantined: lines that were refused
-- rows_expected: lines that data_summary.csv states; NULL if it states none
-- rows_lost: read less accepted less quarantined; anything but 0 is a fault
-- reconciles: true if rows_lost is 0 and the file has the lines that were expected
-- run_id: the run that read it
-- ingested_at: time, UTC
SELECT
    source_file,
    status,
    rows_read,
    rows_accepted,
    rows_quarantined,
    rows_expected,
    rows_read - rows_accepted - rows_quarantined AS rows_lost,
    rows_read = rows_accepted + rows_quarantined AND rows_read = coalesce(rows_expected, rows_read)
        AS reconciles,
    run_id,
    ingested_at
FROM ingest_files
ORDER BY reconciles, source_file, ingested_at
