"""Warehouses that several tests read and none may change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.options import file_weights, train_options
from iotscore.errors import RefusalError
from iotscore.evaluation.stage import evaluate
from iotscore.explain.stage import explain
from iotscore.ingest.stage import ingest
from iotscore.models.context import Context
from iotscore.models.train import train
from iotscore.monitoring.stage import monitor
from iotscore.query.query import register_tables, run_query
from iotscore.query.views import read_views
from iotscore.runs.run_log import RunLog
from iotscore.scoring.stage import score
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

VIEWS = read_views(Path(__file__).resolve().parent.parent.parent / "conf" / "sql" / "views")


class Stages:
    """Run stages on a warehouse the way the jobs do."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse = warehouse
        self.settings = settings
        self.details: dict[str, object] = {}

    def ingest(self, folder: str | Path, only: frozenset[str] | None = None) -> dict[str, object]:
        """Ingest and return the stage's details; raise if files are refused, as the job does."""
        log = RunLog(self.warehouse, "test", "0" * 64)
        with log.stage("ingest") as stage:
            options = self.settings.ingest
            done = ingest(Context(self.warehouse, log.run_id), str(folder), options, only=only)
            stage.report(done)
            self.details = stage.details
            if done.refusal is not None:
                raise RefusalError(done.refusal)
        return stage.details

    def ingest_refusing(self, folder: str | Path) -> dict[str, object]:
        """Ingest, require that files are refused, and return the stage's details."""
        with pytest.raises(RefusalError):
            self.ingest(folder)
        errors = self.warehouse.values("runs", "error", stage="ingest", status="done")
        assert any("refused" in error for error in errors - {None})
        return self.details

    def train(self, *, is_candidate: bool = False) -> str:
        """Train and return the model version."""
        options = train_options(self.settings)
        done = self._run(
            "train", lambda context: train(context, options, is_candidate=is_candidate)
        )
        return str(done.model_version)

    def score(self, version: str | None = None) -> int:
        """Score and return the rows."""
        options = self.settings.evaluate
        return int(self._run("score", lambda context: score(context, options), version).rows)

    def evaluate(self, version: str | None = None) -> str | None:
        """Evaluate and return the evaluation's id."""
        options, weights = self.settings.evaluate, file_weights(self.settings)
        done = self._run("evaluate", lambda context: evaluate(context, options, weights), version)
        return str(done.evaluation_id) if done.evaluation_id else None

    def explain(self, version: str | None = None) -> int:
        """Explain and return the explained records."""
        window = self.settings.incidents.window
        return int(self._run("explain", lambda context: explain(context, window), version).rows)

    def monitor(self) -> int:
        """Monitor, tell nobody, and return the records compared."""
        limits = self.settings.monitor
        return int(self._run("monitor", lambda context: monitor(context, limits, {})).rows)

    def _run(self, name: str, body: Callable[[Context], Any], version: str | None = None) -> Any:  # noqa: ANN401
        log = RunLog(self.warehouse, "test", "0" * 64)
        with log.stage(name) as stage:
            done = body(Context(self.warehouse, log.run_id, version))
            stage.report(done)
        return done


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
            run = Stages(open_warehouse(_session, str(folder)), settings(profile))
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
    return open_warehouse(spark, str(_night("default")))


@pytest.fixture
def paper_night(spark: SparkSession, _night: Callable[[str], Path]) -> Warehouse:
    """Return a warehouse after a night with the paper profile; read it, do not write."""
    return open_warehouse(spark, str(_night("paper")))


@pytest.fixture
def night_copy(
    spark: SparkSession, _night: Callable[[str], Path], tmp_path: Path
) -> Callable[[str], Warehouse]:
    """Return a maker of private copies of a finished night, to write into."""

    def copy(profile: str) -> Warehouse:
        folder = shutil.copytree(_night(profile), tmp_path / f"{profile}-copy")
        return open_warehouse(spark, str(folder))

    return copy


@pytest.fixture(scope="session")
def opened() -> Callable[[SparkSession, str], SparkSession]:
    """Return a function that opens a session of its own, as the job sql does, on a warehouse."""

    def open_on(session: SparkSession, root: str) -> SparkSession:
        own = session.newSession()
        register_tables(open_warehouse(own, root), VIEWS)
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
