"""Labelled records to ``shap_values``: what the autoencoder's scores are made of."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from iotscore.errors import ConfigError, InputError
from iotscore.explain.kernel_shap import LSTM, autoencoder_of, explain_score
from iotscore.features import FEATURES, KEY
from iotscore.sampling.lowest_hashes import Kind, choose
from iotscore.sampling.splits import TRAIN
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.explain.kernel_shap import KernelValues, ShapOptions
    from iotscore.models.context import Context

_BACKGROUND_ROWS: Final = 2000
"""Benign training records that are summarised to a few means."""


@dataclass(frozen=True)
class ShapResult:
    """What was explained by Shapley values: records of each kind, of ``wanted`` that were chosen.

    ``background`` counts the benign training records that they were compared with; ``values`` are
    what was stored.
    """

    model_version: str
    benign: int
    attack: int
    wanted: int
    background: int
    values: KernelValues

    @property
    def rows(self) -> int:
        """Explained records."""
        return self.benign + self.attack

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        counts = ("benign", "attack", "wanted", "background")
        return {"model_version": self.model_version} | {n: getattr(self, n) for n in counts}


def explain_by_shap(
    context: Context, options: ShapOptions, splits: Sequence[str], seed: int
) -> ShapResult:
    """Estimate Shapley values of a model's autoencoder for some records, and store them.

    The same records of a warehouse are chosen every time, by their hashes. ``splits`` is what the
    instances were to the model; ``seed`` decides their order, and the coalitions.

    Raises
    ------
    ModelError
        There is no such model, it is damaged, or it has no autoencoder.
    InputError
        There are no labelled attacks, or no benign records to explain or to compare with.
    ConfigError
        The time is too short for a single record.
    """
    stored = context.stored
    autoencoder_of(stored.model)
    kinds = (
        Kind(0, (TRAIN,), _BACKGROUND_ROWS),
        Kind(0, tuple(splits), options.benign),
        Kind(1, tuple(splits), options.attack),
    )
    background, benign, attack = _drawn(context, kinds, seed)
    instances = pa.concat_tables([benign, attack])
    is_attack = instances.column("label").to_numpy() == 1
    done = context.warehouse.spark.sparkContext.accumulator(0)
    with rows_progress("shap", done, instances.num_rows):
        values = explain_score(
            stored.model,
            feature_matrix(background),
            feature_matrix(instances),
            is_attack,
            options,
            seed,
            lambda _: done.add(1),
        )
    explained = is_attack[values.instances]
    if not explained.size:
        message = (
            f"explain.shap.seconds is {options.seconds:g}, which is over before a single "
            "record is explained; allow more"
        )
        raise ConfigError(message)
    _store(context, instances, values)
    return ShapResult(
        stored.version,
        benign=int((~explained).sum()),
        attack=int(explained.sum()),
        wanted=instances.num_rows,
        background=background.num_rows,
        values=values,
    )


def _drawn(context: Context, kinds: Sequence[Kind], seed: int) -> list[pa.Table]:
    """Return background, benign instances and attacks; none of them is empty."""
    ledger = context.ingested.values()
    labelled = [row for row in ledger if row["label"] is not None and row["rows_accepted"]]
    where = {
        "file_id": sorted(row["file_id"] for row in labelled),
        "ingest_run": sorted({row["run_id"] for row in labelled}),
    }
    drawn = choose(context.warehouse, where, context.stored.split, kinds, seed)
    names = ("benign training records", "benign records", "attacks")
    for name, kind, rows in zip(names, kinds, drawn, strict=True):
        if not rows.num_rows:
            message = (
                f"the warehouse {context.warehouse.root} holds no labelled {name} that were "
                f"{' or '.join(kind.splits)} to the model, in {len(labelled)} labelled files, and "
                "SHAP compares benign records with attacks: ingest such files, or set "
                "evaluate.splits"
            )
            raise InputError(message)
    return drawn


def _store(context: Context, instances: pa.Table, found: KernelValues) -> None:
    """Add a row for each explained record and feature."""
    explained = instances.take(pa.array(found.instances))
    values = feature_matrix(explained)
    common: dict[str, Any] = {
        "model_version": context.stored.version,
        "detector": LSTM,
        "base_value": found.base,
        "run_id": context.run_id,
        "explained_at": datetime.now(UTC),
    }
    keys = explained.select([*KEY, "label"]).to_pylist()
    rows = [
        {**common, **key, "score": score, "feature": feature, "value": value, "shap_value": shap}
        for key, score, of_record, of_shap in zip(
            keys, found.scores.tolist(), values.tolist(), found.values.tolist(), strict=True
        )
        for feature, value, shap in zip(FEATURES, of_record, of_shap, strict=True)
    ]
    context.warehouse.append("shap_values", rows)
