"""Old scores and models go by policy: the rest stays, nothing is done again, verify agrees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from iotscore import failpoints
from iotscore.cli.tables.models import print_models
from iotscore.errors import ModelError
from iotscore.maintenance.retention import Retention, expire
from iotscore.models.registry import load_model, promote, save_model
from iotscore.verify import Outcome, verify_warehouse
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

MONTH = Retention(keep_scores_days=30, keep_models=None)
GONE = ("scores", "explanations", "incidents")
KEPT = ("traffic", "score_histogram", "metrics", "models", "alerts", "drift")


def in_days(days: int) -> datetime:
    """Return a time in some days, when what was made now is old."""
    return datetime.now(UTC) + timedelta(days=days)


def sizes(warehouse: Warehouse) -> dict[str, int]:
    """Return the rows of each table that is there."""
    tables = (*GONE, *KEPT)
    return {one: warehouse.count(one) or 0 for one in tables if warehouse.exists(one)}


def outcomes(warehouse: Warehouse) -> set[Outcome]:
    """Return how the checks of verify end."""
    return {check.outcome for check in verify_warehouse(warehouse, 1_000, None)}


@pytest.fixture
def later(settings: Callable[..., Settings], tmp_path: Path) -> Callable[[Warehouse], Any]:
    """Return a function that runs the stages of a night with one new file of 25 records."""

    def run_night(warehouse: Warehouse) -> None:
        folder = tmp_path / "later"
        write_traffic(folder / "2.2026-11-22.csv", make_features(25, 7))
        run = Stages(warehouse, settings("default"))
        run.ingest(folder)
        assert run.score() == 25
        run.evaluate()
        run.explain()

    return run_night


def test_old_scores_go_and_nothing_is_done_again(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Settings],
    later: Callable[[Warehouse], None],
) -> None:
    """Scores, explanations and incidents go; counts, ledgers and later nights do not."""
    warehouse = night_copy("default")
    before = sizes(warehouse)
    assert min(before[table] for table in GONE) > 0
    expired = expire(warehouse, MONTH, in_days(31))
    assert expired.rows == {
        "scored_files": before["scores"],
        "explained_files": before["explanations"],
    }
    assert sizes(warehouse) == before | dict.fromkeys(GONE, 0)
    assert outcomes(warehouse) == {Outcome.HOLDS}
    run = Stages(warehouse, settings("default"))
    assert (run.score(), run.explain()) == (0, 0)
    assert run.evaluate() is not None
    later(warehouse)
    assert warehouse.count("scores") == 25
    versions = {table: warehouse.version(table) for table in (*GONE, "scored_files")}
    assert expire(warehouse, MONTH, in_days(20)).rows == {"scored_files": 0, "explained_files": 0}
    assert {table: warehouse.version(table) for table in versions} == versions
    assert outcomes(warehouse) == {Outcome.HOLDS}


@pytest.mark.parametrize(
    "point",
    [
        *("replace scored_files", "delete scores"),
        *("replace explained_files", "delete explanations", "delete incidents"),
    ],
)
def test_a_killed_expiry_is_finished_by_the_next(
    night_copy: Callable[[str], Warehouse], monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    """After every commit verify holds, and the next run deletes what is left."""
    warehouse = night_copy("default")

    def reach(reached: str) -> None:
        if reached == point:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(failpoints, "hit", reach)
        with pytest.raises(KeyboardInterrupt):
            expire(warehouse, MONTH, in_days(31))
    assert outcomes(warehouse) == {Outcome.HOLDS}
    expire(warehouse, MONTH, in_days(32))
    assert [warehouse.count(table) for table in GONE] == [0, 0, 0]
    assert outcomes(warehouse) == {Outcome.HOLDS}


def test_scores_that_nobody_has_counted_stay(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Settings]
) -> None:
    """Their figures would be lost; once they are counted, they go."""
    warehouse = night_copy("default")
    warehouse.delete("score_histogram", "TRUE")
    before = sizes(warehouse)
    expired = expire(warehouse, MONTH, in_days(31))
    assert expired.rows["scored_files"] == 0
    assert expired.uncounted == len(warehouse.rows("scored_files"))
    assert sizes(warehouse)["scores"] == before["scores"]
    Stages(warehouse, settings("default")).evaluate()
    assert expire(warehouse, MONTH, in_days(31)).rows["scored_files"] == before["scores"]


def test_scores_that_every_evaluation_reads_stay(
    night_copy: Callable[[str], Warehouse],
) -> None:
    """Scores of batch_minmax change with each new file: all are needed."""
    warehouse = night_copy("paper")
    before = sizes(warehouse)
    assert expire(warehouse, MONTH, in_days(31)).rows == {"scored_files": 0, "explained_files": 0}
    assert sizes(warehouse) == before


def test_old_models_lose_their_bundle_alone(
    night_copy: Callable[[str], Warehouse], capsys: pytest.CaptureFixture[str]
) -> None:
    """Champions, those with scores and the newest stay whole; an equal model comes back."""
    warehouse = night_copy("default")
    champion = load_model(warehouse)
    for name in ("old", "former", "new"):
        save_model(warehouse, name, champion.manifest, champion.bundle, "run")
    promote(warehouse, "former", "promoted", "run")
    promote(warehouse, champion.version, "promoted", "run")
    assert expire(
        warehouse, Retention(keep_scores_days=None, keep_models=1), in_days(0)
    ).models == ["old"]
    held = {row["model_version"]: row["bundle"] for row in warehouse.rows("models")}
    assert {name for name, bundle in held.items() if bundle is None} == {"old"}
    with pytest.raises(ModelError, match=r"bundle of the model old was deleted on .*keep_models"):
        load_model(warehouse, "old")
    print_models(warehouse)
    assert "expired" in capsys.readouterr().out
    assert (
        expire(warehouse, Retention(keep_scores_days=None, keep_models=1), in_days(0)).models == []
    )
    save_model(warehouse, "old", champion.manifest, champion.bundle, "run")
    (row,) = warehouse.rows("models", model_version="old")
    assert (row["bundle"], row["expired_at"]) == (champion.bundle, None)


def test_verify_takes_an_expired_model_for_what_it_is(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Settings]
) -> None:
    """A model without scores and without bundle is no fault, and its ledgers still agree."""
    warehouse = night_copy("default")
    first = load_model(warehouse).version
    run = Stages(warehouse, settings("default", "seed=7", "detectors.lstm=null"))
    second = run.train()
    assert second != first
    run.score()
    run.evaluate()
    warehouse.delete("model_aliases", f"model_version = '{first}'")
    expired = expire(warehouse, Retention(keep_scores_days=30, keep_models=1), in_days(31))
    assert expired.models == [first]
    assert outcomes(warehouse) == {Outcome.HOLDS}


def test_no_policy_changes_nothing(night_copy: Callable[[str], Warehouse]) -> None:
    """By default everything is kept, for however long."""
    warehouse = night_copy("default")
    tables = (*GONE, *KEPT, "scored_files", "explained_files")
    versions = {table: warehouse.version(table) for table in tables}
    assert (
        expire(warehouse, Retention(keep_scores_days=None, keep_models=None), in_days(10_000)).rows
        == {}
    )
    assert {table: warehouse.version(table) for table in tables} == versions
