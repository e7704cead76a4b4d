"""Stored models that must not score: refused in one line before there is a row in ``scores``."""

from __future__ import annotations

import hashlib
import json
import pickle
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from iotscore.cli.job import guarded
from iotscore.detect.bundle import FORMAT_VERSION, from_bytes, to_bytes, version_of
from iotscore.errors import ModelError
from iotscore.exit_codes import USER_FAULT
from iotscore.models.context import Context
from iotscore.scoring.stage import score
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

GOLDEN = Path(__file__).resolve().parents[2] / "data" / "golden" / "model_v1.iotscore"

Row = dict[str, Any]


def with_manifest(row: Row, **change: object) -> Row:
    """Return the row with keys of its manifest replaced."""
    return row | {"manifest": json.dumps(json.loads(row["manifest"]) | change)}


def with_bundle(row: Row, bundle: bytes) -> Row:
    """Return the row with another bundle and everything that names it right."""
    version = version_of(bundle)
    own = row | {"model_version": version, "bundle": bundle}
    own["bundle_sha256"] = hashlib.sha256(bundle).hexdigest()
    return with_manifest(own, model_version=version)


def other_model(row: Row) -> bytes:
    """Return a whole bundle of another model."""
    model = from_bytes(row["bundle"])
    return to_bytes(replace(model, thresholds=model.thresholds | {"hybrid": 0.1}))


def reordered(row: Row) -> bytes:
    """Return a whole bundle whose features come in another order than those of traffic."""
    model = from_bytes(row["bundle"])
    return to_bytes(replace(model, features=model.features[::-1]))


def flipped(row: Row, position: int) -> bytes:
    """Return the bundle with one bit flipped."""
    data = bytearray(row["bundle"])
    data[position] ^= 1
    return bytes(data)


def newer(row: Row) -> bytes:
    """Return the bundle under the number of a newer format."""
    return row["bundle"][:8] + struct.pack("<I", FORMAT_VERSION + 1) + row["bundle"][12:]


CASES: dict[str, tuple[Callable[[Row], Row], str]] = {
    "cut short": (lambda row: row | {"bundle": row["bundle"][:-1]}, "has the checksum of"),
    "header flipped": (lambda row: row | {"bundle": flipped(row, 200)}, "has the checksum of"),
    "array flipped": (lambda row: row | {"bundle": flipped(row, -9)}, "has the checksum of"),
    "of another version": (lambda row: row | {"bundle": other_model(row)}, "was swapped"),
    "other checksum": (lambda row: row | {"bundle_sha256": "0" * 64}, "has the checksum of"),
    "no bundle": (lambda row: row | {"bundle": None}, "has no bundle"),
    "empty bundle": (lambda row: row | {"bundle": b""}, "has no bundle"),
    "cut short, own version": (
        lambda row: with_bundle(row, row["bundle"][:5000]),
        "cannot be used: the model bundle is cut short",
    ),
    "newer format": (lambda row: with_bundle(row, newer(row)), "format 4 and this code reads"),
    "pickle": (
        lambda row: with_bundle(row, pickle.dumps(["model"])),
        "not an iotscore model bundle",
    ),
    "other features": (
        lambda row: with_bundle(row, GOLDEN.read_bytes()),
        "scores 6 features ['a', 'b'] ..., which are not the 115 of traffic",
    ),
    "features in other order": (lambda row: with_bundle(row, reordered(row)), "in their order"),
    "no manifest": (lambda row: row | {"manifest": None}, "the manifest of the model"),
    "manifest cut short": (
        lambda row: row | {"manifest": row["manifest"][:-5]},
        "the manifest of the model",
    ),
    "manifest of another": (
        lambda row: with_manifest(row, model_version="0" * 12),
        "they do not belong together",
    ),
    "other normalisation": (
        lambda row: with_manifest(row, normalisation="batch_minmax"),
        "says normalisation 'batch_minmax' and its bundle 'tail'",
    ),
    "no split": (lambda row: with_manifest(row, split=None), "it.split is None, no object"),
    "split of texts": (
        lambda row: with_manifest(row, split=json.loads(row["manifest"])["split"] | {"seed": "42"}),
        "it.split.seed is '42'",
    ),
}


def unscored(warehouse: Warehouse) -> None:
    """Empty ``scores`` and its ledger, so that the next run has every record to score."""
    for table in ("scores", "scored_files"):
        DeltaTable(f"{warehouse.root}/{table}").delete()


def scored(warehouse: Warehouse) -> tuple[int, int]:
    """Return the rows of ``scores`` and of its ledger."""
    scores, ledger = (
        DeltaTable(f"{warehouse.root}/{table}").to_pyarrow_table().num_rows
        for table in ("scores", "scored_files")
    )
    return scores, ledger


def store(warehouse: Warehouse, change: Callable[[Row], Row]) -> str:
    """Put a changed model in the place of the stored one; return its version."""
    path = f"{warehouse.root}/models"
    rows = DeltaTable(path).to_pyarrow_table()
    [row] = rows.to_pylist()
    stored = change(row)
    write_deltalake(path, pa.Table.from_pylist([stored], rows.schema), mode="overwrite")
    return str(stored["model_version"])


@pytest.mark.parametrize("case", CASES)
def test_a_model_that_is_not_whole_scores_nothing(
    case: str,
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, one line that names the model and the fault, and no row of scores."""
    warehouse = night_copy("default")
    unscored(warehouse)
    change, fault = CASES[case]
    version = store(warehouse, change)
    options = settings("default").evaluate
    context = Context(warehouse, "a", version)
    assert guarded("score", lambda: score(context, options)) == USER_FAULT
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("iotscore score: the ")
    assert version in line
    assert fault in line
    assert scored(warehouse) == (0, 0)


def test_a_refused_model_leaves_a_failed_run_and_the_good_one_scores(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> None:
    """The run record has the reason; once the table is restored the same stage scores it all."""
    warehouse = night_copy("default")
    unscored(warehouse)
    good = DeltaTable(f"{warehouse.root}/models").to_pyarrow_table()
    store(warehouse, lambda row: row | {"bundle": flipped(row, -9)})
    run = Stages(warehouse, settings("default"))
    with pytest.raises(ModelError, match="has the checksum of"):
        run.score()
    assert scored(warehouse) == (0, 0)
    [failed] = warehouse.rows("runs", status="failed")
    assert failed["error"].startswith("ModelError: the bundle of the model ")
    write_deltalake(f"{warehouse.root}/models", good, mode="overwrite")
    assert run.score() == 260
    assert scored(warehouse) == (260, 5)
