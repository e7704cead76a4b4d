"""Records of the warehouse under two models at once: one pass, and no score is stored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import ModelError
from iotscore.explain.explanation import explain
from iotscore.explain.sentences import phrase
from iotscore.features import HYBRID, flag_column
from iotscore.promotion.gates import Gate, gates
from iotscore.promotion.trial import Kind, Trial
from iotscore.promotion.unseen_records import DRAWN_COLUMNS, Source, choose
from iotscore.sampling.every_nth import draw
from iotscore.warehouse.records import records_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.model import Model
    from iotscore.models.stored import StoredModel
    from iotscore.promotion.gates import PromotionOptions
    from iotscore.warehouse.warehouse import Warehouse

    Group = tuple[str, Kind, bool]
    """A device, what its records are, and whether their flag is new."""
    _Record = tuple[np.ndarray, int]
    """Features and device number."""

_EXPLAINED: Final = 200
"""Most records of a group that are explained."""
_NAMED: Final = 3
"""Features that are named for them."""


class Leading(NamedTuple):
    """A feature and the share of records that it contributes most to."""

    feature: str
    share: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{phrase(self.feature)} ({self.share:.0%})"


@dataclass(frozen=True)
class Challenge:
    """What came out of trying a challenger; the champion is None if there is none yet.

    Attributes
    ----------
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
        if stored.is_batch_minmax:
            message = (
                f"the model {stored.version} has no flags before everything is scored "
                f"(normalisation {BATCH_MINMAX}), so it cannot be compared: evaluate it, and "
                "promote it with --force --reason"
            )
            raise ModelError(message)
    sources = choose(warehouse, [stored.split for stored in models], options)
    index, flags, flipped = _flags(warehouse, sources, [stored.model for stored in models])
    trial = Trial(
        files=tuple(source.known for source in sources),
        file_index=index,
        challenger=flags[0],
        champion=flags[1] if champion is not None else None,
    )
    promised = float(challenger.manifest["false_positive_rate"])
    reasons = {}
    for group, found in sorted(flipped.items()):
        features, devices = (np.array(column) for column in zip(*found, strict=True))
        flagging = models[0 if group[-1] else -1].model
        reasons[group] = leading_features(flagging, features, devices, _NAMED)
    return Challenge(
        challenger=challenger.version,
        champion=None if champion is None else champion.version,
        trial=trial,
        gates=gates(trial, promised, options),
        reasons=reasons,
    )


def leading_features(model: Model, X: FloatArray, devices: IntArray, most: int) -> list[Leading]:
    """Return the features that contribute most to the hybrid score of some rows.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        At least one row.
    devices : int64 array of shape (n_rows,)
    most : int
        Features wanted, those of most rows first; of equally many the first feature.
    """
    first = explain(model, X, devices).feature[:, 0]
    rows = np.bincount(first, minlength=len(model.features))
    order = np.argsort(-rows, kind="stable")[:most]
    return [Leading(model.features[at], float(rows[at] / first.size)) for at in order if rows[at]]


def _flags(
    warehouse: Warehouse, sources: Sequence[Source], models: Sequence[Model]
) -> tuple[np.ndarray, list[np.ndarray], dict[Group, list[_Record]]]:
    """Return each drawn record's file, its flag under each model, and first ones that change."""
    place = {source.steps.file_id: position for position, source in enumerate(sources)}
    index: list[np.ndarray] = [np.empty(0, np.int64)]
    flags: list[list[np.ndarray]] = [[np.empty(0, bool)] for _ in models]
    flipped: dict[Group, list[_Record]] = {}
    for rows in draw(warehouse, [source.steps for source in sources], DRAWN_COLUMNS):
        mine = np.array([place[file_id] for file_id in rows.column("file_id").to_pylist()])
        records = records_of(rows)
        found = [model.score(*records)[flag_column(HYBRID)] for model in models]
        index.append(mine)
        for kept, flag in zip(flags, found, strict=True):
            kept.append(flag)
        for row in np.flatnonzero(found[0] != found[-1]).tolist():
            known = sources[mine[row]].known
            group = (known.device, known.kind, bool(found[0][row]))
            kept_records = flipped.setdefault(group, [])
            if len(kept_records) < _EXPLAINED:
                kept_records.append((records.features[row].copy(), records.devices[row]))
    return np.concatenate(index), [np.concatenate(kept) for kept in flags], flipped
