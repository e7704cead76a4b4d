"""Models that are damaged, doubled or gone fail the check of models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.models.registry import champion
from iotscore.verify import Outcome
from table_damage import change, remove
from verify_checks import failing, outcomes, verified

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def flipped(bundle: bytes) -> bytes:
    """Flip one bit in the middle."""
    middle = len(bundle) // 2
    return bundle[:middle] + bytes([bundle[middle] ^ 1]) + bundle[middle + 1 :]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("bundle", "it is damaged or was swapped"),
        ("bundle_sha256", "it is damaged or was swapped"),
        ("manifest", "thresholds of manifest and bundle differ"),
    ],
)
def test_a_model_that_is_damaged(damaged: Warehouse, column: str, words: str) -> None:
    """A bit of a bundle, its checksum, or a number in its manifest cannot change unnoticed."""
    (row,) = damaged.rows("models")
    manifest = json.loads(row["manifest"])
    manifest["thresholds"]["hybrid"] = float(np.nextafter(manifest["thresholds"]["hybrid"], 9))
    values = {
        "bundle": flipped(row["bundle"]),
        "bundle_sha256": "0" * 64,
        "manifest": json.dumps(manifest),
    }
    remove(damaged, "models", "true")
    damaged.append("models", [row | {column: values[column]}])
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["models"]
    assert outcomes(checks, Outcome.SKIPPED) == ["sample"]
    assert words in checks["models"].findings[0]


def test_a_champion_that_is_gone(damaged: Warehouse) -> None:
    """The champion is a stored model, and so is each model that has scored."""
    version = champion(damaged)
    change(damaged, "model_aliases", "true", model_version="'gone'")
    row = damaged.rows("models")[0]
    damaged.append("models", [row])
    assert failing(damaged) == [
        "models",
        f"the model {version}: stored 2 times, needed once",
        "the champion gone is not stored",
    ]
    remove(damaged, "models", "true")
    remove(damaged, "model_aliases", "true")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["models"]
    assert checks["models"].findings == (
        f"the model {version}: files are scored by it, but it is not stored",
    )
