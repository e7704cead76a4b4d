"""The same records under the flags of a challenger and of the champion: what changes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from iotscore.detect.detector import BoolArray, IntArray


class Kind(StrEnum):
    """What a file's records are known to be."""

    BENIGN = "benign"
    ATTACK = "attack"
    UNLABELLED = "unlabelled"


@dataclass(frozen=True)
class TrialFile:
    """A capture that records are drawn from; a drawn one stands for ``weight`` of them.

    ``attack`` is family and attack, such as ``gafgyt.tcp``; None unless the kind is attack.
    """

    source_file: str
    device: str
    kind: Kind
    attack: str | None
    weight: float


@dataclass(frozen=True, eq=False)
class Trial:
    """The same records under the flags of two models.

    Attributes
    ----------
    file_index : int64 array of shape (n_rows,)
        Position in ``files`` of each record's file.
    challenger, champion : bool array of shape (n_rows,)
        Flags; None for the champion if there is none yet.
    """

    files: tuple[TrialFile, ...]
    file_index: IntArray
    challenger: BoolArray
    champion: BoolArray | None

    def count(self, chosen: BoolArray | None = None) -> IntArray:
        """Return the records of each file, or those chosen, int64 of shape (n_files,)."""
        chosen_files = self.file_index if chosen is None else self.file_index[chosen]
        return np.bincount(chosen_files, minlength=len(self.files))

    def of(self, kind: Kind, device: str | None = None, attack: str | None = None) -> BoolArray:
        """Say which files are of a kind, and of a device or an attack, if one is named."""
        wanted = [
            file.kind is kind and device in (None, file.device) and attack in (None, file.attack)
            for file in self.files
        ]
        return np.array(wanted, dtype=bool)


@dataclass(frozen=True)
class Change:
    """Drawn records of a device and kind: those that each model flags, and that only one does."""

    device: str
    kind: Kind
    rows: int
    champion: int
    challenger: int
    newly: int
    no_longer: int


def changes(trial: Trial) -> list[Change]:
    """Return what changes for each device and kind of records; nothing without a champion."""
    if trial.champion is None:
        return []
    flags = {
        "rows": np.ones_like(trial.challenger),
        "champion": trial.champion,
        "challenger": trial.challenger,
        "newly": trial.challenger & ~trial.champion,
        "no_longer": trial.champion & ~trial.challenger,
    }
    counts = {name: trial.count(chosen) for name, chosen in flags.items()}
    every = []
    for device, kind in sorted({(file.device, file.kind) for file in trial.files}):
        files = trial.of(kind, device=device)
        totals = {name: int(count[files].sum()) for name, count in counts.items()}
        every.append(Change(device=device, kind=kind, **totals))
    return [change for change in every if change.rows]
