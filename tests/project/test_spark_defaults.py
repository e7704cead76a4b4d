"""conf/spark-defaults.conf: settings that have to agree with the tables."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import types as T

from iotscore.warehouse.schemas import TABLES

DEFAULTS = Path(__file__).resolve().parents[2] / "conf" / "spark-defaults.conf"


def defaults() -> dict[str, str]:
    """Return the settings of the file by name."""
    lines = (line.split() for line in DEFAULTS.read_text().splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


@pytest.mark.parametrize("what", ["write", "verify"])
def test_pages_have_checksums(what: str) -> None:
    """What Spark writes can be checked, and what it reads is."""
    assert defaults()[f"spark.hadoop.parquet.page.{what}-checksum.enabled"] == "true"


@pytest.mark.parametrize("table", ["traffic", "scores"])
def test_text_columns_have_dictionaries(table: str) -> None:
    """A name that repeats in every row would be spelt out in every row without its setting."""
    settings = defaults()
    prefix = "spark.hadoop.parquet.enable.dictionary"
    assert settings[prefix] == "false"
    text = [f.name for f in TABLES[table].schema.fields if isinstance(f.dataType, T.StringType)]
    assert text
    assert [name for name in text if settings.get(f"{prefix}#{name}") != "true"] == []
