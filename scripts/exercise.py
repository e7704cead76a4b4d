"""What scripts/classes.sh runs so that Java loads the classes that jobs need.

Tasks, a broadcast variable and an accumulator, as every night has them, and a query, as ``sql``.
"""

from __future__ import annotations

from pyspark.sql import SparkSession

if __name__ == "__main__":
    spark = SparkSession.builder.getOrCreate()
    context = spark.sparkContext
    shared, done = context.broadcast(b"model"), context.accumulator(0)

    def task(number: int) -> list[int]:
        """Use what tasks of stages use."""
        done.add(len(shared.value))
        return [number]

    context.parallelize(range(4), 4).flatMap(task).collect()
    rows = spark.range(100).selectExpr("id % 7 AS key", "cast(id AS double) AS value")
    rows.createOrReplaceTempView("kept")
    query = "SELECT key, count(*) AS n, avg(value) FROM kept GROUP BY key ORDER BY n LIMIT 5"
    spark.sql(query).toPandas()
    spark.stop()
