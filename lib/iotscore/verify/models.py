"""The check of models: whole, loadable, and what their manifests and the registry say of them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from iotscore.errors import ModelError
from iotscore.models.registry import champion, described, load_model
from iotscore.sampling.splits import SplitPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.detect.model import Model
    from iotscore.warehouse.warehouse import Warehouse


@dataclass
class StoredModels:
    """The models of a warehouse: those without fault are loaded.

    Split plans are known by version where the manifest can be read.
    """

    versions: list[str] = field(default_factory=list)
    plans: dict[str, SplitPlan] = field(default_factory=dict)
    loaded: dict[str, Model] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


def stored_models(warehouse: Warehouse, wanted: str | None) -> StoredModels:
    """Read and check one model, or all.

    Raises
    ------
    ModelError
        There is no model of the wanted version.
    """
    stored = [row["model_version"] for row in warehouse.rows("models", ["model_version"])]
    if wanted is not None and wanted not in stored:
        message = f"there is no model {wanted!r}; known are {sorted(set(stored)) or 'none yet'}"
        raise ModelError(message)
    found = StoredModels(sorted(set(stored)) if wanted is None else [wanted])
    for version in found.versions:
        if (times := stored.count(version)) > 1:
            found.faults.append(f"the model {version}: stored {times} times, needed once")
        # One at a time: the bundles of many nights together may be large.
        found.faults += _faults(found, warehouse, version)
    return found


def _faults(found: StoredModels, warehouse: Warehouse, version: str) -> Iterator[str]:
    """Check a model as the jobs do, and more; enter what can be used. Of expired ones, the plan."""
    try:
        [row, *_] = warehouse.rows("models", ["manifest", "expired_at"], model_version=version)
        manifest = json.loads(row["manifest"])
        found.plans[version] = SplitPlan.from_json(manifest["split"])
        if row["expired_at"] is not None:
            return
        model = load_model(warehouse, version).model
    except (ModelError, ValueError, KeyError, TypeError) as error:
        yield (
            str(error)
            if isinstance(error, ModelError)
            else f"the model {version}: the manifest makes no sense ({error!r})"
        )
        return
    due = json.loads(json.dumps({"model_version": version, **described(model)}))
    if wrong := [key for key, value in due.items() if manifest.get(key) != value]:
        yield f"the model {version}: {', '.join(wrong)} of manifest and bundle differ"
        return
    found.loaded[version] = model


def registry_faults(warehouse: Warehouse) -> Iterator[str]:
    """Look for the champion, and for models that have scored, among those stored."""
    stored = warehouse.values("models", "model_version")
    current = champion(warehouse)
    if stored and current is None:
        yield f"there is no champion among {len(stored)} models"
    elif current is not None and current not in stored:
        yield f"the champion {current} is not stored"
    scored = warehouse.values("scored_files", "model_version")
    for version in sorted(scored - stored):
        yield f"the model {version}: files are scored by it, but it is not stored"
