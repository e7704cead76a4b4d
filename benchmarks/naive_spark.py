"""What a user would write: a pandas UDF over 115 columns, scikit-learn and Keras in each batch.

``python benchmarks/naive_spark.py --traffic DIR --reference DIR --out DIR``

Every Python worker loads the models once, uses one thread and gets 10,000-row batches. A small
table is scored and written before the clock starts, so that Java is warm, TensorFlow imported and
every worker has its models: in a long run none of it would count.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import time
from collections.abc import Iterator  # noqa: TC003 - Spark reads a UDF's type hints at run time
from pathlib import Path

import numpy as np
import pandas as pd
import pyspark
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf

from cores import core_count
from iotscore.features import FEATURES, KEY
from reference import BATCH_ROWS, load

ROOT = Path(__file__).resolve().parent.parent
SCORES = "iforest_score double, lstm_score double"


def _session() -> SparkSession:
    """Return a local session with Delta Lake and a driver of the project's size."""
    jars = subprocess.run(  # noqa: S603 - our own script
        [ROOT / "scripts" / "jars.sh", ROOT / "conf" / "spark-defaults.conf"],
        env={**os.environ, "SPARK_HOME": str(Path(pyspark.__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    settings = {
        "spark.jars": jars.stdout.strip(),
        "spark.driver.memory": os.environ.get("DRIVER_MEMORY", "4g"),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        # Delta's 50 tasks a look into its log would cost a small table more than its rows do.
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(BATCH_ROWS),
    }
    builder = SparkSession.builder.master("local[*]").appName("naive scoring")
    for key, value in settings.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _scored(frame: DataFrame, folder: Path) -> DataFrame:
    @pandas_udf(SCORES)  # type: ignore[call-overload, untyped-decorator]
    def score(batches: Iterator[tuple[pd.Series, ...]]) -> Iterator[pd.DataFrame]:
        models = load(folder, one_thread=True)
        for columns in batches:
            scaled = models.scaled(np.column_stack(columns))
            yield pd.DataFrame(
                {
                    "iforest_score": models.forest_scores(scaled),
                    "lstm_score": models.network_scores(scaled, len(scaled)),
                }
            )

    features: list[Column] = [F.col(name) for name in FEATURES]
    return frame.select(*KEY, score(*features).alias("scored")).select(*KEY, "scored.*")


def main() -> None:
    """Score a Delta table into another one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traffic", type=Path, required=True)
    parser.add_argument("--reference", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    spark = _session()
    zeros = [F.lit(0.0).alias(name) for name in FEATURES]
    first = spark.range(0, 2 * core_count(), 1, core_count()).select(
        F.lit("").alias("file_id"), F.col("id").alias("row_no"), *zeros
    )
    warm = arguments.out.with_name(f"{arguments.out.name}_warm")
    _scored(first, arguments.reference).write.format("delta").save(str(warm))
    started = time.perf_counter()
    traffic = spark.read.format("delta").load(str(arguments.traffic))
    _scored(traffic, arguments.reference).write.format("delta").save(str(arguments.out))
    seconds = time.perf_counter() - started
    rows = spark.read.format("delta").load(str(arguments.out)).count()
    spark.stop()
    print(json.dumps({"rows": rows, "seconds": seconds}))


if __name__ == "__main__":
    main()
