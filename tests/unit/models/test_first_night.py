"""A warehouse that lost its champion is told from one that never had one."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from iotscore.errors import ModelError
from iotscore.models.train import require_first_night
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

NOW = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ({"models": {"model_version": "m", "created_at": NOW}}, r"has 1 model.*the newest is m,"),
        ({"scored_files": {"model_version": "m"}}, r"has no model any more and had some \(m\)"),
        ({"runs": {"stage": "train", "status": "done"}}, r"of which only the table runs knows"),
    ],
)
def test_a_lost_champion_is_no_first_night(
    tmp_path: Path, rows: dict[str, dict[str, Any]], words: str
) -> None:
    """Whatever still tells of models: none is trained unless somebody says so."""
    warehouse = open_warehouse(cast("SparkSession", None), str(tmp_path))
    require_first_night(warehouse)
    warehouse.append("runs", [{"stage": "train", "status": "failed"}])
    require_first_night(warehouse)
    for table, row in rows.items():
        warehouse.append(table, [row])
    with pytest.raises(ModelError, match=words) as caught:
        require_first_night(warehouse)
    assert "from a backup" in str(caught.value)
    assert "train --anew" in str(caught.value)
