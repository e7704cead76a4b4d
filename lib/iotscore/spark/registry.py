"""Model versions and promotions: rows of ``models`` and ``model_aliases``."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.columns import FEATURES
from iotscore.detect.bundle import from_bytes, version_of
from iotscore.detect.calibration import ScoreCalibration
from iotscore.errors import ModelError
from iotscore.json_form import EACH, NUMBER, TEXT, WHOLE, form_fault, strict_json

if TYPE_CHECKING:
    from iotscore.detect.model import Model
    from iotscore.json_form import Form
    from iotscore.spark.tables import Warehouse

CHAMPION: Final = "champion"

_RESTORE: Final = "restore the table models, or train again"
_CUTOFF: Final = (int, type(None))
_MANIFEST: Final[Form] = {
    "model_version": TEXT,
    "normalisation": TEXT,
    "split": {
        "seed": WHOLE,
        "fraction": NUMBER,
        "parts": {EACH: {"train_end": WHOLE, "calibration_end": WHOLE}},
        "train_cutoff": _CUTOFF,
        "calibration_cutoff": _CUTOFF,
    },
}
"""What a manifest must hold for scoring and evaluation; the rest of it is for people."""


@dataclass(frozen=True)
class StoredModel:
    """A model as the registry holds it, checked byte by byte."""

    version: str
    manifest: dict[str, Any]
    bundle: bytes
    model: Model


def described(model: Model) -> dict[str, Any]:
    """Return what a manifest says of a model, for people; the bundle holds all of it."""
    linear = {
        name: asdict(value)
        for name, value in model.calibrations.items()
        if isinstance(value, ScoreCalibration)
    }
    return {
        "normalisation": model.normalisation,
        "detectors": {name: fitted.parameters for name, fitted in model.detectors.items()},
        "weights": model.weights,
        "calibrations": linear,
        "thresholds": model.thresholds,
        "features": list(model.features),
    }


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
    """Make a version the champion, unless it is; the newest row of an alias wins."""
    if champion(warehouse) == version:
        return
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
        There is no such version, or its bundle or manifest is damaged or does not belong to it.
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
    bundle, model = _checked_bundle(wanted, rows[0])
    manifest = _checked_manifest(wanted, rows[0]["manifest"], model)
    return StoredModel(wanted, manifest, bundle, model)


def _checked_bundle(version: str, row: dict[str, Any]) -> tuple[bytes, Model]:
    bundle = bytes(row["bundle"] or b"")
    if not bundle:
        message = f"the model {version} has no bundle; {_RESTORE}"
        raise ModelError(message)
    found = version_of(bundle)
    if found != version or hashlib.sha256(bundle).hexdigest() != row["bundle_sha256"]:
        message = (
            f"the bundle of the model {version} has the checksum of {found}: it is damaged or was "
            f"swapped; {_RESTORE}"
        )
        raise ModelError(message)
    try:
        model = from_bytes(bundle)
    except ModelError as error:
        message = f"the model {version} cannot be used: {error}"
        raise ModelError(message) from error
    if model.features != FEATURES:
        message = (
            f"the model {version} scores {len(model.features)} features "
            f"{list(model.features[:2])} ..., which are not the {len(FEATURES)} of traffic, in "
            "their order; name another model with --model, or train again"
        )
        raise ModelError(message)
    return bundle, model


def _checked_manifest(version: str, text: str, model: Model) -> dict[str, Any]:
    """Return the manifest after checking what later stages take from it."""
    try:
        manifest = strict_json(text or "")
        fault = form_fault(manifest, _MANIFEST, "it")
    except ValueError as error:
        fault = str(error)
    if fault:
        message = f"the manifest of the model {version} is damaged ({fault}); {_RESTORE}"
        raise ModelError(message)
    needed = {
        "model_version": version,
        "normalisation": model.normalisation,
    }
    for key, value in needed.items():
        if manifest[key] != value:
            message = (
                f"the manifest of the model {version} says {key} {manifest[key]!r} and its bundle "
                f"{value!r}: they do not belong together; {_RESTORE}"
            )
            raise ModelError(message)
    return dict(manifest)
