"""Features to a common scale, as float32."""

from typing import TypeAlias

from iotscore.detect.scaling.minmax import MinMaxScaler
from iotscore.detect.scaling.signed_log import SignedLogScaler

Scaler: TypeAlias = MinMaxScaler | SignedLogScaler

__all__ = ["MinMaxScaler", "Scaler", "SignedLogScaler"]
