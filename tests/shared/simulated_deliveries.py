"""Six nights of five simulated devices, which learn from benign captures of their own before.

One device stays as it is, one drifts, one gets new firmware, one is attacked, one falls silent.
What drifts, or changes, is which of its benign records a device sends: more and more, or at once,
only those after larger packets than usual. A model flags none of them for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iotscore.features import FEATURES
from iotscore.simulate.generate import file_rows
from iotscore.simulate.layout import FILES
from traffic_files import write_traffic

if TYPE_CHECKING:
    from pathlib import Path

QUIET, DRIFTING, RENEWED, ATTACKED, SILENT = 1, 2, 3, 6, 9
ROWS = 700
LEARNED = 3000
CHANGED = {
    DRIFTING: {2: 0.2, 3: 0.4, 4: 0.55, 5: 0.7, 6: 0.85},
    RENEWED: {5: 1.0, 6: 1.0},
}
"""Share of a night's records that are chosen among those after large packets."""
EVERY_NIGHT = range(1, 7)


def simulated(device: int, kind: str, rows: int, seed: int) -> np.ndarray:
    """Return rows of a capture of their own."""
    file = next(one for one in FILES if (one.device, one.kind) == (device, kind))
    return np.concatenate(list(file_rows(file._replace(original_rows=rows), rows, seed)))


def night_of(device: int, night: int) -> np.ndarray:
    """Return a device's benign records of a night, changed as the night wants it."""
    records = simulated(device, "benign", 6 * ROWS, 100 * night)[1:]
    usual = records[::6][:ROWS]
    share = CHANGED.get(device, {}).get(night, 0.0)
    size = records[:, FEATURES.index("MI_dir_L0_1_mean")]
    chosen = records[size > np.quantile(size, 0.6)][: round(share * ROWS)]
    return np.concatenate([usual[: ROWS - len(chosen)], chosen])


class Landing(NamedTuple):
    """What is delivered: at first, then the sixth night, then a late file of the same night."""

    first: Path
    last: Path
    late: Path


def write_deliveries(folders: Landing) -> None:
    """Write what the devices deliver."""
    for device in (QUIET, DRIFTING, RENEWED, ATTACKED, SILENT):
        learned = simulated(device, "benign", LEARNED, 1)
        write_traffic(folders.first / f"{device}.2025-12-31.benign.csv", learned)
        for night in EVERY_NIGHT:
            if (device, night) != (SILENT, 6):
                folder = folders.first if night < 6 else folders.last
                path = folder / f"{device}.2026-01-{night:02}.csv"
                write_traffic(path, night_of(device, night))
    attack = simulated(ATTACKED, "gafgyt.udp", 1100, 7)[50:]
    write_traffic(folders.late / f"{ATTACKED}.2026-01-06.part2.csv", attack)
