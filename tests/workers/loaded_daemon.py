"""Starts Spark's Python workers with what all of them import: they are forked from this process."""

from __future__ import annotations

import deltalake  # noqa: F401 - as the next ones: imported once, not by each worker
import numba  # noqa: F401
import pandas as pd  # noqa: F401
import psutil  # noqa: F401
import pyarrow.parquet  # noqa: F401
import xxhash  # noqa: F401
from pyspark.daemon import manager

if __name__ == "__main__":
    manager()
