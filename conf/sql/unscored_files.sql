-- Which ingested files has the champion not scored yet? Without a champion: all of them.
--
-- source_file: the file, below the landing folder
-- device: name of the device
-- event_day: day of the capture, or of its ingest
-- rows_accepted: records that wait
-- ingested_at: time, UTC
-- model_version: the champion; NULL if there is none
WITH scored AS (
    SELECT file_id
    FROM scored_files
    INNER JOIN v_champion ON scored_files.model_version = v_champion.model_version
)
SELECT
    source_file,
    device,
    event_day,
    rows_accepted,
    ingested_at,
    (SELECT model_version FROM v_champion) AS model_version
FROM ingest_files
LEFT ANTI JOIN scored ON ingest_files.file_id = scored.file_id
WHERE status = 'ingested'
ORDER BY ingested_at, source_file
