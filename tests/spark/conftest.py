"""Warehouses that several tests read and none may change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.options import (
    file_weights,
    score_options,
    train_options,
)
from iotscore.errors import RefusalError
from iotscore.evaluation.stage import evaluate
from iotscore.explain.stage import explain
from iotscore.ingest.stage import ingest
from iotscore.models.train import train
from iotscore.monitoring.stage import monitor
from iotscore.query.query import register_tables, run_query
from iotscore.query.views import read_views
from iotscore.runs.run_log import RunLog
from iotscore.scoring.stage import score
from iotscore.warehouse.tables import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.config import Settings

VIEWS = read_views(Path(__file__).resolve().parent.parent.parent / "conf" / "sql" / "views")


class Stages:
    """Run stages on a warehouse the way the jobs do."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse = warehouse
        self.settings = settings

    def _log(self) -> RunLog:
        return RunLog(self.warehouse, "test", "0" * 64)

    def ingest(self, folder: Path, only: frozenset[str] | None = None) -> dict[str, object]:
        """Ingest and return the stage's details."""
        log = self._log()
        with log.stage("ingest") as stage:
            options = self.settings.ingest
            ingest(self.warehouse, str(folder), options, log.run_id, stage, only=only)
        return stage.details

    def ingest_refusing(self, folder: str | Path) -> dict[str, object]:
        """Ingest, require that files are refused, and return the stage's details."""
        log = self._log()
        with pytest.raises(RefusalError), log.stage("ingest") as stage:
            ingest(self.warehouse, str(folder), self.settings.ingest, log.run_id, stage)
        [end] = self.warehouse.rows("runs", run_id=log.run_id, status="done")
        assert "refused" in end["error"]
        return stage.details

    def train(self) -> str:
        """Train and return the model version."""
        log = self._log()
        with log.stage("train") as stage:
            return train(self.warehouse, train_options(self.settings), log.run_id, stage)

    def score(self, version: str | None = None) -> int:
        """Score and return the rows."""
        log = self._log()
        with log.stage("score") as stage:
            score(self.warehouse, version, score_options(self.settings), log.run_id, stage)
        return stage.rows

    def evaluate(self, version: str | None = None) -> str | None:
        """Evaluate and return the evaluation's id."""
        log = self._log()
        with log.stage("evaluate") as stage:
            options, weights = self.settings.evaluate, file_weights(self.settings)
            return evaluate(self.warehouse, version, options, weights, log.run_id, stage)

    def explain(self, version: str | None = None) -> int:
        """Explain and return the explained records."""
        log = self._log()
        with log.stage("explain") as stage:
            window = self.settings.incidents.window
            explain(self.warehouse, version, window, log.run_id, stage)
        return stage.rows

    def monitor(self) -> int:
        """Monitor, tell nobody, and return the records compared."""
        log = self._log()
        with log.stage("monitor") as stage:
            limits = self.settings.monitor
            monitor(self.warehouse, None, limits, {}, log.run_id, stage)
        return stage.rows


@pytest.fixture(scope="session")
def stages() -> type[Stages]:
    """Return the class that runs stages."""
    return Stages


@pytest.fixture(scope="session")
def _night(
    _session: SparkSession,
    made_once: Callable[..., Path],
    landing: Path,
    settings: Callable[..., Settings],
) -> Callable[[str], Path]:
    """Return a maker of finished nights, each profile's made once."""

    def make(profile: str) -> Path:
        def fill(folder: Path) -> None:
            run = Stages(Warehouse(_session, str(folder)), settings(profile))
            run.ingest(landing)
            run.train()
            run.score()
            run.evaluate()
            run.explain()

        return made_once(f"night-{profile}", fill)

    return make


@pytest.fixture
def night(spark: SparkSession, _night: Callable[[str], Path]) -> Warehouse:
    """Return a warehouse after a night with the default profile; read it, do not write."""
    return Warehouse(spark, str(_night("default")))


@pytest.fixture
def paper_night(spark: SparkSession, _night: Callable[[str], Path]) -> Warehouse:
    """Return a warehouse after a night with the paper profile; read it, do not write."""
    return Warehouse(spark, str(_night("paper")))


@pytest.fixture
def night_copy(
    spark: SparkSession, _night: Callable[[str], Path], tmp_path: Path
) -> Callable[[str], Warehouse]:
    """Return a maker of private copies of a finished night, to write into."""

    def copy(profile: str) -> Warehouse:
        folder = shutil.copytree(_night(profile), tmp_path / f"{profile}-copy")
        return Warehouse(spark, str(folder))

    return copy


@pytest.fixture(scope="session")
def opened() -> Callable[[SparkSession, str], SparkSession]:
    """Return a function that opens a session of its own, as the job sql does, on a warehouse."""

    def open_on(session: SparkSession, root: str) -> SparkSession:
        own = session.newSession()
        register_tables(Warehouse(own, root), VIEWS)
        return own

    return open_on


@pytest.fixture(scope="module")
def empty(
    _session: SparkSession,
    opened: Callable[[SparkSession, str], SparkSession],
    tmp_path_factory: pytest.TempPathFactory,
) -> SparkSession:
    """Return a session over a warehouse without any table."""
    return opened(_session, str(tmp_path_factory.mktemp("empty")))


@pytest.fixture(scope="module")
def after_night(
    _session: SparkSession,
    opened: Callable[[SparkSession, str], SparkSession],
    _night: Callable[[str], Path],
) -> SparkSession:
    """Return a session over a finished night."""
    return opened(_session, str(_night("default")))


@pytest.fixture(scope="module")
def ask(after_night: SparkSession) -> Callable[[str], list[Any]]:
    """Return a function that queries a finished night."""
    return lambda statement: run_query(after_night, statement).collect()
