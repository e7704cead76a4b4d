"""Contenders must compute the same scores, or comparing their speed means nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.features import KEY
from processes import BenchmarkError
from traffic import read_rows

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

FOREST_TOLERANCE: Final = 1e-9
"""Largest difference of forest scores."""

NETWORK_TOLERANCE: Final = 1e-5
"""Largest relative difference of autoencoder scores ..."""

NETWORK_ROUNDING: Final = 1e-8
"""... on top of this, for rows that are rebuilt almost exactly.

float32 rounds a reconstruction near 1 by 6e-8. Keras and the kernel add up in different orders, and
where the differences to the row are only 1e-2, that moves a score of 1e-4 by some 1e-9.
"""

_SCORES: Final = ("iforest_score", "lstm_score")


def check_agreement(project: Path, naive: Path) -> dict[str, Any]:
    """Compare the project's scores with those of scikit-learn and Keras on the same records.

    Parameters
    ----------
    project, naive : Path
        Delta tables with key and raw scores; every record of the second is in the first.

    Raises
    ------
    BenchmarkError
        A record is missing, or a score differs by more than the tolerance.
    """
    theirs = read_rows(naive, [*KEY, *_SCORES])
    ours = read_rows(project, [*KEY, *_SCORES])
    both = theirs.join(ours, list(KEY), join_type="inner", right_suffix="_ours")
    if both.num_rows != theirs.num_rows:
        message = (
            f"{theirs.num_rows - both.num_rows} of {theirs.num_rows} records that the naive "
            "contender scored are not in the project's scores; both must score one table"
        )
        raise BenchmarkError(message)
    forest = _difference(both, "iforest_score")
    network = _difference(both, "lstm_score")
    scale = both.column("lstm_score").to_numpy()
    found = {
        "rows": both.num_rows,
        "iforest_largest_difference": float(forest.max()),
        "lstm_largest_relative_difference": float((network / scale).max()),
    }
    network_allowed = NETWORK_TOLERANCE * scale + NETWORK_ROUNDING
    if forest.max() > FOREST_TOLERANCE or (network > network_allowed).any():
        message = (
            f"the contenders' scores differ: {found}; allowed are {FOREST_TOLERANCE} and "
            f"{NETWORK_TOLERANCE}. Are both models fitted on the same rows?"
        )
        raise BenchmarkError(message)
    return found


def _difference(both: pa.Table, name: str) -> Any:  # noqa: ANN401 - a NumPy array
    return np.abs(both.column(name).to_numpy() - both.column(f"{name}_ours").to_numpy())
