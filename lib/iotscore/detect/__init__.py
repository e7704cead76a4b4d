"""Detectors, thresholds and metrics on plain NumPy arrays: no Spark, no files, no settings."""
