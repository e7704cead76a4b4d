"""Protocols on a warehouse: which rows they read, and figures that are stored and printed."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.cli.commands.evaluate import robustness_stage
from iotscore.cli.job import Job
from iotscore.cli.options import protocol_run
from iotscore.cli.tables.protocols import print_protocol
from iotscore.cli.tables.robustness import print_robustness
from iotscore.errors import ConfigError, InputError
from iotscore.evaluation.protocol_stage import evaluate_protocol, read_sample
from iotscore.features import FEATURES
from iotscore.models.context import Context
from iotscore.runs.run_log import RunLog
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.open import Direct
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

QUICK = ("detectors.lstm=null", "protocol.draws=20")


@pytest.mark.parametrize("direct", ["auto", "never"])
def test_every_nth_row_in_the_order_of_capture(
    night: Warehouse, settings: Callable, direct: Direct
) -> None:
    """Unlabelled files are left out, rows are spread evenly, and stand for all of their file."""
    caps = ("protocol.most_benign_rows=50", "protocol.most_attack_rows=1000")
    run = protocol_run(settings("default", *QUICK, *caps), "chronological")
    warehouse = open_warehouse(night.spark, night.root, direct=direct)
    sample = read_sample(Context(warehouse, "run"), run)
    assert [(file.source_file, file.rows, file.weight) for file in sample.files] == [
        ("1.benign.csv", 90, 2.0),
        ("1.gafgyt.tcp.csv", 40, 1.0),
        ("2.benign.csv", 60, 2.0),
        ("2.mirai.syn.csv", 40, 1.0),
    ]
    assert np.bincount(sample.file_index).tolist() == [45, 40, 30, 40]
    assert sample.row_no[sample.file_index == 0].tolist() == list(range(1, 91, 2))
    rows = night.read("traffic").where("source_file = '2.benign.csv' AND row_no = 5").collect()
    mine = (sample.file_index == 2) & (sample.row_no == 5)
    assert sample.features[mine][0].tolist() == [rows[0][name] for name in FEATURES]
    assert sample.device_ids[mine].tolist() == [rows[0]["device_id"]]


def test_figures_are_stored_and_printed(
    night_copy: Callable[[str], Warehouse],
    settings: Callable,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each detector, the hybrid score and both baselines are there, with every feature set."""
    warehouse = night_copy("default")
    run = protocol_run(settings("default", *QUICK), "chronological")
    done = evaluate_protocol(Context(warehouse, "run"), run)
    stored = warehouse.read("protocol_figures").where("scope = 'all'").toPandas()
    names = {"iforest", "neighbours", "envelope", "hybrid", "baseline_pca", "flag_everything"}
    by_set = stored.groupby("feature_set")["detector"].agg(set).to_dict()
    assert by_set == dict.fromkeys(("all", "no_clock", "no_jitter"), names)
    assert done.rows == 150 + 80
    assert not stored.query("budget == 0.05")["uses_labels"].any()
    assert set(stored["data_kind"]) == {"partial"}
    print_protocol(done.figures)
    shown = capsys.readouterr().out
    assert "without the clock" in shown
    assert "flag_everything" in shown
    assert "a part of N-BaIoT, or other data" in shown


def test_reports_are_measured_as_they_were(
    night_copy: Callable[[str], Warehouse], settings: Callable
) -> None:
    """The profile paper and the protocol reports belong together; all rows train and test."""
    quick = ("detectors.lstm.epochs=2", "protocol.draws=20", "protocol.feature_sets=[all]")
    warehouse = night_copy("default")
    run = protocol_run(settings("paper", *quick), "reports")
    figures = evaluate_protocol(Context(warehouse, "run"), run).figures
    overall = [row for row in figures if row["scope"] == "all"]
    assert {row["detector"] for row in overall} >= {"iforest", "lstm", "hybrid"}
    assert all(row["tested_on_training"] and row["n_benign"] == 150 for row in overall)
    for profile, protocol in (("default", "reports"), ("paper", "chronological")):
        with pytest.raises(ConfigError, match="--protocol reports with --profile paper"):
            protocol_run(settings(profile), protocol)


def test_attacks_and_benign_records_are_needed(
    warehouse: Warehouse,
    settings: Callable,
    tmp_path: Path,
) -> None:
    """Without attacks there is nothing to measure, and that is told."""
    write_traffic(tmp_path / "in" / "1.benign.csv", make_features(50, 1))
    Stages(warehouse, settings("default")).ingest(tmp_path / "in")
    run = protocol_run(settings("default", *QUICK), "chronological")
    with pytest.raises(InputError, match="needs benign and attack records"):
        read_sample(Context(warehouse, "run"), run)


def test_robustness_is_stored_and_printed(
    night_copy: Callable[[str], Warehouse],
    settings: Callable,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Poison comes from the warehouse's attacks, evasion from the simulator, and says so."""
    chosen = settings(
        "default",
        "protocol.poisoning={shares: [0.0, 0.05], attacks: [mix], draws: 1}",
        "protocol.evasion={attacks: [mirai.udp], slowdowns: [1.0], padded_shares: [1.0]}",
        "protocol.evasion={peers: [10], benign_rows: 500, records: 60, seconds: 5.0}",
    )
    warehouse = night_copy("default")
    arguments = argparse.Namespace(profile="default")
    job = Job(arguments, chosen, warehouse, RunLog(warehouse, "default", "0" * 64))
    for name, kind in (("poisoning", "partial"), ("evasion", "synthetic")):
        figures = robustness_stage(job, name)
        assert {row["data_kind"] for row in figures} == {kind}
        print_robustness(figures)
    stored = warehouse.read("robustness_figures").toPandas()
    assert set(stored["protocol"]) == {"poisoning", "evasion"}
    assert set(stored.query("protocol == 'poisoning'")["effort"]) == {0.0, 0.05}
    shown = capsys.readouterr().out
    assert "synthetic" in shown
    assert "evasion, budget 0.05" in shown
