"""The scoring UDFs: a broadcast model in, score columns out. Nothing statistical lives here.

A batch of features reaches Python in one of two ways, with the same scores. ``arrow`` hands over
Arrow's own memory, which NumPy reads in place. ``pandas`` makes a Series with one array per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf, pandas_udf
from pyspark.sql.pandas.types import to_arrow_type

from iotscore import faults
from iotscore.columns import FEATURES, N_FEATURES, score_column
from iotscore.detect.bundle import from_bytes
from iotscore.spark.schemas import RECORD_COLUMNS, raw_score_fields, score_fields

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyspark import Accumulator, Broadcast
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from iotscore.detect.calibration import ScoreCalibration
    from iotscore.detect.model import Model

Transport: TypeAlias = Literal["arrow", "pandas"]
Scorer: TypeAlias = Callable[[np.ndarray], Mapping[str, Any]]
"""From features, float64 of shape (n_rows, 115), to score columns by name."""


@dataclass(frozen=True)
class ScoreOptions:
    """How to score; ``conf/base.yaml`` explains each value.

    Attributes
    ----------
    transport
        How records reach the UDF, where one scores.
    splits, bins_per_e_fold
        How ``batch_minmax`` models choose their thresholds.
    """

    transport: Transport
    splits: tuple[str, ...]
    bins_per_e_fold: int


_LOADED: dict[str, Model] = {}
"""The model of this Python worker process, by version. One is kept: a worker serves one job."""


def features_column() -> Column:
    """Return the 115 features as one array; 115 separate arguments cost several times as much."""
    return F.array(*FEATURES)


def scoring_udf(
    bundle: Broadcast[bytes],
    version: str,
    names: tuple[str, ...],
    done: Accumulator[int],
    transport: Transport = "arrow",
) -> Callable[[Column], Column]:
    """Return a UDF from features to all score columns, for a model with frozen calibration.

    Parameters
    ----------
    bundle
        The model's bytes; each worker process rebuilds the model from them once.
    version
        Model version.
    names
        The model's detectors.
    done
        Counts finished rows.
    transport
        How features reach Python.
    """

    def load() -> Scorer:
        return load_broadcast(bundle, version).score

    return _TRANSPORTS[transport](load, score_fields(names), done)


def raw_scoring_udf(
    bundle: Broadcast[bytes],
    version: str,
    names: tuple[str, ...],
    done: Accumulator[int],
    transport: Transport = "arrow",
) -> Callable[[Column], Column]:
    """Return a UDF from features to raw scores, for ``batch_minmax``; arguments as above."""

    def load() -> Scorer:
        model = load_broadcast(bundle, version)
        return lambda features: {
            score_column(name): raw for name, raw in model.raw_scores(features).items()
        }

    return _TRANSPORTS[transport](load, raw_score_fields(names), done)


def _over_arrow(
    load: Callable[[], Scorer], schema: StructType, done: Accumulator[int]
) -> Callable[[Column], Column]:
    fields = [pa.field(field.name, to_arrow_type(field.dataType)) for field in schema]

    def score(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        scorer = load()
        for batch in batches:
            features = batch.flatten().to_numpy(zero_copy_only=False).reshape(-1, N_FEATURES)
            columns = scorer(features)
            done.add(len(batch))
            arrays = [pa.array(columns[field.name], field.type) for field in fields]
            yield pa.StructArray.from_arrays(arrays, fields=fields)
            faults.reach_in_worker("score batch")

    return arrow_udf(score, schema)  # type: ignore[call-overload, no-any-return]


def _over_pandas(
    load: Callable[[], Scorer], schema: StructType, done: Accumulator[int]
) -> Callable[[Column], Column]:
    names = schema.fieldNames()

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        scorer = load()
        for batch in batches:
            columns = scorer(_matrix(batch))
            done.add(len(batch))
            yield pd.DataFrame(columns)[names]
            faults.reach_in_worker("score batch")

    return pandas_udf(score, schema)  # type: ignore[call-overload, no-any-return]


_TRANSPORTS = {"arrow": _over_arrow, "pandas": _over_pandas}


def _matrix(batch: pd.Series) -> npt.NDArray[np.float64]:
    if batch.empty:
        return np.empty((0, N_FEATURES))
    return np.stack(batch.to_list())


def finishing_udf(
    bundle: Broadcast[bytes],
    version: str,
    names: tuple[str, ...],
    calibrations: Mapping[str, ScoreCalibration],
    thresholds: Mapping[str, float],
) -> Callable[..., Column]:
    """Return a UDF from raw scores, one argument per detector, to all score columns.

    A threshold that is missing, for want of labels, gives NULL flags.
    """
    schema = score_fields(names)
    flags = [field.name for field in schema if field.dataType.typeName() == "boolean"]

    def finish(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        model = load_broadcast(bundle, version)
        for batch in batches:
            raw = {name: one.to_numpy() for name, one in zip(names, batch, strict=True)}
            columns = dict(model.finish(raw, calibrations, thresholds))
            for name in flags:
                columns.setdefault(name, np.full(len(batch[0]), None, dtype=object))
            yield pd.DataFrame(columns)[schema.fieldNames()]

    return pandas_udf(finish, schema)  # type: ignore[call-overload, no-any-return]


def stamp_columns(run_id: str, version: str) -> list[Column]:
    """Return what tells of a scored record who scored it and when; ``split`` is there already."""
    return [
        F.lit(version).alias("model_version"),
        F.col("split"),
        F.lit(run_id).alias("run_id"),
        F.lit(datetime.now(UTC)).alias("scored_at"),
    ]


def with_scores(records: DataFrame, scores: Column, stamp: list[Column]) -> DataFrame:
    """Put record columns, the struct's score columns and the stamp side by side."""
    return records.select(*RECORD_COLUMNS, scores.alias("scored"), *stamp).select(
        *RECORD_COLUMNS,
        "scored.*",
        "model_version",
        "split",
        "run_id",
        "scored_at",
    )


@contextmanager
def broadcast(spark: SparkSession, bundle: bytes) -> Iterator[Broadcast[bytes]]:
    """Hold the model's bytes on every executor while the body runs."""
    held = spark.sparkContext.broadcast(bundle)
    try:
        yield held
    finally:
        held.destroy()


def load_broadcast(bundle: Broadcast[bytes], version: str) -> Model:
    """Return the model behind a broadcast, rebuilt once per worker process."""
    if version not in _LOADED:
        _LOADED.clear()
        _LOADED[version] = from_bytes(bundle.value)
    return _LOADED[version]
