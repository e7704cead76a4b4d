"""The registry: candidates, challenges on records of a night, promotions, rollbacks, exports."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from iotscore.cli.commands.models import promotion_stage
from iotscore.cli.job import Job
from iotscore.cli.options import train_options
from iotscore.cli.tables.models import print_challenge, print_model, print_models
from iotscore.errors import InputError, ModelError, PromotionError
from iotscore.models.context import Context
from iotscore.models.registry import champion, champions, load_model, promote, promotions, roll_back
from iotscore.models.train import train
from iotscore.promotion.challenge import challenge
from iotscore.promotion.trial import Kind
from iotscore.runs.run_log import RunLog
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

    RunJob = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("detectors.iforest=null", "detectors.lstm=null")
LENIENT = (
    *("promotion.least_benign_rows=10", "promotion.least_group_rows=10"),
    *("promotion.fpr_tolerance=20", "promotion.device_fpr=0.99"),
    *("promotion.tpr_margin=1", "promotion.attack_tpr_margin=1"),
)


def candidate(warehouse: Warehouse, settings: Settings) -> str:
    """Train a model that is not promoted; return its version."""
    context = Context(warehouse, "run")
    return train(context, train_options(settings), is_candidate=True).model_version


@pytest.fixture(scope="module")
def with_candidate(
    _session: SparkSession,
    _night: Callable[[str], Path],
    settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, str]:
    """Return a night's warehouse with a candidate beside the champion, and the candidate."""
    folder = shutil.copytree(_night("default"), tmp_path_factory.mktemp("tried") / "warehouse")
    chosen = settings("default", *QUICK, "detectors.envelope=null")
    return folder, candidate(open_warehouse(_session, str(folder)), chosen)


@pytest.fixture
def tried(
    spark: SparkSession, with_candidate: tuple[Path, str], tmp_path: Path
) -> tuple[Warehouse, str]:
    """Return a copy of that warehouse, to write into, and the candidate."""
    folder, version = with_candidate
    return open_warehouse(spark, str(shutil.copytree(folder, tmp_path / "tried"))), version


def promote_by_job(
    warehouse: Warehouse, settings: Settings, version: str, reason: str | None = None
) -> str | None:
    """Promote as the job does; forced if there is a reason. Return why."""
    arguments = Namespace(version=version, reason=reason, force=reason is not None)
    job = Job(arguments, settings, warehouse, RunLog(warehouse, "test", "0" * 64))
    with job.runs.stage("promote") as stage:
        return promotion_stage(job, stage)


def test_a_candidate_is_stored_and_not_promoted(tried: tuple[Warehouse, str]) -> None:
    """Both models are there, and the champion is what it was."""
    warehouse, version = tried
    known = warehouse.values("models", "model_version")
    assert len(known) == 2
    assert champion(warehouse) in known - {version}
    assert len(promotions(warehouse)) == 1


def test_a_model_names_the_files_that_it_was_made_of(
    tried: tuple[Warehouse, str], settings: Callable[..., Settings], landing: Path
) -> None:
    """By their checksums; and the same files and settings give the same version again."""
    warehouse, version = tried
    named = load_model(warehouse, version).manifest["training_files"]
    assert [file["source_file"] for file in named] == ["1.benign.csv", "2.benign.csv"]
    for file in named:
        content = (landing / file["source_file"]).read_bytes()
        assert file["sha256"] == hashlib.sha256(content).hexdigest()
    again = candidate(warehouse, settings("default", *QUICK, "detectors.envelope=null"))
    assert again == version
    assert len(warehouse.rows("models", ["model_version"])) == 2


