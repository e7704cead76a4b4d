"""The job ``register``: tables and views under names in a catalogue."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from iotscore.cli.arguments import home
from iotscore.spark.catalogue import check_lasts, check_plain, register
from iotscore.spark.views import read_views

if TYPE_CHECKING:
    from iotscore.cli.job import Job

_LOG = logging.getLogger(__name__)


def register_all(job: Job) -> str:
    """Register; return the full name of the schema."""
    views = read_views(home() / "conf" / "sql" / "views")
    told = job.arguments
    check_lasts(job.warehouse.spark, check_plain("--catalog", told.catalog))
    done = register(job.warehouse, told.catalog, told.schema, views)
    _LOG.info(
        "register: %d tables (%d new) and %d views in %s",
        *(done.tables, len(done.new_tables), done.views, done.schema),
    )
    return done.schema
