"""Tasks that are tried twice at once: the same scores, once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from iotscore import failpoints

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]

CLUSTER = {"MASTER": "local-cluster[2,1,1024]", "PYTHONPATH": ""}
SPECULATE = (
    "--conf=spark.speculation=true",
    "--conf=spark.speculation.quantile=0.1",
    "--conf=spark.speculation.multiplier=1.1",
)


def scores(warehouse: Path) -> pd.DataFrame:
    """Return all scores in order, without what tells of the run."""
    frame = DeltaTable(str(warehouse / "scores")).to_pandas()
    kept = frame.drop(columns=["run_id", "scored_at"])
    return kept.sort_values(["file_id", "row_no"], ignore_index=True)


def test_scores_are_those_of_a_peaceful_night(
    first_night: Path,
    copy_unscored: Callable[[Path, Path], Path],
    tmp_path: Path,
    submit: Submit,
) -> None:
    """A slow task's twin changes no row.

    Executors that die are those of tests/e2e/test_cluster.py, workers that die those of
    tests/spark/warehouse/test_lost_workers.py.
    """
    peaceful = first_night / "warehouse"
    warehouse = copy_unscored(peaceful, tmp_path / "warehouse")
    once = tmp_path / "once"
    fault = {failpoints.POINT: "score batch", failpoints.HOW: "linger", failpoints.ONCE: str(once)}
    done = submit(
        *("score", "--warehouse", warehouse),
        environment={**CLUSTER, **fault},
        options=SPECULATE,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert once.exists()
    assert scores(warehouse).equals(scores(peaceful))
    ledger = DeltaTable(str(warehouse / "scored_files")).to_pandas()
    assert int(ledger["rows_scored"].sum()) == len(scores(warehouse)) == 260