def test_a_challenge_sees_what_neither_model_learned_from(
    tried: tuple[Warehouse, str], settings: Callable[..., Settings]
) -> None:
    """Test records of benign files, all attacks, all unlabelled ones; flags as in ``scores``."""
    warehouse, version = tried
    options = settings("default").promotion
    models = load_model(warehouse, version), load_model(warehouse)
    found = challenge(warehouse, *models, options)
    scores = pd.DataFrame(warehouse.rows("scores"))
    free = scores[(scores["split"] == "test") | scores["label"].isna()]
    counted = found.trial.count()
    flagged = found.trial.count(found.trial.champion)
    assert {file.kind for file in found.trial.files} == set(Kind)
    for at, file in enumerate(found.trial.files):
        mine = free[free["source_file"] == file.source_file]
        assert (counted[at], flagged[at]) == (len(mine), mine["is_anomaly"].sum()), file
    assert found.trial.file_index.size == len(free)
    through = open_warehouse(warehouse.spark, warehouse.root, direct="never")
    again = challenge(through, *models, options)
    assert again.gates == found.gates
    assert again.reasons.keys() == found.reasons.keys()
    assert np.array_equal(
        again.trial.count(again.trial.challenger), found.trial.count(found.trial.challenger)
    )


def test_a_challenge_draws_evenly_and_no_more_than_it_may(
    tried: tuple[Warehouse, str], settings: Callable[..., Settings]
) -> None:
    """Ten attack records of two files of 40: every eighth one, each standing for eight."""
    warehouse, version = tried
    options = settings("default", "promotion.attack_rows=10").promotion
    found = challenge(warehouse, load_model(warehouse, version), None, options)
    counted = found.trial.count()
    drawn = [
        (file.weight, int(counted[at]))
        for at, file in enumerate(found.trial.files)
        if file.kind is Kind.ATTACK
    ]
    assert drawn == [(8.0, 5), (8.0, 5)]
    assert found.trial.champion is None
    assert found.reasons == {}


def test_a_promotion_is_one_row_and_so_is_the_way_back(
    tried: tuple[Warehouse, str], settings: Callable[..., Settings]
) -> None:
    """Promoted after all checks passed, rolled back; there is nothing before the first champion."""
    warehouse, version = tried
    first = champion(warehouse)
    lenient = settings("default", *LENIENT)
    reason = promote_by_job(warehouse, lenient, version)
    assert reason is not None
    assert reason.startswith(f"promoted over {first}, 6 checks")
    assert promote_by_job(warehouse, lenient, version) is None
    assert [row["model_version"] for row in promotions(warehouse)] == [first, version]
    assert roll_back(warehouse, "too loud", "run") == (version, first)
    assert champion(warehouse) == first
    assert promotions(warehouse)[-1]["reason"] == f"rolled back from {version}: too loud"
    with pytest.raises(ModelError, match=f"no champion to go back to .*{first} is the first"):
        roll_back(warehouse, None, "run")
    assert len(promotions(warehouse)) == 3
    assert load_model(warehouse).version == first


def test_rolling_back_again_goes_back_further(warehouse: Warehouse, night: Warehouse) -> None:
    """A, B, A: back to B, then to A; what was taken off by a rollback is not come back to."""
    [row] = night.rows("models")
    warehouse.append("models", [row])
    known = row["model_version"]
    for version in (known, "b", known):
        promote(warehouse, version, "promoted", "run")
    assert champions(warehouse) == [known, "b", known]
    with pytest.raises(ModelError, match="there is no model 'b'"):
        roll_back(warehouse, None, "run")
    promote(warehouse, "c", "promoted", "run")
    assert roll_back(warehouse, None, "run") == ("c", known)
    assert champions(warehouse) == [known, "b", known]


