"""Warehouses that several tests read and none may change."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.query.query import register_tables, run_query
from iotscore.query.views import read_views
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

VIEWS = read_views(Path(__file__).resolve().parent.parent.parent / "conf" / "sql" / "views")


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
