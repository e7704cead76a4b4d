"""Workers that die, tasks that are tried twice: the same scores, once."""

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


@pytest.mark.parametrize(
    ("how", "direct", "options"),
    [
        ("die", "auto", ()),
        ("die", "never", ()),
        ("linger", "auto", SPECULATE),
    ],
)
def test_scores_are_those_of_a_peaceful_night(
    how: str,
    direct: str,
    options: tuple[str, ...],
    first_night: Path,
    copy_unscored: Callable[[Path, Path], Path],
    tmp_path: Path,
    submit: Submit,
) -> None:
    """A worker that dies in a batch, or a slow task's twin, changes no row.

    Executors that die are those of tests/e2e/test_cluster.py.
    """
    peaceful = first_night / "warehouse"
    warehouse = copy_unscored(peaceful, tmp_path / "warehouse")
    once = tmp_path / "once"
    fault = {failpoints.POINT: "score batch", failpoints.HOW: how, failpoints.ONCE: str(once)}
    storage = ("--set", f"storage.direct={direct}")
    done = submit(
        *("score", "--warehouse", warehouse, *storage),
        environment={**CLUSTER, **fault},
        options=options,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert once.exists()
    assert scores(warehouse).equals(scores(peaceful))
    ledger = DeltaTable(str(warehouse / "scored_files")).to_pandas()
    assert int(ledger["rows_scored"].sum()) == len(scores(warehouse)) == 260


def test_records_are_those_of_a_peaceful_night(
    first_night: Path, landing: Path, tmp_path: Path, submit: Submit
) -> None:
    """A worker that dies while it writes records leaves no second copy of them."""
    warehouse, once = tmp_path / "warehouse", tmp_path / "once"
    fault = {failpoints.POINT: "ingest chunk", failpoints.HOW: "die", failpoints.ONCE: str(once)}
    done = submit(
        *("ingest", "--input", landing, "--warehouse", warehouse),
        environment={**CLUSTER, **fault},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert once.exists()
    key = ["file_id", "row_no"]
    records, peaceful = (
        DeltaTable(str(folder / "traffic")).to_pandas().drop(columns="ingest_run")
        for folder in (warehouse, first_night / "warehouse")
    )
    expected = peaceful.sort_values(key, ignore_index=True)
    assert records.sort_values(key, ignore_index=True).equals(expected)