def test_a_failed_check_refuses_and_force_is_recorded(
    tried: tuple[Warehouse, str], settings: Callable[..., Settings]
) -> None:
    """The message names the check with its values; forced, the row says what failed and why."""
    warehouse, version = tried
    strict = settings("default", *LENIENT, "promotion.least_benign_rows=1000")
    before = champion(warehouse)
    with pytest.raises(PromotionError) as refused:
        promote_by_job(warehouse, strict, version)
    assert "1 of 6 checks failed: benign records: 48 that trained neither" in str(refused.value)
    assert champion(warehouse) == before
    [failed] = warehouse.rows("runs", status="failed")
    assert (failed["stage"], failed["error"]) == ("promote", f"PromotionError: {refused.value}")
    promote_by_job(warehouse, strict, version, "the lab agreed")
    row = promotions(warehouse)[-1]
    assert row["model_version"] == version
    assert row["reason"] == f"forced over {before}, failed: benign records: the lab agreed"
    [done] = [row for row in warehouse.rows("runs", status="done") if row["stage"] == "promote"]
    assert json.loads(done["details"])["gates"]["benign records"] is False


def test_what_cannot_be_tried_needs_force(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Settings],
    warehouse: Warehouse,
    night: Warehouse,
) -> None:
    """A model without flags of its own, and a warehouse without records."""
    mixed = night_copy("default")
    version = candidate(mixed, settings("default", *QUICK, "normalisation.mode=batch_minmax"))
    with pytest.raises(ModelError, match=f"{version} has no flags before everything is scored"):
        promote_by_job(mixed, settings("default"), version)
    before = champion(mixed)
    promote_by_job(mixed, settings("default"), version, "for the paper")
    reason = promotions(mixed)[-1]["reason"]
    assert reason == f"forced over {before}, not tried: for the paper"
    [row] = night.rows("models")
    warehouse.append("models", [row])
    with pytest.raises(InputError, match="has no record that the models did not learn from"):
        promote_by_job(warehouse, settings("default"), row["model_version"])


def test_tables_name_states_figures_and_reasons(
    tried: tuple[Warehouse, str],
    settings: Callable[..., Settings],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """What list, show and compare print."""
    warehouse, version = tried
    first = load_model(warehouse)
    print_models(warehouse)
    listed = capsys.readouterr().out
    assert f"{version} │ candidate" in listed
    assert f"{first.version} │ champion" in listed
    print_model(warehouse, first)
    shown = capsys.readouterr().out
    for words in ("1.benign.csv", "trained", "48 benign records", "neighbours 0.33"):
        assert words in shown
    options = settings("default").promotion
    print_challenge(challenge(warehouse, load_model(warehouse, version), first, options))
    told = capsys.readouterr().out
    for words in (
        f"{version} against the champion {first.version}",
        "FPR at most the target",
        "failed",
    ):
        assert words in told
    assert ("what leads the explanations" in told) != ("no flag changes" in told)


def test_the_jobs_promote_and_export(
    tried: tuple[Warehouse, str], run_job: RunJob, landing: Path, tmp_path: Path
) -> None:
    """Exit code 2 for a failed check; an exported model scores a file as the warehouse did."""
    warehouse, version = tried
    place = ("--warehouse", warehouse.root)
    refused = run_job("models", "promote", version, *place)
    assert refused.returncode == 2, refused.stderr[-3000:]
    assert "benign records" in refused.stdout
    assert f"iotscore models promote: {version} is not promoted" in refused.stderr
    first = str(champion(warehouse))
    done = run_job("models", "export", first, *place, "--out", tmp_path / "model")
    assert done.returncode == 0, done.stderr[-3000:]
    assert Path(done.stdout.split()[-1]).name == "model.onnx"
    command = [sys.executable, "-m", "iotscore", "score", landing / "2.mirai.syn.csv"]
    offline = subprocess.run(
        [*command, "--model", tmp_path / "model"],
        cwd=ROOT / "lib",
        capture_output=True,
        text=True,
        check=True,
    )
    found = pd.DataFrame(list(csv.DictReader(offline.stdout.splitlines())))
    scores = pd.DataFrame(warehouse.rows("scores", source_file="2.mirai.syn.csv"))
    scores = scores.sort_values("row_no", ignore_index=True)
    for name in ("hybrid_score", "severity"):
        assert [float(text) for text in found[name]] == scores[name].tolist()
    assert (found["is_anomaly"] == "true").tolist() == scores["is_anomaly"].tolist()
