"""Tables to what a report says."""

from iotscore.spark.report.read import read_night

__all__ = ["read_night"]
