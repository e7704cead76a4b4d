"""The job stream as people start it: killed in the middle of a batch, and started again."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from spark_fixtures import SHORT_LIVED
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).resolve().parents[2]


def table(warehouse: Path, name: str) -> pd.DataFrame:
    """Return a table in the order of its keys, without what differs between runs."""
    frame = DeltaTable(str(warehouse / name)).to_pyarrow_table().drop_columns(["run_id"])
    columns = [one for one in frame.column_names if not one.endswith("_at")]
    return frame.select(columns).to_pandas().sort_values(["file_id", "row_no"], ignore_index=True)


def test_a_killed_stream_goes_on_and_agrees_with_a_night(
    first_night: Path,
    run_job: Callable[..., subprocess.CompletedProcess[str]],
    landing: Path,
    tmp_path: Path,
) -> None:
    """Each record is scored and explained once, with the scores that nightly gives."""
    folder = Path(shutil.copytree(landing, tmp_path / "landing"))
    (folder / "data_summary.csv").unlink()
    streamed, nightly = tmp_path / "streamed", tmp_path / "nightly"
    for copy in (streamed, nightly):
        shutil.copytree(first_night / "warehouse", copy)
    for seed, name in enumerate(("1.2026-11-22.csv", "2.2026-11-22.csv", "2.2026-11-23.csv")):
        write_traffic(folder / name, make_features(30, seed=100 + seed, shift=float(seed)))
    stream = ("stream", "--once", "--input", folder, "--warehouse", streamed)
    stream = (*stream, "--set", "stream.files_per_batch=4")
    killed = subprocess.run(
        [ROOT / "spark-submit.sh", *map(str, stream), "--", *SHORT_LIVED],
        env={**os.environ, "IOTSCORE_FAULT": "append scores"},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-3000:]
    again = run_job(*stream)
    assert again.returncode == 0, again.stderr[-3000:]
    night = run_job("nightly", "--input", folder, "--warehouse", nightly)
    assert night.returncode == 0, night.stderr[-3000:]
    assert len(table(streamed, "scores")) == 260 + 90
    for name in ("scores", "explanations"):
        assert table(streamed, name).astype(str).equals(table(nightly, name).astype(str))
