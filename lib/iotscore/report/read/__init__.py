"""Tables to what a report says."""

from iotscore.report.read.night import read_night

__all__ = ["read_night"]
