"""Reading a landing folder without Spark: which files there are, what they hold, line by line."""
