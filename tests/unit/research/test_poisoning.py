"""Attacks among benign rows: which, where, that they go around no proof, what they do."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.errors import ConfigError, InputError, TrainingError
from iotscore.evaluation.options import Poison
from iotscore.evaluation.protocols.benign import Benign, Fitted, benign_of
from iotscore.evaluation.protocols.rounds import chronological
from iotscore.evaluation.protocols.sample import Sample, SampleFile
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES
from iotscore.research.poisoning import (
    MIX,
    PoisonedRows,
    draw_poisoned,
    fit_on_poisoned,
    measure_poisoned,
)
from iotscore.warehouse.figure_columns import ROBUSTNESS_COLUMNS, ROBUSTNESS_KEY
from product import PLAN, envelope, fit_of_product, neighbours, protocol_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.evaluation.protocols.evaluate import ProtocolRun

SETTINGS = fit_of_product(
    detectors=(neighbours(), envelope()),
    weights={"neighbours": 1 / 3, "envelope": 2 / 3},
)


def made_up() -> Sample:
    """Return three devices; the third has no mirai. An attack's rows are all alike."""
    random = np.random.default_rng(5)
    files, rows = [], []
    for device in (1, 2, 3):
        for family, attack, shift in (
            ("benign", None, 0.0),
            ("gafgyt", "tcp", 40.0),
            ("mirai", "syn", -30.0),
        ):
            if (device, family) == (3, "mirai"):
                continue
            count = 300 if attack is None else 80
            name = f"{device}.{family}{'' if attack is None else '.' + attack}"
            files.append(SampleFile(name, device, f"device {device}", family, attack, count, 1.0))
            rows.append(random.normal(5.0 * device + shift, 1.0, (count, 4)))
    lengths = [len(part) for part in rows]
    return Sample(
        np.concatenate(rows),
        tuple("abcd"),
        np.repeat(np.arange(len(files)), lengths),
        np.concatenate([np.arange(1, length + 1) for length in lengths]),
        tuple(files),
    )


SAMPLE = made_up()
(CLEAN,) = chronological(SAMPLE, PLAN)


def run_of(poison: Poison) -> ProtocolRun:
    """Return what is measured, at one budget."""
    return protocol_run("poisoning", SETTINGS, budgets=(0.05,), poisoning=poison)


def poisoned_rows(attack: str, share: float, seed: int = 1) -> PoisonedRows:
    """Return attack rows for a share."""
    return draw_poisoned(SAMPLE, CLEAN, attack, share, np.random.default_rng(seed))


def learned(poison_rows: PoisonedRows) -> Benign:
    """Return what a fit is given that is poisoned."""
    seen: list[Benign] = []

    def fit(benign: Benign) -> Fitted:
        seen.append(benign)
        return fit_of(SETTINGS)(benign)

    measured = replace(CLEAN, test_attack=np.setdiff1d(CLEAN.test_attack, poison_rows.rows))
    fit_on_poisoned(fit, SAMPLE, poison_rows)(benign_of(SAMPLE, measured))
    return seen[0]


@pytest.mark.parametrize("attack", [MIX, "gafgyt.tcp", "mirai.syn"])
def test_poisoned_rows_are_attacks_on_their_own_device(attack: str) -> None:
    """So many as the share says, each once, beside benign rows of the device that they are of."""
    poison_rows = poisoned_rows(attack, 0.1)
    assert SAMPLE.is_attack[poison_rows.rows].all()
    assert np.unique(poison_rows.rows).size == poison_rows.rows.size
    places = np.concatenate([CLEAN.train, CLEAN.calibration])
    devices = (1, 2) if attack == "mirai.syn" else (1, 2, 3)
    eligible = np.isin(SAMPLE.device_ids[places], devices).sum()
    assert (poison_rows.n_benign, poison_rows.rows.size) == (eligible, round(0.1 * eligible))
    beside = np.where(
        poison_rows.train_places >= 0,
        CLEAN.train[poison_rows.train_places],
        CLEAN.calibration[poison_rows.calibration_places],
    )
    assert np.array_equal(SAMPLE.device_ids[beside], SAMPLE.device_ids[poison_rows.rows])
    assert ((poison_rows.train_places >= 0) != (poison_rows.calibration_places >= 0)).all()
    kinds = {SAMPLE.files[file].attack for file in SAMPLE.file_index[poison_rows.rows]}
    assert kinds == ({"tcp", "syn"} if attack == MIX else {attack.split(".")[1]})


def test_smaller_shares_are_the_start_of_larger_ones() -> None:
    """A curve over shares is about one growing set of rows."""
    every = poisoned_rows(MIX, 0.2)
    some = every.first(0.05)
    assert some.rows.size == round(0.05 * every.n_benign)
    assert np.array_equal(some.rows, every.rows[: some.rows.size])
    assert every.first(0.0).rows.size == 0


