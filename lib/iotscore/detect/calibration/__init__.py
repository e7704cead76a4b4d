"""Raw scores to one scale, their fusion, and where flags start."""

from typing import TypeAlias

from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.calibration.tail import TailCalibration

Calibration: TypeAlias = ScoreCalibration | TailCalibration

__all__ = ["Calibration", "ScoreCalibration", "TailCalibration"]
