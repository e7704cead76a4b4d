"""What a stage works with: the warehouse, its run, and what it reads once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from iotscore.models.registry import load_model
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from iotscore.models.stored import StoredModel
    from iotscore.warehouse.side_outputs import Prepared
    from iotscore.warehouse.warehouse import Warehouse

_LOG: Final = logging.getLogger(__name__)


class Content(NamedTuple):
    """The content of a landing file as it lies in ``traffic``."""

    file_id: str
    sha256: str
    ingest_run: str


class Ahead(NamedTuple):
    """What a stage has prepared for a later one of the same job, by a model, of some contents."""

    prepared: Prepared
    model_version: str
    contents: frozenset[Content]

    @property
    def file_ids(self) -> frozenset[str]:
        """The files."""
        return frozenset(content.file_id for content in self.contents)

    def fits(self, model_version: str, wanted: frozenset[Content]) -> bool:
        """Say whether a stage wants all of it: of this model, every content as it was read."""
        return self.model_version == model_version and self.contents <= wanted


@dataclass
class Context:
    """One stage of one run.

    Attributes
    ----------
    model_version
        None for the champion.
    ahead
        What stages of the job have prepared, by the stage that it is for. It lives as long as the
        job: a later job does the work itself.
    """

    warehouse: Warehouse
    run_id: str
    model_version: str | None = None
    ahead: dict[str, Ahead] = field(default_factory=dict)

    @cached_property
    def stored(self) -> StoredModel:
        """The model, read and checked once; as :func:`load_model` it may raise a ModelError."""
        return load_model(self.warehouse, self.model_version)

    @cached_property
    def deliveries(self) -> list[dict[str, Any]]:
        """All rows of ``ingest_files`` as they were when the stage asked first."""
        return self.warehouse.rows("ingest_files")

    @cached_property
    def ingested(self) -> dict[str, dict[str, Any]]:
        """The files whose records are in ``traffic``, by id."""
        return {row["file_id"]: row for row in self.deliveries if row["status"] == INGESTED}

    def prepared(self, stage: str, wanted: frozenset[Content]) -> Ahead | None:
        """Return what is prepared for a stage, None if nothing is, or it does not fit."""
        found = self.ahead.get(stage)
        if found is None or found.fits(self.stored.version, wanted):
            return found
        _LOG.info("%s: what was prepared does not fit any more; all records are read again", stage)
        return None
