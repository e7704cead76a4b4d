"""A model on the executors: broadcast as bytes, rebuilt once per worker process."""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

from iotscore.detect.bundle import from_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark import Broadcast
    from pyspark.sql import SparkSession

    from iotscore.detect.model import Model

_LOADED: Final[dict[str, Model]] = {}
"""The model of this Python worker process, by version. One is kept: a worker serves one job."""


@contextmanager
def broadcast_model(
    spark: SparkSession, bundle: bytes, version: str
) -> Iterator[Callable[[], Model]]:
    """Hold a model's bytes on every executor while the body runs; yield what loads it in a task."""
    held = spark.sparkContext.broadcast(bundle)
    try:
        yield partial(_load, held, version)
    finally:
        held.destroy()


def _load(held: Broadcast[bytes], version: str) -> Model:
    if version not in _LOADED:
        _LOADED.clear()
        _LOADED[version] = from_bytes(held.value)
    return _LOADED[version]
