"""Made-up traffic, and landing folders with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.features import N_FEATURES, SOURCE_FEATURES

if TYPE_CHECKING:
    from pathlib import Path

HEADER = ",".join(SOURCE_FEATURES).encode()
LINE = b",".join([b"1"] * N_FEATURES)
"""The first line of a traffic file, and a record."""


def make_features(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return made-up features: positive and skewed like packet sizes; ``shift`` moves them away."""
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 50.0, (rows, N_FEATURES)) * (1.0 + shift * rng.random(N_FEATURES))


def write_traffic(path: Path, values: np.ndarray) -> None:
    """Write a traffic file; ``repr`` keeps every bit of a float."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [HEADER.decode(), *(",".join(map(repr, row)) for row in values.tolist())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill_landing(folder: Path) -> None:
    """Make a small landing folder: two devices, benign, two attacks, one unlabelled night."""
    folder.mkdir()
    files = {
        "1.benign.csv": (90, 0.0),
        "2.benign.csv": (60, 0.0),
        "1.gafgyt.tcp.csv": (40, 3.0),
        "2.mirai.syn.csv": (40, 0.4),
        "1.2026-11-20.csv": (30, 0.2),
    }
    for seed, (name, (rows, shift)) in enumerate(files.items()):
        write_traffic(folder / name, make_features(rows, seed, shift))
    (folder / "device_info.csv").write_text("DeviceID,DeviceName\n1,Doorbell\n2,Camera\n")
    summary = ["File Name, Data Count, Feature Count"]
    summary += [f"{name},{rows},115" for name, (rows, _) in files.items()]
    (folder / "data_summary.csv").write_bytes("\r\n".join([*summary, ""]).encode())
