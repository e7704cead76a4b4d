"""The scoring UDFs: a broadcast model in, score columns out. Nothing statistical lives here.

A batch of features reaches Python in one of two ways, with the same scores. ``arrow`` hands over
Arrow's own memory, which NumPy reads in place. ``pandas`` makes a Series with one array per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import arrow_udf, pandas_udf
from pyspark.sql.pandas.types import to_arrow_type

from iotscore import failpoints
from iotscore.detect.bundle import from_bytes
from iotscore.features import FEATURES, N_FEATURES, UNKNOWN_DEVICE, score_column
from iotscore.landing.event_days import EVERY_DAY, Days
from iotscore.warehouse.delta_rs.row_groups import Records
from iotscore.warehouse.schemas import RECORD_COLUMNS, raw_score_fields, score_fields

if TYPE_CHECKING:
    import numpy.typing as npt
    from pyspark import Accumulator, Broadcast
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from iotscore.detect.model import Calibration, Model

Transport: TypeAlias = Literal["arrow", "pandas"]
Scorer: TypeAlias = Callable[[Records], Mapping[str, Any]]
"""From records to score columns by name."""


@dataclass(frozen=True)
class ScoreOptions:
    """How to score; ``conf/base.yaml`` explains each value.

    Attributes
    ----------
    transport
        How records reach the UDF, where one scores.
    splits, bins_per_e_fold
        How ``batch_minmax`` models choose their thresholds.
    days
        Whose files are scored; of one run, not of the configuration.
    """

    transport: Transport
    splits: tuple[str, ...]
    bins_per_e_fold: int
    days: Days = EVERY_DAY


_WIDTH: Final = N_FEATURES + 1

_LOADED: dict[str, Model] = {}
"""The model of this Python worker process, by version. One is kept: a worker serves one job."""


def records_column() -> Column:
    """Return features and device as one array; separate arguments cost several times as much."""
    device = F.coalesce(F.col("device_id"), F.lit(UNKNOWN_DEVICE)).cast("double")
    return F.array(*FEATURES, device)


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
        model = load_broadcast(bundle, version)
        return lambda records: model.score(*records)

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
        return lambda records: {
            score_column(name): raw for name, raw in model.raw_scores(*records).items()
        }

    return _TRANSPORTS[transport](load, raw_score_fields(names), done)


def _over_arrow(
    load: Callable[[], Scorer], schema: StructType, done: Accumulator[int]
) -> Callable[[Column], Column]:
    fields = [pa.field(field.name, to_arrow_type(field.dataType)) for field in schema]

    def score(batches: Iterator[pa.Array]) -> Iterator[pa.Array]:
        scorer = load()
        for batch in batches:
            values = batch.flatten().to_numpy(zero_copy_only=False).reshape(-1, _WIDTH)
            columns = scorer(_records(values))
            done.add(len(batch))
            arrays = [
                pa.array(columns[field.name], field.type)
                if field.name in columns
                else pa.nulls(len(batch), field.type)
                for field in fields
            ]
            yield pa.StructArray.from_arrays(arrays, fields=fields)
            failpoints.hit_in_worker("score batch")

    return arrow_udf(score, schema)  # type: ignore[call-overload, no-any-return]


def _over_pandas(
    load: Callable[[], Scorer], schema: StructType, done: Accumulator[int]
) -> Callable[[Column], Column]:
    names = schema.fieldNames()

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        scorer = load()
        for batch in batches:
            columns = dict(scorer(_records(_matrix(batch))))
            for name in names:
                columns.setdefault(name, np.full(len(batch), None, dtype=object))
            done.add(len(batch))
            yield pd.DataFrame(columns)[names]
            failpoints.hit_in_worker("score batch")

    return pandas_udf(score, schema)  # type: ignore[call-overload, no-any-return]


_TRANSPORTS = {"arrow": _over_arrow, "pandas": _over_pandas}


def _matrix(batch: pd.Series) -> npt.NDArray[np.float64]:
    if batch.empty:
        return np.empty((0, _WIDTH))
    return np.stack(batch.to_list())


def _records(values: npt.NDArray[np.float64]) -> Records:
    return Records(values[:, :N_FEATURES], values[:, N_FEATURES].astype(np.int64))


def finishing_udf(
    bundle: Broadcast[bytes],
    version: str,
    names: tuple[str, ...],
    calibrations: Mapping[str, Calibration],
    thresholds: Mapping[str, float],
) -> Callable[..., Column]:
    """Return a UDF from raw scores, one argument per detector, to all score columns.

    A threshold that is missing, for want of labels, gives NULL flags.
    """
    schema = score_fields(names)

    def finish(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        model = load_broadcast(bundle, version)
        for batch in batches:
            raw = {name: one.to_numpy() for name, one in zip(names, batch, strict=True)}
            columns = dict(model.finish(raw, calibrations, thresholds))
            for name in schema.fieldNames():
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
