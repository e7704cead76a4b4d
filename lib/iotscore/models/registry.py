"""Model versions and promotions: rows of ``models`` and ``model_aliases``.

Both tables keep every row; of an expired version the bundle is not kept. Of an alias the newest row
holds, so what was the champion when can always be told. The first word of a row's reason says how
the version got the alias.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.errors import ModelError
from iotscore.models.stored import checked
from iotscore.runs.order import in_order, next_number
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from iotscore.detect.model import Model
    from iotscore.models.stored import StoredModel
    from iotscore.warehouse.warehouse import Warehouse

CHAMPION: Final = "champion"

TRAINED: Final = "trained"
PROMOTED: Final = "promoted"
FORCED: Final = "forced"
ROLLED_BACK: Final = "rolled back"
"""First words of a reason."""

_LEAST_TO_GO_BACK: Final = 2
_RESTORE: Final = "restore the table models, or train again"


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
    """Add a version unless it is there already: equal models have equal versions.

    A version that had expired gets its bundle back.
    """
    known = warehouse.rows("models", ["expired_at"], model_version=version)
    if known and known[0]["expired_at"] is None:
        return
    row = {
        "model_version": version,
        "manifest": json.dumps(manifest, sort_keys=True),
        "bundle": bundle,
        "bundle_sha256": hashlib.sha256(bundle).hexdigest(),
        "run_id": run_id,
        "created_at": datetime.now(UTC),
        "sequence": next_number(warehouse, "models"),
    }
    if known:
        warehouse.replace("models", [row], rows_where(model_version=version))
    else:
        warehouse.append("models", [row])


def promote(warehouse: Warehouse, version: str, reason: str, run_id: str) -> None:
    """Make a version the champion, unless it is; the newest row of an alias wins."""
    if champion(warehouse) != version:
        _add_alias(warehouse, version, reason, run_id)


def roll_back(warehouse: Warehouse, reason: str | None, run_id: str) -> tuple[str, str]:
    """Make the champion before the champion it again, by one row more; return the two, it last.

    Rolling back again goes back further: what a promotion put on top is taken off.

    Raises
    ------
    ModelError
        There was no other champion before, or it is not stored any more.
    """
    earlier = champions(warehouse)
    if len(earlier) < _LEAST_TO_GO_BACK:
        found = f"{earlier[0]} is the first" if earlier else "there is none"
        message = (
            f"there is no champion to go back to in {warehouse.root}: {found}; promote a version, "
            "models list shows them"
        )
        raise ModelError(message)
    *_, wanted, current = earlier
    load_model(warehouse, wanted)
    told = f"from {current}" if reason is None else f"from {current}: {reason}"
    _add_alias(warehouse, wanted, f"{ROLLED_BACK} {told}", run_id)
    return current, wanted


def _add_alias(warehouse: Warehouse, version: str, reason: str, run_id: str) -> None:
    row = {
        "alias": CHAMPION,
        "model_version": version,
        "reason": reason,
        "run_id": run_id,
        "promoted_at": datetime.now(UTC),
        "sequence": next_number(warehouse, "model_aliases"),
    }
    warehouse.append("model_aliases", [row])


def promotions(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return the rows of the champion's alias, the oldest first."""
    return in_order(warehouse.rows("model_aliases", alias=CHAMPION), "promoted_at")


def champion(warehouse: Warehouse) -> str | None:
    """Return the champion's version, None if there is none yet."""
    rows = promotions(warehouse)
    return str(rows[-1]["model_version"]) if rows else None


def champions(warehouse: Warehouse) -> list[str]:
    """Return the champion, last, and those before it that no rollback has taken off."""
    found: list[str] = []
    for row in promotions(warehouse):
        if row["reason"].startswith(ROLLED_BACK) and row["model_version"] in found:
            # Down to the version that was gone back to, the newest of that name.
            while found[-1] != row["model_version"]:
                found.pop()
        else:
            found.append(row["model_version"])
    return found


def load_model(warehouse: Warehouse, version: str | None = None) -> StoredModel:
    """Read a version, or the champion: that of None, and of the word ``champion``.

    Raises
    ------
    ModelError
        There is no such version, it has expired, or its bundle or manifest is damaged or does not
        belong to it.
    """
    wanted = champion(warehouse) if version in (None, CHAMPION) else version
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
    [row, *_] = rows
    if row["expired_at"] is not None:
        message = (
            f"the bundle of the model {wanted} was deleted on {row['expired_at']:%Y-%m-%d}, as "
            "maintain.keep_models asks; name another model, or train the same one again"
        )
        raise ModelError(message)
    bundle, manifest = bytes(row["bundle"] or b""), row["manifest"] or ""
    return checked(wanted, bundle, row["bundle_sha256"], manifest, _RESTORE)
