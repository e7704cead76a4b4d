"""A warehouse without a champion: one that has none yet, or one that has lost it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.errors import ModelError
from iotscore.runs.order import in_order

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse


def require_first_night(warehouse: Warehouse) -> None:
    """Raise if a warehouse without a champion had one, or could have: then it was lost.

    Raises
    ------
    ModelError
        There are models, or there were.
    """
    stored = in_order(
        warehouse.rows("models", ["model_version", "created_at", "sequence"]), "created_at"
    )
    if stored:
        newest = stored[-1]["model_version"]
        message = (
            f"the warehouse {warehouse.root} has {len(stored)} model(s) and no champion among "
            "them: restore the folder model_aliases from a backup, or run models promote VERSION "
            f"(the newest is {newest}, models list shows all), or train --anew for another one"
        )
        raise ModelError(message)
    used = warehouse.values("scored_files", "model_version")
    if used or warehouse.rows("runs", ["run_id"], stage="train", status="done"):
        known = ", ".join(sorted(used)) or "of which only the table runs knows"
        message = (
            f"the warehouse {warehouse.root} has no model any more and had some ({known}): "
            "restore the folders models and model_aliases from a backup, or run train --anew for "
            "another one"
        )
        raise ModelError(message)
