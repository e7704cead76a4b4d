-- Earlier name of v_flagged_records; the next version does not have it.
SELECT * FROM v_flagged_records
