"""The Spark session that a job runs in."""

from __future__ import annotations

import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from pyspark.sql import SparkSession

from iotscore import object_stores
from iotscore.errors import EnvironmentFaultError
from iotscore.redaction import hide_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

_DELTA_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"


def open_session(app_name: str, settings: Mapping[str, str] | None = None) -> SparkSession:
    """Return the session that spark-submit configured, or start a local one.

    Parameters
    ----------
    app_name
        Name shown by Spark's tools.
    settings
        Spark settings for a session that is started here.

    Raises
    ------
    EnvironmentFaultError
        The session lacks Delta Lake.
    """
    builder = SparkSession.builder.appName(app_name)
    for key, value in (settings or {}).items():
        builder = builder.config(key, value)
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # In the main thread Spark would put a handler of its own in the place of the job's.
        with ThreadPoolExecutor(1) as aside:
            aside.submit(builder.getOrCreate).result()
    spark = builder.getOrCreate()
    chosen = dict(spark.sparkContext.getConf().getAll())
    hide_settings(chosen)
    # What the workers read and write must be where the driver looks for it.
    spark.sparkContext.environment |= {
        name: value
        for name, value in object_stores.servers().items()
        if f"spark.executorEnv.{name}" not in chosen
    }
    extensions = spark.conf.get("spark.sql.extensions", "") or ""
    if _DELTA_EXTENSION not in extensions:
        message = (
            f"the Spark session has spark.sql.extensions={extensions!r}; it needs "
            f"{_DELTA_EXTENSION}. Start jobs with ./spark-submit.sh, which passes "
            "conf/spark-defaults.conf"
        )
        raise EnvironmentFaultError(message)
    return spark


def core_count(spark: SparkSession) -> int:
    """Return how many tasks run at a time."""
    return int(spark.sparkContext.defaultParallelism)
