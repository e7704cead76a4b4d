"""The scoring UDFs: a broadcast model in, score columns out. Nothing statistical lives here."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - Spark reads a UDF's type hints at run time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from iotscore.columns import FEATURES, score_column
from iotscore.detect.bundle import from_bytes
from iotscore.spark.schemas import raw_score_fields, score_fields

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt
    from pyspark import Accumulator, Broadcast
    from pyspark.sql import Column

    from iotscore.detect.calibration import ScoreCalibration
    from iotscore.detect.model import Model

_LOADED: dict[str, Model] = {}
"""The model of this Python worker process, by version. One is kept: a worker serves one job."""


def features_column() -> Column:
    """Return the 115 features as one array; 115 separate arguments cost several times as much."""
    return F.array(*FEATURES)


def scoring_udf(
    bundle: Broadcast[bytes], version: str, names: tuple[str, ...], done: Accumulator[int]
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
    """

    def finish(model: Model, features: npt.NDArray[np.float64]) -> Mapping[str, Any]:
        return model.score(features)

    return _features_udf(bundle, version, finish, score_fields(names), done)


def raw_scoring_udf(
    bundle: Broadcast[bytes], version: str, names: tuple[str, ...], done: Accumulator[int]
) -> Callable[[Column], Column]:
    """Return a UDF from features to raw scores, for ``batch_minmax``; arguments as above."""

    def finish(model: Model, features: npt.NDArray[np.float64]) -> Mapping[str, Any]:
        return {score_column(name): raw for name, raw in model.raw_scores(features).items()}

    return _features_udf(bundle, version, finish, raw_score_fields(names), done)


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
        model = _load(bundle, version)
        for batch in batches:
            raw = {name: one.to_numpy() for name, one in zip(names, batch, strict=True)}
            columns = dict(model.finish(raw, calibrations, thresholds))
            for name in flags:
                columns.setdefault(name, np.full(len(batch[0]), None, dtype=object))
            yield pd.DataFrame(columns)[schema.fieldNames()]

    return pandas_udf(finish, schema)  # type: ignore[call-overload, no-any-return]


def _features_udf(
    bundle: Broadcast[bytes],
    version: str,
    finish: Callable[[Model, npt.NDArray[np.float64]], Mapping[str, Any]],
    schema: Any,  # noqa: ANN401 - pyspark's StructType is Any to the type checker
    done: Accumulator[int],
) -> Callable[[Column], Column]:
    names = schema.fieldNames()

    def score(batches: Iterator[pd.Series]) -> Iterator[pd.DataFrame]:
        model = _load(bundle, version)
        for batch in batches:
            columns = finish(model, _matrix(batch))
            done.add(len(batch))
            yield pd.DataFrame(columns)[names]

    return pandas_udf(score, schema)  # type: ignore[call-overload, no-any-return]


def _load(bundle: Broadcast[bytes], version: str) -> Model:
    if version not in _LOADED:
        _LOADED.clear()
        _LOADED[version] = from_bytes(bundle.value)
    return _LOADED[version]


def _matrix(batch: pd.Series) -> npt.NDArray[np.float64]:
    if batch.empty:
        return np.empty((0, len(FEATURES)))
    return np.stack(batch.to_list())
