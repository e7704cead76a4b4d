-- What did the last 50 stages do, how fast, and did they fail?
--
-- started_at: time, UTC
-- run_id: the run; a nightly run has several stages
-- stage: ingest, train, score or evaluate
-- status: running, done, failed, or interrupted (killed, found by the next run)
-- rows: records worked on
-- seconds: duration
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
    run_id,
    stage,
    status,
    rows,
    seconds,
    rows_per_second,
    rows_per_second_per_core,
    cores,
    peak_memory_mib,
    driver_memory_mib,
    profile,
    code_version,
    error,
    details
FROM v_runs
ORDER BY started_at DESC, stage
LIMIT 50
