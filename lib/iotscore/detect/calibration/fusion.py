"""Fusion of normalised scores into the hybrid score: a weighted sum."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iotscore.detect.detector import FloatArray


def check_weights(weights: Mapping[str, float], names: Iterable[str] | None = None) -> None:
    """Raise :class:`ConfigError` unless the weights are 0 or more and sum to 1 (within 1e-9).

    Each of the detectors ``names`` needs one, and no other has one; None skips this check.
    """
    if names is not None and set(names) != set(weights):
        message = (
            f"fusion weights are given for {sorted(weights)} and the detectors are"
            f" {sorted(names)}: give each detector one weight"
        )
        raise ConfigError(message)
    wrong = {name: w for name, w in weights.items() if not (math.isfinite(w) and w >= 0.0)}
    total = math.fsum(weights.values())
    if wrong or not math.isclose(total, 1.0, rel_tol=0.0, abs_tol=1e-9):
        message = (
            f"fusion weights {dict(weights)} sum to {total}: they must be 0 or more and sum to 1"
        )
        raise ConfigError(message)


def fuse(norms: Mapping[str, FloatArray], weights: Mapping[str, float]) -> FloatArray:
    """Return ``sum of weights[name] * norms[name]``, float64 of shape (n_rows,).

    Terms are added in the order of ``weights``, so that equal inputs give equal bits. Arrays
    under names without a weight are left out; a weight without scores is a :class:`ModelError`.
    """
    check_weights(weights)
    missing = [name for name in weights if name not in norms]
    if missing:
        message = f"fusion needs scores of {list(weights)}; missing: {missing}"
        raise ModelError(message)
    first = next(iter(weights))
    summed = np.zeros(norms[first].shape)
    for name, weight in weights.items():
        summed += weight * norms[name]
    return summed
