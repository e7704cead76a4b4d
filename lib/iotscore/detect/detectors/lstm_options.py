"""What LSTM autoencoder is fitted, and how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from iotscore.bounds import Count, CountOrZero, Positive, check_bounds


@dataclass(frozen=True)
class LstmOptions:
    """What network is fitted, and how; ``LstmAutoencoder`` explains each value."""

    units: Count
    epochs: Count
    sequence: Literal["windows", "record"]
    patience: CountOrZero
    batch_size: Count
    learning_rate: Positive

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_bounds(self, LstmOptions)
