"""A night as a scheduler sees it: single days, exit codes, a line of JSON, metrics."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.e2e

QUICK = ("--set", "detectors.lstm=null")


def metrics(path: Path) -> dict[str, float]:
    """Return the metrics without further labels, as Prometheus reads them."""
    families = text_string_to_metric_families(path.read_text(encoding="utf-8"))
    samples = (sample for family in families for sample in family.samples)
    return {sample.name: sample.value for sample in samples if len(sample.labels) == 1}


def test_a_day_is_filled_in_and_told(
    landing: Path,
    tmp_path: Path,
    run_job: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """The first night leaves an old day out; the second brings it, and refuses another file."""
    folder, warehouse, prom = tmp_path / "in", tmp_path / "w", tmp_path / "night.prom"
    shutil.copytree(landing, folder)
    (folder / "1.2026-11-20.csv").rename(folder / "1.2001-02-03.csv")
    (folder / "data_summary.csv").unlink()
    common = ("nightly", "--input", folder, "--warehouse", warehouse, *QUICK)
    told = ("--summary-json", "-", "--metrics-file", prom)
    first = run_job(*common, *told, "--since", datetime.now(UTC).date().isoformat())
    assert first.returncode == 0, first.stderr[-3000:]
    line = json.loads(first.stdout.splitlines()[-1])
    assert line["rows"] == {"accepted": 230, "quarantined": 0, "scored": 230}
    assert [one["status"] for one in line["stages"]] == ["done"] * len(line["stages"])
    good = metrics(prom)
    assert good["iotscore_job_exit_code"] == 0
    assert good["iotscore_job_last_success_timestamp_seconds"] > 0

    broken = "File Name, Data Count, Feature Count\n2.2001-02-03.csv,7,115\n"
    (folder / "data_summary.csv").write_text(broken)
    shutil.copy(folder / "2.benign.csv", folder / "2.2001-02-03.csv")
    second = run_job(*common, *told, "--date", "2001-02-03")
    assert second.returncode == 2, second.stderr[-3000:]
    line = json.loads(second.stdout.splitlines()[-1])
    assert line["exit_code"] == 2
    assert "1 file(s) do not have the rows" in line["error"]
    counts = {"found": 2, "ingested": 1, "refused": 1, "still_refused": 0, "ignored": 0}
    assert line["files"] == counts
    assert line["rows"]["scored"] == 30
    scores = DeltaTable(str(warehouse / "scores")).to_pandas()
    night = scores[scores["source_file"] == "1.2001-02-03.csv"]
    assert (len(scores), len(night)) == (260, 30)
    assert line["flagged_records"] == line["alerts"] == int(night["is_anomaly"].sum())
    bad = metrics(prom)
    assert bad["iotscore_job_exit_code"] == 2
    assert bad["iotscore_job_flagged_records"] == line["flagged_records"]
    last = "iotscore_job_last_success_timestamp_seconds"
    assert bad[last] == good[last]
