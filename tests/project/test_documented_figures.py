"""Sizes and speeds that documents state are those that the benchmark measured last."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

import pytest

ROOT = Path(__file__).resolve().parents[2]
GIB: Final = 1 << 30
ROUNDED: Final = 0.06
"""Most that a figure of GiB may be off: it is rounded, some to a whole number."""
UNIT: Final = "deploy/systemd/iotscore-nightly.service"
FULL: Final = json.loads((ROOT / "benchmarks" / "results.json").read_text())["sizes"]["7062606"]
ONE_ROUND: Final[dict[str, dict[str, Any]]] = {one["what"]: one for one in FULL["measurements"]}
NIGHT: Final = ONE_ROUND["nightly"]
STAGES: Final = NIGHT["stages"]


def text(path: str) -> str:
    """Return a document in one line."""
    return " ".join((ROOT / path).read_text(encoding="utf-8").split())


def micros(one: dict[str, Any]) -> float:
    """Return microseconds of a core for each record."""
    return float(one["seconds"]) * FULL["cores"] / float(one["rows"]) * 1e6


@pytest.mark.parametrize("path", ["docs/scale.md", "deploy/README.md"])
def test_cost_of_a_record(path: str) -> None:
    """Microseconds of a core for each record, from file to figures, and for each flagged one."""
    alone = sum(micros(ONE_ROUND[job]) for job in ("ingest", "score", "evaluate"))
    assert f"{alone + micros(STAGES['monitor']):.1f} µs of" in text(path)
    assert f" {micros(STAGES['explain']):.0f} µs " in text(path)


def test_deployments_have_room_for_what_was_measured() -> None:
    """The driver's Python, and an executor with its workers, fit into what the files ask for."""
    driver = max(stage["driver_memory_bytes"] for stage in STAGES.values()) / GIB
    explain = STAGES["explain"]
    executor = (explain["peak_memory_bytes"] - explain["driver_memory_bytes"]) / GIB
    assert f"its Python {driver:.1f} GiB" in text("deploy/README.md")
    scheduled = text("deploy/kubernetes/scheduled.yaml")
    memory = [int(one) for one in re.findall(r"memory: (\d+)g", scheduled)]
    beside = [int(one) for one in re.findall(r"memoryOverhead: (\d+)g", scheduled)]
    assert beside[0] > driver + 1
    assert memory[1] + beside[1] > executor
    for path in ("deploy/kubernetes/cronjob.yaml", "deploy/yarn/options.txt"):
        assert f"spark.executor.memoryOverhead={beside[1]}g" in text(path)
    asked, allowed = map(
        int, re.findall(r"memory: (\d+)Gi", text("deploy/kubernetes/cronjob.yaml"))
    )
    assert asked > NIGHT["peak_bytes"] / GIB
    assert allowed >= asked + 2
    (stated,) = re.findall(r"# ([\d.]+) GiB were measured", text(UNIT))
    assert abs(float(stated) - NIGHT["peak_bytes"] / GIB) <= ROUNDED
