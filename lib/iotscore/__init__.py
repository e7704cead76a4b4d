"""Nightly anomaly scoring of IoT traffic on Spark."""

__version__ = "0.1.0"
