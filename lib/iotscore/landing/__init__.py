"""Read a landing folder without Spark: list its files, and parse them line by line."""
