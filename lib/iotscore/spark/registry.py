"""Model versions and promotions: rows of ``models`` and ``model_aliases``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.detect.bundle import from_bytes, version_of
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from iotscore.detect.model import Model
    from iotscore.spark.tables import Warehouse

CHAMPION: Final = "champion"


@dataclass(frozen=True)
class StoredModel:
    """A model as the registry holds it, checked byte by byte."""

    version: str
    manifest: dict[str, Any]
    bundle: bytes
    model: Model


def save_model(
    warehouse: Warehouse, version: str, manifest: dict[str, Any], bundle: bytes, run_id: str
) -> None:
    """Add a version unless it is there already: equal models have equal versions."""
    if version not in warehouse.values("models", "model_version"):
        row = {
            "model_version": version,
            "manifest": json.dumps(manifest, sort_keys=True),
            "bundle": bundle,
            "bundle_sha256": hashlib.sha256(bundle).hexdigest(),
            "run_id": run_id,
            "created_at": datetime.now(UTC),
        }
        warehouse.append_rows("models", [row])


def promote(warehouse: Warehouse, version: str, reason: str, run_id: str) -> None:
    """Make a version the champion; the newest row of an alias wins."""
    row = {
        "alias": CHAMPION,
        "model_version": version,
        "reason": reason,
        "run_id": run_id,
        "promoted_at": datetime.now(UTC),
    }
    warehouse.append_rows("model_aliases", [row])


def champion(warehouse: Warehouse) -> str | None:
    """Return the champion's version, None if there is none yet."""
    aliases = warehouse.rows("model_aliases", alias=CHAMPION)
    newest = max(aliases, key=lambda row: row["promoted_at"], default=None)
    return None if newest is None else str(newest["model_version"])


def load_model(warehouse: Warehouse, version: str | None = None) -> StoredModel:
    """Read a version, or the champion.

    Raises
    ------
    ModelError
        There is no such version, or its bundle is damaged or does not belong to it.
    """
    wanted = version or champion(warehouse)
    if wanted is None:
        message = f"the warehouse {warehouse.root} has no champion yet; run the job train first"
        raise ModelError(message)
    rows = warehouse.rows("models", model_version=wanted)
    if not rows:
        known = sorted(warehouse.values("models", "model_version"))
        message = (
            f"there is no model {wanted!r}; known are {known or 'none yet: run the job train'}"
        )
        raise ModelError(message)
    bundle = bytes(rows[0]["bundle"])
    if (found := version_of(bundle)) != wanted:
        message = (
            f"the bundle of the model {wanted} has the checksum of {found}: it is damaged or was "
            "swapped; restore the table models, or train again"
        )
        raise ModelError(message)
    return StoredModel(wanted, json.loads(rows[0]["manifest"]), bundle, from_bytes(bundle))
