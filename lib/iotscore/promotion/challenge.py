"""Records of the warehouse under two models at once: one pass, and no score is stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import ModelError
from iotscore.features import HYBRID, flag_column
from iotscore.promotion.gates import Gate, gates
from iotscore.promotion.top_features import leading_features
from iotscore.promotion.trial import Kind, Trial
from iotscore.promotion.unseen_records import DRAWN_COLUMNS, Source, choose
from iotscore.sampling.every_nth import draw
from iotscore.warehouse.records import records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.model import Model
    from iotscore.models.registry import StoredModel
    from iotscore.promotion.gates import PromotionOptions
    from iotscore.promotion.top_features import Leading
    from iotscore.warehouse.records import Records
    from iotscore.warehouse.warehouse import Warehouse

    Group = tuple[str, Kind, bool]
    """A device, what its records are, and whether their flag is new."""

_EXPLAINED: Final = 200
"""Most records of a group that are explained."""
_NAMED: Final = 3
"""Features that are named for them."""


@dataclass(frozen=True)
class Challenge:
    """What came out of trying a challenger.

    Attributes
    ----------
    challenger, champion
        Versions; None if there is no champion yet.
    trial
        Flags of both.
    gates
        The conditions of a promotion.
    reasons
        By device, kind and whether the flag is new: what leads the explanations of the records
        whose flag changes, by the model that flags them.
    """

    challenger: str
    champion: str | None
    trial: Trial
    gates: list[Gate]
    reasons: dict[Group, list[Leading]]

    @property
    def failed(self) -> list[Gate]:
        """The gates that are shut."""
        return [gate for gate in self.gates if gate.holds is False]


@dataclass
class _Flipped:
    """Records of a group whose flag changes, the first few."""

    features: list[np.ndarray] = field(default_factory=list)
    devices: list[np.ndarray] = field(default_factory=list)
    rows: int = 0

    def take(self, records: Records, places: Sequence[int]) -> None:
        taken = list(places[: _EXPLAINED - self.rows])
        self.features.append(records.features[taken])
        self.devices.append(records.devices[taken])
        self.rows += len(taken)


def challenge(
    warehouse: Warehouse,
    challenger: StoredModel,
    champion: StoredModel | None,
    options: PromotionOptions,
) -> Challenge:
    """Let two models flag the same records of recent nights.

    Benign and unlabelled records are those that neither model learned from.

    Raises
    ------
    ModelError
        A model has no flags without everything that it scores (``batch_minmax``).
    InputError
        There is no record to try them on.
    """
    models = [challenger] if champion is None else [challenger, champion]
    for stored in models:
        _require_flags(stored)
    sources = choose(warehouse, [stored.split for stored in models], options)
    index, flags, flipped = _flags(warehouse, sources, [stored.model for stored in models])
    trial = Trial(
        files=tuple(source.known for source in sources),
        file_index=index,
        challenger=flags[0],
        champion=flags[1] if champion is not None else None,
    )
    promised = float(challenger.manifest["false_positive_rate"])
    return Challenge(
        challenger=challenger.version,
        champion=None if champion is None else champion.version,
        trial=trial,
        gates=gates(trial, promised, options),
        reasons={
            group: leading_features(
                models[0 if group[-1] else -1].model,
                np.concatenate(found.features),
                np.concatenate(found.devices),
                _NAMED,
            )
            for group, found in sorted(flipped.items())
        },
    )


def _require_flags(stored: StoredModel) -> None:
    if stored.is_batch_minmax:
        message = (
            f"the model {stored.version} has no flags before everything is scored (normalisation "
            f"{BATCH_MINMAX}), so it cannot be compared: evaluate it, and promote it with --force "
            "--reason"
        )
        raise ModelError(message)


def _flags(
    warehouse: Warehouse, sources: Sequence[Source], models: Sequence[Model]
) -> tuple[np.ndarray, list[np.ndarray], dict[Group, _Flipped]]:
    """Return each drawn record's file, its flag under each model, and what changes."""
    place = {source.steps.file_id: position for position, source in enumerate(sources)}
    index: list[np.ndarray] = []
    flags: list[list[np.ndarray]] = [[] for _ in models]
    flipped: dict[Group, _Flipped] = {}
    for rows in draw(warehouse, [source.steps for source in sources], DRAWN_COLUMNS):
        mine = np.array([place[file_id] for file_id in rows.column("file_id").to_pylist()])
        records = records_of(rows)
        found = [model.score(*records)[flag_column(HYBRID)] for model in models]
        index.append(mine)
        for kept, flag in zip(flags, found, strict=True):
            kept.append(flag)
        changed = np.flatnonzero(found[0] != found[-1])
        groups: dict[Group, list[int]] = {}
        for row in changed.tolist():
            known = sources[mine[row]].known
            groups.setdefault((known.device, known.kind, bool(found[0][row])), []).append(row)
        for group, places in groups.items():
            flipped.setdefault(group, _Flipped()).take(records, places)
    if not index:
        return np.empty(0, np.int64), [np.empty(0, bool) for _ in models], {}
    return np.concatenate(index), [np.concatenate(kept) for kept in flags], flipped
