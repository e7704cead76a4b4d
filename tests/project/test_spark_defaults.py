"""conf/spark-defaults.conf: settings that have to agree with the tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import types as T

from iotscore.spark.schemas import TABLES

DEFAULTS = Path(__file__).resolve().parents[2] / "conf" / "spark-defaults.conf"


@pytest.mark.parametrize("table", ["traffic", "scores"])
def test_text_columns_have_dictionaries(table: str) -> None:
    """A name that repeats in every row would be spelt out in every row without its setting."""
    lines = (line.split() for line in DEFAULTS.read_text().splitlines())
    settings = {line[0]: line[1] for line in lines if len(line) == 2}
    prefix = "spark.hadoop.parquet.enable.dictionary"
    assert settings[prefix] == "false"
    text = [f.name for f in TABLES[table].schema.fields if isinstance(f.dataType, T.StringType)]
    assert text
    assert [name for name in text if settings.get(f"{prefix}#{name}") != "true"] == []
