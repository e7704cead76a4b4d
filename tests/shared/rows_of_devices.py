"""Rows of devices of which some have enough to be compared with their own, others too few."""

from __future__ import annotations

import numpy as np

N_FEATURES = 13
_RNG = np.random.default_rng(0)
DEVICES = np.repeat([4, 0, 9, 6, -1], [400, 120, 60, 49, 31])
TRAIN = (_RNG.normal(size=(660, N_FEATURES)) + DEVICES[:, np.newaxis]).astype(np.float32)
ROWS = (4 * _RNG.normal(size=(503, N_FEATURES)) + 3).astype(np.float32)
OF_ROWS = _RNG.choice([4, 0, 9, 6, -1, 77], 503)
