"""Tables and views of a warehouse under names in a catalogue, such as a Hive metastore."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from delta.tables import DeltaTable
from pyspark.errors import PySparkException

from iotscore.errors import CatalogueError, first_line
from iotscore.query.views import VIEWS, view_query
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

SESSION_CATALOGUE: Final = "spark_catalog"
"""Spark's name for the catalogue that a session has anyway."""

_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,127}")


@dataclass(frozen=True)
class Registered:
    """Full name of a schema, the tables that it did not have, and how many it has now."""

    schema: str
    new_tables: tuple[str, ...]
    tables: int
    views: int


def check_plain(what: str, name: str) -> str:
    """Return a name that needs no quotes in any SQL; the message calls it ``what``.

    Raises
    ------
    CatalogueError
        It is not up to 128 letters, digits and underscores of ASCII, without a digit first.
    """
    if not _PLAIN.fullmatch(name):
        message = (
            f"{what} is {name!r}; give a plain name: letters, digits and underscores, no digit "
            "first, 128 characters at most"
        )
        raise CatalogueError(message)
    return name


def register(
    warehouse: Warehouse, catalogue: str, schema: str, views: Mapping[str, str]
) -> Registered:
    """Make every table an external table of a catalogue, and every view a view over them.

    Tables stay where they are; the catalogue only learns their folders. A schema that is missing
    is made, and so are tables that nobody has written yet, empty, so that views can be. What is
    registered already stays, but views are made again, since their text may have changed.

    Raises
    ------
    CatalogueError
        The catalogue cannot hold the tables, or one of the names is taken by something else.
    """
    spark = warehouse.spark
    where = f"{check_plain('--catalog', catalogue)}.{check_plain('--schema', schema)}"
    for name in TABLES:
        warehouse.create(name)
    try:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {where}")
        kinds = {row.tableName: False for row in spark.sql(f"SHOW TABLES IN {where}").collect()}
        kinds |= {row.viewName: True for row in spark.sql(f"SHOW VIEWS IN {where}").collect()}
        _check_names(warehouse, where, kinds)
        new = tuple(name for name in TABLES if name not in kinds)
        for name in new:
            spark.catalog.createTable(f"{where}.{name}", warehouse.uri(name), source="delta")
        for name in VIEWS:
            query = view_query(views[name], lambda source: f"{where}.{source}")
            spark.sql(f"CREATE OR REPLACE VIEW {where}.{name} AS {query}")
    except PySparkException as error:
        message = f"cannot register the tables in {where}: {first_line(error)}"
        raise CatalogueError(message) from error
    return Registered(where, new, len(TABLES), len(VIEWS))


def check_lasts(spark: SparkSession, catalogue: str) -> None:
    """Refuse a catalogue that the session does not have, or forgets when it ends.

    Raises
    ------
    CatalogueError
        It is such a catalogue.
    """
    if catalogue == SESSION_CATALOGUE:
        if spark.conf.get("spark.sql.catalogImplementation") != "hive":
            message = (
                "the session's catalogue lives in memory and would forget the tables when this job "
                "ends; name a Hive metastore: -- --conf spark.sql.catalogImplementation=hive, and "
                "where it is (docs/sql.md)"
            )
            raise CatalogueError(message)
    elif spark.conf.get(f"spark.sql.catalog.{catalogue}", None) is None:
        message = (
            f"the session has no catalogue {catalogue}; name its class: "
            f"-- --conf spark.sql.catalog.{catalogue}=CLASS (docs/sql.md)"
        )
        raise CatalogueError(message)


def _check_names(warehouse: Warehouse, where: str, is_view: Mapping[str, bool]) -> None:
    """Refuse to go on where one of our names stands for something else."""
    for name in (*TABLES, *VIEWS):
        if name not in is_view:
            continue
        if is_view[name] != (name in VIEWS):
            found = "a view" if is_view[name] else "a table"
        elif name in VIEWS or (folder := _folder(warehouse, f"{where}.{name}")) == _folder(
            warehouse, warehouse.uri(name), is_path=True
        ):
            continue
        else:
            found = f"a table in {folder}"
        message = (
            f"{where}.{name} is {found} already and stays as it is; drop it, or give another "
            "--schema: one for each warehouse"
        )
        raise CatalogueError(message)


def _folder(warehouse: Warehouse, name: str, *, is_path: bool = False) -> str:
    """Return where a Delta table is, in Delta's own words."""
    opened = DeltaTable.forPath if is_path else DeltaTable.forName
    return str(opened(warehouse.spark, name).detail().select("location").collect()[0][0])
