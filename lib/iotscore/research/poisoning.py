"""Poisoning: attacks among the benign rows that a model learns from, and what it is worth then.

Labels cannot leak into a fit: :func:`iotscore.evaluation.protocols.benign.benign_of` proves it for
every protocol, this one included. Here the proof holds for a round without the poisoned rows, which
are neither fitted nor measured in it; they are put in afterwards, by :func:`poisoned`, and nowhere
else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.errors import InputError
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING, LINEAR
from iotscore.evaluation.protocols.cross_validate import cross_validate
from iotscore.evaluation.protocols.rounds import chronological
from iotscore.evaluation.trained import fit_of
from iotscore.research.robustness import robustness_rows
from iotscore.warehouse.figure_columns import POISONING

if TYPE_CHECKING:
    from iotscore.detect.detector import IntArray
    from iotscore.evaluation.protocols.benign import Benign, BenignPart, Fit, Fitted
    from iotscore.evaluation.protocols.evaluate import ProtocolRun
    from iotscore.evaluation.protocols.rounds import Round
    from iotscore.evaluation.protocols.sample import Sample

    Row = dict[str, Any]

MIX: Final = "mix"
"""Rows of every attack of the device, in the shares that the sample has them."""

_NOT_POISONED: Final = (LINEAR, FLAG_EVERYTHING)
"""Baselines are fitted on the proven rows, without the poisoned ones."""


@dataclass(frozen=True, eq=False)
class PoisonedRows:
    """Attack rows that stand among the benign rows of their device.

    Attributes
    ----------
    rows : int64 array of shape (n_poisoned,)
        Positions in the sample; the first of them poison at smaller shares too.
    train_places, calibration_places : int64 arrays of shape (n_poisoned,)
        The benign row of the part that each is put before, -1 if it is put into the other part.
    n_benign
        Rows of both parts on devices that have such attacks: what shares are shares of.
    """

    rows: IntArray
    train_places: IntArray
    calibration_places: IntArray
    n_benign: int

    def first(self, share: float) -> PoisonedRows:
        """Return the rows of a smaller share."""
        count = round(share * self.n_benign)
        return replace(
            self,
            rows=self.rows[:count],
            train_places=self.train_places[:count],
            calibration_places=self.calibration_places[:count],
        )


def measure_poisoned(sample: Sample, run: ProtocolRun) -> list[Row]:
    """Measure what a model is worth with attacks among its benign rows, trimmed and not.

    What poisons at the largest share is measured at none, so that all figures of a draw are
    about the same rows.

    Returns
    -------
    list of dict
        Rows with the keys of :data:`iotscore.warehouse.figure_columns.ROBUSTNESS_COLUMNS`.

    Raises
    ------
    InputError
        If the sample has too few of the attacks.
    TrainingError
        If nothing can be fitted.
    """
    poison, model = run.options.poisoning, run.model.without_idle()
    (clean,) = chronological(sample, run.plan)
    figures: list[Row] = []
    for attack, draw in product(poison.attacks, range(poison.draws)):
        random = np.random.default_rng([run.seed, draw])
        every = draw_poisoned(sample, clean, attack, max(poison.shares), random)
        measured = replace(clean, test_attack=np.setdiff1d(clean.test_attack, every.rows))
        for share, trim_share in product(poison.shares, (0.0, poison.trim_share)):
            poison_rows = every.first(share)
            trimmed = fit_of(replace(model, trim_share=trim_share))
            fit = fit_on_poisoned(trimmed, sample, poison_rows)
            held_out = cross_validate(sample, [measured], fit, run.options.budgets)
            common = {
                "protocol": POISONING,
                "attack": attack,
                "knob": "planted_share",
                "effort": share,
                "trim_share": trim_share,
                "draw": draw + 1,
                "n_planted": poison_rows.rows.size,
            }
            figures += robustness_rows(
                sample, held_out, run.options.budgets, common, left_out=_NOT_POISONED
            )
    return figures


def draw_poisoned(
    sample: Sample, clean: Round, attack: str, share: float, random: np.random.Generator
) -> PoisonedRows:
    """Draw attack rows, and places among benign rows of their devices, evenly over time.

    Raises
    ------
    InputError
        If there are no such attacks, or too few to poison with some and to measure others.
    """
    names = np.array([f"{file.family}.{file.attack}" for file in sample.files])
    wanted = clean.test_attack
    if attack != MIX:
        wanted = wanted[(names == attack)[sample.file_index[wanted]]]
    attack_devices = sample.device_ids[wanted]
    places = np.concatenate([clean.train, clean.calibration])
    in_train = np.arange(places.size) < clean.train.size
    eligible = np.flatnonzero(np.isin(sample.device_ids[places], attack_devices))
    count = round(share * eligible.size)
    chosen = random.permutation(eligible)[:count]
    rows = np.full(count, -1)
    for device in np.unique(attack_devices):
        slots = np.flatnonzero(sample.device_ids[places[chosen]] == device)
        drawn = random.permutation(wanted[attack_devices == device])
        if drawn.size <= slots.size:
            raise InputError(
                f"{slots.size} rows of {attack} of device {device} are to be added to the training"
                f" rows and some more measured, and there are {drawn.size}: use smaller shares or"
                " more rows (protocol.most_attack_rows)"
            )
        rows[slots] = drawn[: slots.size]
    if not eligible.size:
        raise InputError(
            f"there are no rows of {attack} on a device with benign rows: the attacks are"
            f" {', '.join(sorted(set(names[sample.file_index[clean.test_attack]])))}, or {MIX}"
        )
    return PoisonedRows(
        rows,
        np.where(in_train[chosen], chosen, -1),
        np.where(in_train[chosen], -1, chosen - clean.train.size),
        eligible.size,
    )


def fit_on_poisoned(fit: Fit, sample: Sample, poison_rows: PoisonedRows) -> Fit:
    """Return a fit that finds attacks among the proven benign rows that it is given."""

    def fit_poisoned(benign: Benign) -> Fitted:
        train = _with_poisoned(benign.train, sample, poison_rows.rows, poison_rows.train_places)
        calibration = _with_poisoned(
            benign.calibration, sample, poison_rows.rows, poison_rows.calibration_places
        )
        return fit(replace(benign, train=train, calibration=calibration))

    return fit_poisoned


def _with_poisoned(
    part: BenignPart, sample: Sample, rows: IntArray, places: IntArray
) -> BenignPart:
    rows, places = rows[places >= 0], places[places >= 0]
    return replace(
        part,
        features=np.insert(part.features, places, sample.features[rows], axis=0),
        device_ids=np.insert(part.device_ids, places, sample.device_ids[rows]),
        file_index=np.insert(part.file_index, places, sample.file_index[rows]),
        row_no=np.insert(part.row_no, places, sample.row_no[rows]),
    )
