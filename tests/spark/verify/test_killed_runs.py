"""What a killed run left half done is no damage, and excuses none."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.commands.verify import exit_code
from iotscore.runs.run_log import recover
from iotscore.verify import Outcome
from table_damage import duplicate, remove
from verify_checks import failing, outcomes, verified

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def start_ingest(warehouse: Warehouse) -> None:
    """Leave in ``runs`` what an ingest leaves that is killed right after its start."""
    before = {"versions_before": {"traffic": warehouse.version("traffic"), "quarantine": None}}
    start = {"run_id": "dead", "stage": "ingest", "status": "running"}
    warehouse.append("runs", [start | {"details": json.dumps(before)}])


def test_a_killed_run_is_no_damage(damaged: Warehouse) -> None:
    """What a killed stage left half done is a note: the next run undoes it."""
    start_ingest(damaged)
    duplicate(damaged, "traffic", "2.benign.csv", 7, ingest_run="dead")
    remove(damaged, "traffic", "source_file = '1.benign.csv'")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == []
    assert outcomes(checks, Outcome.NOTE) == ["runs"]
    assert checks["runs"].findings == (
        (
            "run dead: the stage ingest started and did not end; the next run undoes what "
            "it left half done"
        ),
        "these tables were checked as they were before: traffic",
    )
    assert exit_code(list(checks.values())) == 0
    assert recover(damaged) == ["dead"]
    assert outcomes(verified(damaged), Outcome.HOLDS) == list(checks)


def test_a_killed_run_excuses_no_other_damage(damaged: Warehouse) -> None:
    """Rows that were wrong before a killed stage, or are none of its own, are a fault."""
    remove(damaged, "traffic", "source_file = '1.benign.csv' AND row_no = 7")
    start_ingest(damaged)
    assert failing(damaged) == ["traffic", "1.benign.csv: 90 accepted, 89 in traffic"]
