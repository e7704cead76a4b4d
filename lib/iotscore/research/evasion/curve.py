"""Detection against effort: one curve for each thing that an attacker can change, and for all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iotscore.evaluation.protocols.cross_validate import cross_validate
from iotscore.evaluation.protocols.rounds import chronological
from iotscore.evaluation.protocols.sample import Sample, SampleFile
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES
from iotscore.landing.filenames import BENIGN
from iotscore.research.evasion.captures import Devices
from iotscore.research.evasion.effort import Effort
from iotscore.research.robustness import robustness_rows
from iotscore.simulate.layout import DEVICES
from iotscore.warehouse.figure_columns import EVASION

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iotscore.detect.detector import FloatArray
    from iotscore.evaluation.options import Evasion
    from iotscore.evaluation.protocols.benign import Benign, Fit, Fitted
    from iotscore.evaluation.protocols.evaluate import ProtocolRun

    Row = dict[str, Any]


def measure_evasion(run: ProtocolRun) -> list[Row]:
    """Fit on simulated benign rows of nine devices, and measure evasive attacks.

    Returns
    -------
    list of dict
        Rows with the keys of :data:`iotscore.warehouse.figure_columns.ROBUSTNESS_COLUMNS`, for
        all attacks together and for each. Every device and attack counts the same.

    Raises
    ------
    TrainingError
        If nothing can be fitted.
    """
    evasion, budgets = run.options.evasion, run.options.budgets
    devices = Devices(run.seed, evasion.benign_rows, evasion.records, evasion.seconds)
    benign = {device: devices.benign_features(device) for device in DEVICES}
    fit = _once(fit_of(run.model.without_idle()))
    figures: list[Row] = []
    for knob, setting, effort in efforts(evasion):
        sample, pace = _sample(devices, benign, evasion.attacks, effort)
        held_out = cross_validate(sample, chronological(sample, run.plan), fit, budgets)
        common = {
            "protocol": EVASION,
            "attack": None,
            "knob": knob,
            "effort": setting,
            "trim_share": run.model.trim_share,
            "draw": 1,
            "n_planted": 0,
        }
        figures += robustness_rows(sample, held_out, budgets, common, ("all", "attack"), pace=pace)
    return figures


def _once(fit: Fit) -> Fit:
    """Return a fit that keeps what it fitted first: all efforts meet the same benign rows."""
    kept: list[Fitted] = []

    def fit_once(benign: Benign) -> Fitted:
        if not kept:
            kept.append(fit(benign))
        return kept[0]

    return fit_once


def _sample(
    devices: Devices, benign: dict[int, FloatArray], attacks: Sequence[str], effort: Effort
) -> tuple[Sample, FloatArray]:
    """Return benign rows and attacks as a labelled sample, and packets per second by file."""
    parts: list[tuple[int, str, str | None, FloatArray, float]] = [
        (device, BENIGN, None, rows, 0.0) for device, rows in benign.items()
    ]
    for attack in attacks:
        family, name = attack.split(".")
        for device in devices.attacked_by(attack):
            rows = devices.attack_rows(device, attack, effort)
            parts.append((device, family, name, rows.features, rows.packets_per_second))
    files = tuple(
        SampleFile(
            source_file=f"{device}.{family}{'' if name is None else f'.{name}'}",
            device_id=device,
            device=DEVICES[device],
            family=family,
            attack=name,
            rows=len(rows),
            weight=1.0,
        )
        for device, family, name, rows, _ in parts
    )
    lengths = [len(rows) for _, _, _, rows, _ in parts]
    sample = Sample(
        np.concatenate([rows for _, _, _, rows, _ in parts]),
        FEATURES,
        np.repeat(np.arange(len(parts)), lengths),
        np.concatenate([np.arange(1, length + 1) for length in lengths]),
        files,
    )
    return sample, np.array([pace for *_, pace in parts])


def efforts(options: Evasion) -> Iterator[tuple[str, float, Effort]]:
    """Yield the knob, its setting and the effort of every point of the curves."""
    for slowdown in options.slowdowns:
        yield "slowdown", slowdown, Effort(slowdown)
    for share in options.padded_shares:
        yield "padded_share", share, Effort(padded=share)
    for count in options.peers:
        yield "peers", float(count), Effort(peers=count)
    for slowdown in options.slowdowns:
        combined = Effort(slowdown, max(options.padded_shares), max(options.peers))
        yield "combined", slowdown, combined
