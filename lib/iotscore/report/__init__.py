"""The report: its content, its pictures and its page, without Spark and without tables."""