def test_the_fit_sees_the_benign_rows_in_order_and_the_poisoned_ones() -> None:
    """Without the poisoned rows, what is learned from is what was proven, to the last bit."""
    poison_rows = poisoned_rows("gafgyt.tcp", 0.1)
    benign, clean = (
        learned(poison_rows),
        benign_of(SAMPLE, replace(CLEAN, test_attack=np.empty(0, int))),
    )
    attack_files = {place for place, file in enumerate(SAMPLE.files) if file.is_attack}
    found = 0
    for part, proven in ((benign.train, clean.train), (benign.calibration, clean.calibration)):
        foreign = np.isin(part.file_index, list(attack_files))
        found += foreign.sum()
        assert np.array_equal(part.features[~foreign], proven.features)
        assert np.array_equal(part.row_no[~foreign], proven.row_no)
        assert part.device_ids.size == part.features.shape[0]
    assert found == poison_rows.rows.size


def test_the_proof_stands() -> None:
    """A round that learned from poisoned rows the usual way is still refused."""
    poison_rows = poisoned_rows(MIX, 0.05)
    leaking = replace(CLEAN, train=np.sort(np.concatenate([CLEAN.train, poison_rows.rows])))
    with pytest.raises(TrainingError, match="are attacks"):
        benign_of(SAMPLE, leaking)


def test_curves() -> None:
    """Each share, draw, defence and detector has a row; poisoned rows are measured at no share."""
    poison = Poison(shares=(0.0, 0.005, 0.05), attacks=("gafgyt.tcp",), trim_share=0.1, draws=2)
    rows = measure_poisoned(SAMPLE, run_of(poison))
    assert all(tuple(row) == ROBUSTNESS_COLUMNS for row in rows)
    keys = {tuple(row[name] for name in ROBUSTNESS_KEY) for row in rows}
    assert len(keys) == len(rows) == 3 * 2 * 2 * 3
    assert {row["detector"] for row in rows} == {"neighbours", "envelope", "hybrid"}
    most = max(row["n_planted"] for row in rows)
    assert {row["n_attack"] for row in rows} == {400 - most}

    def tpr(share: float, trim: float, detector: str) -> float:
        key = (share, trim, detector)
        return float(
            np.mean(
                [
                    row["tpr"]
                    for row in rows
                    if (row["effort"], row["trim_share"], row["detector"]) == key
                ]
            )
        )

    assert tpr(0.0, 0.0, "hybrid") == tpr(0.0, 0.1, "hybrid") == 1.0
    # Rows of gafgyt.tcp are 240 of the 400; the ranges that hold them hold no rows of mirai.
    assert tpr(0.05, 0.0, "envelope") < 0.75 < tpr(0.005, 0.1, "envelope")


@pytest.mark.parametrize(
    ("attack", "share", "told"),
    [
        ("gafgyt.scan", 0.01, "no rows of gafgyt.scan .* gafgyt.tcp, mirai.syn, or mix"),
        ("gafgyt.tcp", 0.9, "rows of gafgyt.tcp of device 1 are to be added to the training"),
    ],
)
def test_what_cannot_be_drawn_is_told(attack: str, share: float, told: str) -> None:
    """An unknown attack, and more rows than there are."""
    with pytest.raises(InputError, match=told):
        poisoned_rows(attack, share)


@pytest.mark.parametrize("change", ["shares=[]", "draws=0", "shares=[1.5]"])
def test_options_out_of_bounds(change: str, settings: Callable[..., Settings]) -> None:
    """Nothing to plant, and more than there is room for."""
    with pytest.raises(ConfigError, match=r"protocol\.poisoning\."):
        settings("default", f"protocol.poisoning.{change}")


def test_real_rows(nbaiot: Path) -> None:
    """Ten floods in ten thousand rows cost a twentieth of the attacks; trimming gives them back."""
    with (nbaiot / "full_data_summary.csv").open(newline="") as source:
        counts = {line[0]: int(line[1]) for line in list(csv.reader(source))[1:]}
    names = sorted(name for name in counts if (nbaiot / "sample" / name).is_file())
    tables = [np.loadtxt(nbaiot / "sample" / name, delimiter=",", skiprows=1) for name in names]
    files = []
    for name, table in zip(names, tables, strict=True):
        device, family, *attack = name.removesuffix(".csv").split(".")
        files.append(
            SampleFile(
                source_file=name,
                device_id=int(device),
                device=f"device {device}",
                family=family,
                attack=attack[0] if attack else None,
                rows=len(table),
                weight=counts[name] / len(table),
            )
        )
    lengths = [len(table) for table in tables]
    sample = Sample(
        np.concatenate(tables),
        FEATURES,
        np.repeat(np.arange(len(files)), lengths),
        np.concatenate([np.arange(1, length + 1) for length in lengths]),
        tuple(files),
    )
    poison = Poison(shares=(0.0, 0.001), attacks=("gafgyt.tcp",), trim_share=0.03, draws=1)
    rows = measure_poisoned(sample, run_of(poison))
    found = {(row["effort"], row["trim_share"]): row for row in rows if row["detector"] == "hybrid"}
    assert found[0.0, 0.0]["roc_auc"] > 0.997
    assert found[0.0, 0.0]["tpr"] > 0.999
    assert 0.990 < found[0.0, 0.03]["roc_auc"] < 0.994
    assert found[0.0, 0.03]["fpr"] < 0.06
    assert found[0.001, 0.0]["tpr"] < 0.98
    assert found[0.001, 0.0]["worst_attack_file_tpr"] < 0.01
    assert found[0.001, 0.03]["tpr"] > 0.999
    assert found[0.001, 0.03]["worst_attack_file_tpr"] > 0.99
