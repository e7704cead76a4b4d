"""Ledgers that are lost, or older than the tables they speak of, as after a bad restore."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from pathlib import Path

_LEDGERS: Final = ("ingest_files", "scored_files")


class Ledgers:
    """Loses a ledger of a warehouse and puts it back.

    Parameters
    ----------
    warehouse
        Its folder.
    aside
        Where copies lie.
    chance
        Draws which ledger, and how.
    """

    def __init__(self, warehouse: Path, aside: Path, chance: random.Random) -> None:
        self._warehouse, self._aside, self._chance = warehouse, aside, chance
        self._lost = ""

    def remember(self) -> None:
        """Keep copies of the ledgers: after the next night they are older than its tables."""
        for name in _LEDGERS:
            _copy(self._warehouse / name, self._aside / "older" / name)

    def lose(self) -> str:
        """Lose a ledger, or put an older one in its place; return what was done."""
        self._lost = self._chance.choice(_LEDGERS)
        place = self._warehouse / self._lost
        _copy(place, self._aside / "now" / self._lost)
        shutil.rmtree(place)
        if self._chance.random() < 0.5:  # noqa: PLR2004 - one of two ways
            return f"{self._lost} lost"
        _copy(self._aside / "older" / self._lost, place)
        return f"{self._lost} of the night before"

    def restore(self) -> None:
        """Put the ledger back that was lost."""
        _copy(self._aside / "now" / self._lost, self._warehouse / self._lost)


def _copy(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
