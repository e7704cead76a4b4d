"""What a stage works with: the warehouse, its run, and what it reads once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from iotscore.models.registry import load_model
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from iotscore.models.stored import StoredModel
    from iotscore.warehouse.warehouse import Warehouse


@dataclass
class Context:
    """One stage of one run; ``model_version`` is None for the champion."""

    warehouse: Warehouse
    run_id: str
    model_version: str | None = None

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
