"""The nightly job on real data, exit codes, what is printed; where it matters, as a process."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from deltalake import DeltaTable

from iotscore.detect.bundle import from_bytes

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    RunJob = Callable[..., subprocess.CompletedProcess[str]]
    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.e2e

QUICK = ("--set", "detectors.lstm.min_updates=0")


def _table(warehouse: Path, name: str, columns: list[str] | None = None) -> pd.DataFrame:
    return DeltaTable(str(warehouse / name)).to_pandas(columns=columns)


def test_real_sample_in_full(sample_night: Path) -> None:
    """All 35,600 real records are ingested, reconciled and scored, none is quarantined."""
    warehouse = sample_night / "warehouse"
    printed = (sample_night / "printed.txt").read_text(encoding="utf-8")
    ledger = _table(warehouse, "ingest_files")
    assert (len(ledger), int(ledger["rows_read"].sum())) == (89, 35_600)
    assert (ledger["rows_read"] == ledger["rows_expected"]).all()
    assert int(ledger["rows_quarantined"].sum()) == 0
    scores = _table(warehouse, "scores", ["file_id", "row_no", "hybrid_score"])
    assert len(scores) == len(scores.drop_duplicates(["file_id", "row_no"])) == 35_600
    assert scores["hybrid_score"].notna().all()
    for words in (
        "false positive rate: target 5.0%, observed ",
        "35,600",
        "89 reconciled",
        "iforest",
        "roc_youden*",
        "./spark-submit.sh sql",
    ):
        assert words in printed


def test_second_night_changes_nothing(
    sample_night: Path, nbaiot: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """The same landing folder again adds no record, no score and no metric."""
    warehouse = shutil.copytree(sample_night / "warehouse", tmp_path / "w")
    names = ("traffic", "scores", "metrics", "models", "ingest_files")
    before = {name: DeltaTable(str(warehouse / name)).version() for name in names}
    done = run_job("nightly", "--input", nbaiot / "sample", "--warehouse", warehouse, *QUICK)
    assert done.returncode == 0, done.stderr[-3000:]
    assert {name: DeltaTable(str(warehouse / name)).version() for name in names} == before


def test_real_scores_equal_the_libraries(sample_night: Path, nbaiot: Path) -> None:
    """Forest scores of the real sample equal scikit-learn's, trained on the same thirds."""
    from sklearn.ensemble import IsolationForest

    warehouse = sample_night / "warehouse"
    columns = ["source_file", "row_no", "split", "iforest_score"]
    scores = _table(warehouse, "scores", columns).sort_values(["source_file", "row_no"])
    files = sorted(scores["source_file"].unique())
    rows = np.concatenate([pd.read_csv(nbaiot / "sample" / name).to_numpy() for name in files])
    # The driver sorts training rows by file id, so the order of files is that of their ids.
    ledger = _table(warehouse, "ingest_files").set_index("source_file")["file_id"]
    is_train = (scores["split"] == "train").to_numpy()
    order = np.argsort(scores["source_file"].map(ledger)[is_train].to_numpy(), kind="stable")
    train = rows[is_train][order]
    scaler = from_bytes(_table(warehouse, "models")["bundle"].iloc[0]).scaler
    forest = IsolationForest(contamination="auto", random_state=42)
    forest.fit(scaler.transform(train))
    expected = -forest.score_samples(scaler.transform(rows))
    np.testing.assert_allclose(scores["iforest_score"], expected, rtol=0, atol=1e-9)


