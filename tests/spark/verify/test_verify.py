"""The proof of a warehouse: a finished night holds, and what the job says of one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.commands.verify import exit_code, print_checks
from iotscore.errors import ModelError, WarehouseError
from iotscore.models.registry import champion, load_model
from iotscore.verify import Outcome, verify_warehouse
from iotscore.verify.rescore import sampled_scores
from iotscore.verify.snapshot import gather
from iotscore.warehouse.writer_lock import no_writer, writer_lock
from table_damage import change
from verify_checks import outcomes, verified

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


@pytest.mark.parametrize("profile", ["default", "paper"])
def test_a_finished_night_holds(
    profile: str, night: Warehouse, paper_night: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check of an untouched warehouse holds, all scores are compared, nothing is written."""
    warehouse, scored = {"default": (night, 260), "paper": (paper_night, 130)}[profile]
    before = {path: path.stat().st_mtime_ns for path in Path(warehouse.root).rglob("*")}
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.HOLDS) == list(checks)
    assert checks["sample"].compared.startswith(f"{scored} scores of 1 models")
    assert {path: path.stat().st_mtime_ns for path in Path(warehouse.root).rglob("*")} == before
    print_checks(list(checks.values()))
    assert "nothing is wrong" in capsys.readouterr().out
    assert exit_code(list(checks.values())) == 0


def test_another_sample_each_time(night: Warehouse) -> None:
    """The seed is told, chooses the records, and repeats a choice."""
    model = load_model(night, None)
    found = gather(night, None)
    samples = [
        sampled_scores(found, model.version, ["hybrid_score"], 20, seed) for seed in (1, 2, 1)
    ]
    assert samples[0] == samples[2]
    assert samples[0] != samples[1]
    checks = {check.name: check for check in verify_warehouse(night, 20, None, 77)}
    assert checks["sample"].compared.endswith("chosen by --seed 77")


def test_scores_of_one_model(damaged: Warehouse) -> None:
    """With a model version only its scores are looked at; an unknown one is told."""
    version = champion(damaged)
    row = damaged.rows("scored_files")[0] | {"model_version": "other"}
    damaged.append("scored_files", [row])
    assert outcomes(verified(damaged), Outcome.FAILED) == ["scores", "models"]
    assert outcomes(verified(damaged, version), Outcome.FAILED) == ["models"]
    with pytest.raises(ModelError, match=f"no model 'nope'; known are .*{version}"):
        verified(damaged, "nope")


def test_a_folder_without_tables(warehouse: Warehouse) -> None:
    """A mistyped folder is told, not proved."""
    with pytest.raises(WarehouseError, match="there is no table in"):
        verified(warehouse)


def test_no_job_writes_while_one_verifies(tmp_path: Path) -> None:
    """Verifying waits for no writer and lets none in; two may verify at a time."""
    root = str(tmp_path)
    refused = pytest.raises(WarehouseError, match="another job is writing")
    with no_writer(root):
        assert list(tmp_path.iterdir()) == []
    with writer_lock(root), refused, no_writer(root):
        pass
    with no_writer(root), no_writer(root), refused, writer_lock(root):
        pass


def test_the_job_tells_a_scheduler(
    damaged: Warehouse, run_job: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The job exits with 1 if a check fails, and with 2 if it cannot run."""
    change(damaged, "scored_files", "rows_scored = 90", rows_scored="91")
    failed = run_job("verify", "--warehouse", damaged.root, "--sample", "50")
    assert failed.returncode == 1, failed.stderr[-3000:]
    assert "91 scored, 90 in scores" in failed.stdout
    assert "50 scores of 1 models" in failed.stdout
    assert "Traceback" not in failed.stderr
    with writer_lock(damaged.root):
        busy = run_job("verify", "--warehouse", damaged.root)
    assert busy.returncode == 2
    assert "another job is writing" in busy.stderr
