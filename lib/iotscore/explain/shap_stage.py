"""Labelled records to ``shap_values``: what the autoencoder's scores are made of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.sql import functions as F

from iotscore.errors import ConfigError, InputError
from iotscore.explain.kernel_shap import LSTM, autoencoder_of, explain_score
from iotscore.features import FEATURES, KEY
from iotscore.ingest.plan import INGESTED
from iotscore.models.registry import load_model
from iotscore.sampling.lowest_hashes import CHOSEN_COLUMNS, Kind, choose
from iotscore.sampling.spark_sample import hash_cutoff, record_hash, take_fraction, with_split
from iotscore.sampling.splits import TRAIN, SplitPlan
from iotscore.warehouse.delta_rs.row_groups import feature_matrix, row_groups
from iotscore.warehouse.progress import rows_progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.explain.kernel_shap import KernelValues, ShapOptions
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse

_BACKGROUND_ROWS: Final = 2000
"""Benign training records that are summarised to a few means."""


def explain_by_shap(
    warehouse: Warehouse,
    model_version: str | None,
    options: ShapOptions,
    splits: Sequence[str],
    seed: int,
    run_id: str,
    stage: Stage,
) -> KernelValues:
    """Estimate Shapley values of a model's autoencoder for some records, and store them.

    The same records of a warehouse are chosen every time, by their hashes.

    Parameters
    ----------
    warehouse
        Where.
    model_version
        None for the champion.
    options
        How many, and how.
    splits
        What the instances were to the model.
    seed
        Of the order of the instances and of the coalitions.
    run_id
        Stamped on every new row.
    stage
        Gets rows, that is explained records, and counts.

    Returns
    -------
    KernelValues
        What was stored, in one commit.

    Raises
    ------
    ModelError
        There is no such model, it is damaged, or it has no autoencoder.
    InputError
        There are no labelled attacks, or no benign records to explain or to compare with.
    ConfigError
        The time is too short for a single record.
    """
    stored = load_model(warehouse, model_version)
    autoencoder_of(stored.model)
    plan = SplitPlan.from_json(stored.manifest["split"])
    kinds = (
        Kind(0, (TRAIN,), _BACKGROUND_ROWS),
        Kind(0, tuple(splits), options.benign),
        Kind(1, tuple(splits), options.attack),
    )
    background, benign, attack = _drawn(warehouse, plan, kinds, seed)
    instances = pa.concat_tables([benign, attack])
    is_attack = instances.column("label").to_numpy() == 1
    done = warehouse.spark.sparkContext.accumulator(0)
    with rows_progress("shap", done, instances.num_rows):
        found = explain_score(
            stored.model,
            feature_matrix(background),
            feature_matrix(instances),
            is_attack,
            options,
            seed,
            lambda _: done.add(1),
        )
    explained = is_attack[found.instances]
    stage.rows = explained.size
    stage.details = {
        "model_version": stored.version,
        "benign": int((~explained).sum()),
        "attack": int(explained.sum()),
        "wanted": instances.num_rows,
        "background": background.num_rows,
    }
    if not explained.size:
        message = (
            f"explain.shap.seconds is {options.seconds:g}, which is over before a single "
            "record is explained; allow more"
        )
        raise ConfigError(message)
    _store(warehouse, stored.version, instances, found, run_id)
    return found


def _drawn(
    warehouse: Warehouse, plan: SplitPlan, kinds: Sequence[Kind], seed: int
) -> list[pa.Table]:
    """Return background, benign instances and attacks; none of them is empty."""
    ledger = warehouse.rows("ingest_files", status=INGESTED)
    labelled = [row for row in ledger if row["label"] is not None and row["rows_accepted"]]
    files = sorted(row["file_id"] for row in labelled)
    runs = sorted({row["run_id"] for row in labelled})
    if warehouse.is_direct and plan.fraction == 1.0:
        paths = warehouse.data_files("traffic", file_id=files, ingest_run=runs) if files else []
        drawn = choose(row_groups(paths), files, plan, kinds, seed)
    else:
        drawn = _chosen_by_query(warehouse, plan, kinds, seed, files)
    names = ("benign training records", "benign records", "attacks")
    for name, kind, rows in zip(names, kinds, drawn, strict=True):
        if not rows.num_rows:
            message = (
                f"the warehouse {warehouse.root} holds no labelled {name} that were "
                f"{' or '.join(kind.splits)} to the model, in {len(labelled)} labelled files, and "
                "SHAP compares benign records with attacks: ingest such files, or set "
                "evaluate.splits"
            )
            raise InputError(message)
    return drawn


def _chosen_by_query(
    warehouse: Warehouse, plan: SplitPlan, kinds: Sequence[Kind], seed: int, files: Sequence[str]
) -> list[pa.Table]:
    """Do through Spark what :func:`iotscore.sampling.lowest_hashes.choose` does, from any storage."""
    labelled = warehouse.frame("traffic", file_id=files)
    records = with_split(take_fraction(labelled, plan.fraction, plan.seed), plan)
    drawn = []
    for kind in kinds:
        of_kind = records.where(
            (F.col("label") == kind.label) & F.col("split").isin(list(kind.splits))
        )
        cutoff = hash_cutoff(of_kind, kind.most, seed)
        chosen = of_kind if cutoff is None else of_kind.where(record_hash(seed) <= cutoff)
        rows = chosen.select(*CHOSEN_COLUMNS).toArrow()
        drawn.append(rows.sort_by([(name, "ascending") for name in KEY]))
    return drawn


def _store(
    warehouse: Warehouse, version: str, instances: pa.Table, found: KernelValues, run_id: str
) -> None:
    """Add a row for each explained record and feature."""
    explained = instances.take(pa.array(found.instances))
    values = feature_matrix(explained)
    common: dict[str, Any] = {
        "model_version": version,
        "detector": LSTM,
        "base_value": found.base,
        "run_id": run_id,
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
    warehouse.append_rows("shap_values", rows)
