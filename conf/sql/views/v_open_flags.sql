-- Earlier name of v_open_flagged_records; the next version does not have it.
SELECT * FROM v_open_flagged_records
