"""docs/tables.md names, of each table, the jobs that read it: those whose modules do."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from iotscore.warehouse.schemas import TABLES

ROOT = Path(__file__).resolve().parents[2]
LIB = ROOT / "lib" / "iotscore"
READS: Final = {"rows", "values", "table", "batches", "read", "Selection"}
"""What reads a table by name: methods of a warehouse and of the view of one that verify has."""

OF_CONTEXT: Final = {"deliveries", "ingested"}
"""What a stage's context has of ``ingest_files``."""

MODEL_JOBS: Final = {
    *("score", "evaluate", "explain", "monitor", "report", "models", "suppress", "verify"),
    "maintain",
}
"""Jobs that look up the champion, or load a model; ``nightly`` and ``stream`` run some of them."""

OWNERS: Final[dict[str, set[str]]] = {
    "cli/tables/models": {"models"},
    "cli/commands/stream": set(),
    "cli/tables/night": set(),
    "runs/consistency": set(),
    "monitoring/alerting": {"monitor"},
    "promotion/challenge": {"models"},
    "maintenance/clock": {"maintain"},
    "monitoring/history": {"monitor"},
    "evaluation/stage": {"evaluate"},
    "explain/": {"explain"},
    "promotion/unseen_records": {"models"},
    "evaluation/histogram": {"evaluate"},
    "ingest/": {"ingest"},
    "monitoring/": {"monitor"},
    "alerts/notify": {"monitor"},
    "evaluation/protocol_stage": {"evaluate"},
    "models/context": set(),
    "models/registry": MODEL_JOBS,
    "report/read/": {"report"},
    "maintenance/retention": {"maintain"},
    "runs/run_log": set(),
    "scoring/": {"score"},
    "scoring/ledger": {"score", "explain", "monitor"},
    "alerts/suppress": {"suppress"},
    "alerts/suppression": {"monitor", "report"},
    "models/train": {"train"},
    "research/stage": {"evaluate"},
    "sampling/every_nth": {"evaluate", "models", "train"},
    "sampling/fraction": {"explain", "score", "train"},
    "sampling/lowest_hashes": {"explain"},
    "sampling/training_sample": {"train"},
    "verify/": {"verify"},
}
"""Jobs that run a module's functions, by the beginning of its name; the longest one counts.

None are named for ``stream``, for the summary that ``nightly`` prints, and for what every job
does."""

BY_VARIABLE: Final = {
    "explanations": {"suppress"},
    "scores": {"suppress"},
    "explained_files": {"maintain"},
}
"""Jobs that read a table whose name the call does not say."""

TABLES_DOC = (ROOT / "docs" / "tables.md").read_text(encoding="utf-8")


def jobs_of(module: str) -> set[str]:
    """Return the jobs that run a module."""
    known = [prefix for prefix in OWNERS if module.startswith(prefix)]
    assert known, f"{module} reads a table: say in OWNERS which jobs run it"
    return OWNERS[max(known, key=len)]


def _called(function: ast.expr) -> str:
    """Return the name of what is called."""
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


@cache
def readers() -> dict[str, set[str]]:
    """Return, by table, the jobs with a call that reads it by its name."""
    found = {table: set(BY_VARIABLE.get(table, ())) for table in TABLES}
    for path in LIB.rglob("*.py"):
        module = path.relative_to(LIB).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and _called(node.func) in READS
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value in TABLES
            ):
                found[node.args[0].value] |= jobs_of(module)
            elif isinstance(node, ast.Attribute) and node.attr in OF_CONTEXT:
                found["ingest_files"] |= jobs_of(module)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_readers_of_each_table_are_named(table: str) -> None:
    """The jobs whose code reads the table are named, and no others."""
    section = TABLES_DOC.split(f"\n## `{table}`\n")[1].split("\n## ")[0]
    (told,) = re.findall(r"Read by: ([^.]+)\.", section)
    assert set(re.findall(r"`([a-z]+)`", told)) == readers()[table]
