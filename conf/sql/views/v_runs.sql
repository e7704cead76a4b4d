-- What did each stage of each run do, how fast, and did it fail? One row per stage, newest first.
--
-- started_at: time, UTC
-- age_hours: hours since it started
-- run_id: the run; a nightly run has several stages
-- stage: ingest, train, score, evaluate, ...
-- status: running, done, failed, or interrupted (killed, found by the next run)
-- rows: records worked on
-- seconds: duration; NULL while it runs
-- rows_per_second: speed
-- rows_per_second_per_core: speed divided by the cores
-- cores: tasks that could run at a time
-- peak_memory_mib: most memory of all the job's processes on the driver's machine, in MiB
-- driver_memory_mib: most memory of the driver's Python process alone, in MiB
-- profile: the profile it ran with
-- code_version: version of the project
-- error: what a failed stage said
-- details: counts of the stage, as JSON
SELECT
    started_at,
    round((unix_micros(current_timestamp()) - unix_micros(started_at)) / 3.6e9, 1) AS age_hours,
    run_id,
    stage,
    status,
    rows,
    round(seconds, 1) AS seconds,
    round(rows_per_second) AS rows_per_second,
    round(rows_per_second_per_core) AS rows_per_second_per_core,
    cores,
    round(peak_memory_bytes / 1048576) AS peak_memory_mib,
    round(driver_memory_bytes / 1048576) AS driver_memory_mib,
    profile,
    code_version,
    error,
    details
FROM runs
-- A stage has a row for its start and one for its end; the end says more.
QUALIFY row_number() OVER (
    PARTITION BY run_id, stage ORDER BY ended_at DESC NULLS LAST, status = 'running'
) = 1
ORDER BY started_at DESC, stage
