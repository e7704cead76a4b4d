"""Upkeep of a warehouse: every table stays small and quick, night after night."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING

from iotscore.errors import WarehouseError
from iotscore.warehouse.delta_rs.compaction import Upkeep, UpkeepOptions, keep_up
from iotscore.warehouse.delta_rs.table import local_path
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse

_LOG = logging.getLogger(__name__)


def maintain(warehouse: Warehouse, options: UpkeepOptions, stage: Stage) -> dict[str, Upkeep]:
    """Keep up each table that is there; this changes no row.

    Parameters
    ----------
    warehouse
        Which; no other job may write it.
    options
        How.
    stage
        Gets what was done.

    Returns
    -------
    dict
        What was done, by table.

    Raises
    ------
    WarehouseError
        The warehouse is no local or mounted folder, or a table cannot be kept up.
    """
    root = local_path(warehouse.root)
    if root is None:
        message = (
            f"the warehouse {warehouse.root} is not in a local or mounted folder that maintain can "
            "work in; run OPTIMIZE and VACUUM of Delta Lake for Spark on its tables"
        )
        raise WarehouseError(message)
    done: dict[str, Upkeep] = {}
    for name, table in TABLES.items():
        if warehouse.exists(name):
            warehouse.require_lock()
            done[name] = keep_up(f"{root}/{name}", table.arrow_schema, table.indexed, options)
            stage.details[name] = asdict(done[name])
            _LOG.info("maintain: %s: %s", name, told(done[name]))
    return done


def told(done: Upkeep) -> str:
    """Say in a few words what was done for a table."""
    return (
        f"{done.files_before} data files, now {done.files_after}; {done.files_deleted} dead ones "
        f"deleted, {done.bytes_freed:,} bytes"
    )