def test_detection_on_later_and_unlabelled_rows(
    sample_night: Path, nbaiot: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """What the documentation promises of the hybrid score holds, thresholds set without labels."""
    warehouse = shutil.copytree(sample_night / "warehouse", tmp_path / "w")
    weights = f"evaluate.file_weights={nbaiot / 'full_data_summary.csv'}"
    told = [part for one in (weights, "detectors.lstm=null") for part in ("--set", one)]
    done = run_job("evaluate", "--warehouse", warehouse, "--protocol", "chronological", *told)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "flag_everything" in done.stdout
    figures = _table(warehouse, "protocol_figures")
    chosen = figures.query("scope == 'all' and detector == 'hybrid' and budget == 0.05")
    by_set = chosen.set_index("feature_set")
    whole, no_jitter = by_set.loc["all"], by_set.loc["no_jitter"]
    assert not chosen["uses_labels"].any()
    assert whole["roc_auc"] >= 0.996
    assert whole["fpr_at_tpr_999"] <= 0.012
    assert whole["tpr"] >= 0.999
    assert whole["fpr"] <= 0.06
    assert whole["worst_attack_file_tpr"] >= 0.98
    assert whole["worst_device_fpr"] <= 0.10
    assert no_jitter["roc_auc"] >= 0.988
    assert no_jitter["tpr"] >= 0.95


def test_paper_profile_on_the_half_it_samples(
    nbaiot: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """The paper profile scores half of each file and prints the report's figures beside ours."""
    folder, warehouse = tmp_path / "in", tmp_path / "warehouse"
    folder.mkdir()
    for file in (nbaiot / "sample").glob("5.*.csv"):  # one device shows it
        shutil.copy(file, folder)
    told = ("--profile", "paper", "--set", "detectors.lstm.epochs=1")
    done = run_job("nightly", "--input", folder, "--warehouse", warehouse, *told)
    assert done.returncode == 0, done.stderr[-3000:]
    scores = _table(warehouse, "scores")
    assert len(scores) == 200 * len(list(folder.iterdir()))
    assert (scores.groupby("source_file").size() == 200).all()
    assert scores["hybrid_score"].between(0, 1).all()
    assert set(scores.loc[scores["label"] == 0, "split"]) == {"train"}
    assert "report" in done.stdout
    assert "0.9863" in done.stdout


@pytest.fixture(scope="session")
def small_night(first_night: Path) -> Path:
    """Return the warehouse of a night on a few made-up files."""
    return first_night / "warehouse"


def test_a_refused_change_does_not_keep_others_from_being_scored(
    small_night: Path, landing: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """The night goes on with the other files, and ends with exit code 2 and what to do."""
    warehouse = shutil.copytree(small_night, tmp_path / "w")
    folder = shutil.copytree(landing, tmp_path / "in")
    text = (folder / "2.benign.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    (folder / "2.benign.csv").write_text("".join([text[0], *reversed(text[1:])]), encoding="utf-8")
    new = "".join([text[0], *text[5:25]])
    (folder / "2.2026-11-22.csv").write_text(new, encoding="utf-8")
    done = run_job("nightly", "--input", folder, "--warehouse", warehouse, *QUICK)
    assert done.returncode == 2, done.stderr[-3000:]
    assert "1 file(s) changed after their ingest and were refused: 2.benign.csv" in done.stderr
    assert "Traceback" not in done.stderr
    scores = _table(warehouse, "scores", ["source_file"])
    assert (scores["source_file"] == "2.2026-11-22.csv").sum() == 20
    assert "scored" in done.stdout


def test_query_result_alone_is_on_standard_output(small_night: Path, submit: Submit) -> None:
    """A program can read the job's standard output: logs are elsewhere."""
    query = "SELECT device, count(*) AS records FROM scores GROUP BY device ORDER BY device"
    done = submit("sql", "--warehouse", small_night, query, "--format", "json")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout) == [
        {"device": "Camera", "records": 100},
        {"device": "Doorbell", "records": 160},
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--profile", "nope"), "there is no profile 'nope'; choose one of: default, paper"),
        (("--set", "threshold.margin=2", "--set", "a.b=1"), "2 fault(s)"),
        (("--config", "/nonexistent.yaml"), "cannot read the configuration file"),
    ],
)
def test_bad_configuration_is_told_before_spark_starts(
    landing: Path, tmp_path: Path, run_job: RunJob, arguments: tuple[str, ...], words: str
) -> None:
    """Exit code 2, one line, no traceback, and nothing is written."""
    warehouse = tmp_path / "warehouse"
    done = run_job("nightly", "--input", landing, "--warehouse", warehouse, *arguments)
    _assert_user_fault(done, words)
    assert not warehouse.exists()


def test_missing_input_folder(tmp_path: Path, run_job: RunJob) -> None:
    """A landing folder that is not there is the user's fault, told in one line."""
    missing = tmp_path / "missing"
    done = run_job("nightly", "--input", missing, "--warehouse", tmp_path / "w")
    _assert_user_fault(done, f"'{missing}' does not exist")


def test_no_benign_records(landing: Path, tmp_path: Path, submit: Submit) -> None:
    """Attacks alone cannot train a model; the message says what to ingest."""
    (tmp_path / "in").mkdir()
    shutil.copy(landing / "1.gafgyt.tcp.csv", tmp_path / "in")
    done = submit("nightly", "--input", tmp_path / "in", "--warehouse", tmp_path / "w")
    _assert_user_fault(done, "has no benign records")


def test_unwritable_warehouse(landing: Path, tmp_path: Path, run_job: RunJob) -> None:
    """A warehouse that cannot be a folder is told in one line."""
    (tmp_path / "file").write_text("not a folder")
    done = run_job("nightly", "--input", landing, "--warehouse", tmp_path / "file" / "w")
    _assert_user_fault(done, "cannot write the warehouse")


def test_unreadable_table(
    small_night: Path, landing: Path, tmp_path: Path, run_job: RunJob
) -> None:
    """A table that lost its log is named; nothing is guessed."""
    warehouse = shutil.copytree(small_night, tmp_path / "w")
    first = warehouse / "ingest_files" / "_delta_log" / "00000000000000000000.json"
    first.write_text("damaged\n")
    done = run_job("nightly", "--input", landing, "--warehouse", warehouse, *QUICK)
    _assert_user_fault(done, "ingest_files")


def _assert_user_fault(done: subprocess.CompletedProcess[str], words: str) -> None:
    assert done.returncode == 2, done.stderr[-3000:]
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
