"""Local Delta tables without Spark: ledgers in milliseconds, data files by whoever has rows."""
