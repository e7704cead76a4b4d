"""The table ``drift`` as arrays: histograms to add to, and earlier days to compare with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.alerts.alert import Device
from iotscore.monitoring.bins import N_BINS
from iotscore.monitoring.drift import SCORE, Past
from iotscore.monitoring.histograms import Histograms

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    import pandas as pd

    from iotscore.detect.detector import IntArray
    from iotscore.warehouse.warehouse import Warehouse

_SUBJECT: Final = ["event_day", "device_id", "device"]
_READ: Final = (*_SUBJECT, "feature", "is_flagged_excluded", "counts", "psi", "is_moved")


def stored_histograms(
    warehouse: Warehouse, version: str, days: Sequence[date], features: Sequence[str]
) -> dict[tuple[date, Device], Histograms]:
    """Return what was counted of some days."""
    found = {}
    for subject, rows in _by_subject(warehouse, version, days, [True, False]):
        unflagged, all_ = (
            _counts(rows[rows["is_flagged_excluded"] == kind], features) for kind in (True, False)
        )
        found[subject] = Histograms(
            np.stack([unflagged[0], all_[0] - unflagged[0]]),
            np.stack([unflagged[1], all_[1] - unflagged[1]]),
        )
    return found


def past_nights(
    warehouse: Warehouse, version: str, days: Sequence[date], features: Sequence[str]
) -> dict[Device, dict[date, Past]]:
    """Return the unflagged records of those of some nights that could be compared."""
    found: dict[Device, dict[date, Past]] = {}
    for (day, device), rows in _by_subject(warehouse, version, days, [True]):
        by_feature = rows.set_index("feature")
        compared = by_feature.drop(index=SCORE)
        if compared["psi"].notna().any():
            moved = compared.loc[list(features), "is_moved"].to_numpy(dtype=bool)
            is_high = by_feature.loc[SCORE, "is_moved"] is True
            past = Past(moved, is_high, _counts(rows, features)[0])
            found.setdefault(device, {})[day] = past
    return found


def _by_subject(
    warehouse: Warehouse, version: str, days: Sequence[date], kinds: Sequence[bool]
) -> list[tuple[tuple[date, Device], pd.DataFrame]]:
    if not days:
        return []
    where: dict[str, Any] = {
        "model_version": version,
        "event_day": list(days),
        "is_flagged_excluded": list(kinds),
    }
    frame = warehouse.table("drift", _READ, **where).to_pandas()
    grouped = frame.groupby(_SUBJECT, dropna=False, sort=True)
    return [
        ((day, Device(None if np.isnan(number) else int(number), device)), rows)
        for (day, number, device), rows in grouped
    ]


def _counts(rows: pd.DataFrame, features: Sequence[str]) -> tuple[IntArray, IntArray]:
    """Return counts per feature, none if the device is not known to the model, and per level."""
    counts = rows.set_index("feature")["counts"]
    levels = np.array(counts[SCORE], dtype=np.int64)
    if len(counts) == 1:
        return np.zeros((0, N_BINS), dtype=np.int64), levels
    return np.stack([np.array(counts[name], dtype=np.int64) for name in features]), levels
