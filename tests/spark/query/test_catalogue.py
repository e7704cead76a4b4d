"""Where tables are not registered: names that are taken, and catalogues that forget."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import CatalogueError
from iotscore.query.catalogue import SESSION_CATALOGUE, check_lasts, register
from iotscore.query.views import read_views
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

VIEWS = read_views(Path(__file__).resolve().parents[3] / "conf" / "sql" / "views")


@pytest.mark.parametrize(
    ("catalogue", "message"),
    [
        (SESSION_CATALOGUE, "would forget the tables"),
        ("unity", "the session has no catalogue unity"),
    ],
)
def test_a_catalogue_that_forgets_is_refused(
    spark: SparkSession, catalogue: str, message: str
) -> None:
    """The message says which setting is needed."""
    with pytest.raises(CatalogueError, match=message):
        check_lasts(spark, catalogue)


@pytest.fixture
def schema(spark: SparkSession) -> Iterator[str]:
    """Return a name that is no schema yet."""
    yield "kept"
    spark.sql("DROP SCHEMA IF EXISTS kept CASCADE")


def state(spark: SparkSession, schema: str) -> list[object]:
    """Return what a schema holds."""
    return sorted(spark.sql(f"SHOW TABLES IN {schema}").collect())


def test_another_time_changes_nothing(schema: str, night_copy: Callable[[str], Warehouse]) -> None:
    """What is there stays, what is not is added, and all of it shows the warehouse's rows."""
    night = night_copy("default")
    spark = night.spark
    first = register(night, SESSION_CATALOGUE, schema, VIEWS)
    assert first.new_tables == tuple(TABLES)
    before = state(spark, schema)
    assert len(before) == len(TABLES) + len(VIEWS)
    spark.sql(f"DROP TABLE {schema}.scores")
    again = register(night, SESSION_CATALOGUE, schema, VIEWS)
    assert again.new_tables == ("scores",)
    assert state(spark, schema) == before
    assert spark.table(f"{schema}.scores").count() == night.count("scores") == 260
    alerts = spark.table(f"{schema}.v_flagged_records").count()
    assert alerts == night.read("scores").where("is_anomaly").count() > 0
    spark.sql(f"DROP SCHEMA {schema} CASCADE")
    assert night.count("scores") == 260


def test_a_name_that_is_taken_is_refused(schema: str, warehouse: Warehouse, tmp_path: Path) -> None:
    """Another warehouse's table, a table for a view, and a view for a table stay as they are."""
    spark = warehouse.spark
    theirs = open_warehouse(spark, str(tmp_path / "theirs"))
    theirs.create("scores")
    spark.sql(f"CREATE SCHEMA {schema}")
    for name, kind, message in (
        ("scores", None, "scores is a table in file:.*/theirs/scores already"),
        ("runs", "VIEW", "runs is a view already"),
        ("v_runs", "TABLE", "v_runs is a table already"),
    ):
        if kind is None:
            spark.catalog.createTable(f"{schema}.{name}", f"{theirs.root}/{name}", source="delta")
        else:
            form = "USING delta " * (kind == "TABLE")
            spark.sql(f"CREATE {kind} {schema}.{name} {form}AS SELECT 1 AS one")
        before = state(spark, schema)
        with pytest.raises(CatalogueError, match=message):
            register(warehouse, SESSION_CATALOGUE, schema, VIEWS)
        assert state(spark, schema) == before
        spark.sql(f"DROP {kind or 'TABLE'} {schema}.{name}")
