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
READS: Final = {
    "rows",
    "values",
    "table",
    "batches",
    "data_files",
    "frame",
    "count_by_file",
    "read",
}
"""Methods of a warehouse, and of the settled view of one that verify has."""

MODEL_JOBS: Final = {
    *("score", "evaluate", "explain", "monitor", "report", "models", "suppress", "verify"),
    "maintain",
}
"""Jobs that look up the champion, or load a model; ``nightly`` and ``stream`` run some of them."""

OWNERS: Final[dict[str, set[str]]] = {
    "cli/tables/models": {"models"},
    "cli/commands/stream": set(),
    "cli/tables/night": set(),
    "spark/agreement": set(),
    "spark/alerting": {"monitor"},
    "spark/challenge": {"models"},
    "spark/clock": {"maintain"},
    "spark/drift_rows": {"monitor"},
    "spark/evaluate": {"evaluate"},
    "spark/explain": {"explain"},
    "spark/first_night": {"train"},
    "spark/free_records": {"models"},
    "spark/histogram": {"evaluate"},
    "spark/incidents": {"explain"},
    "spark/ingest": {"ingest"},
    "spark/monitor": {"monitor"},
    "spark/notify": {"monitor"},
    "spark/protocol": {"evaluate"},
    "spark/quarantine": {"ingest"},
    "spark/registry": MODEL_JOBS,
    "spark/report/": {"report"},
    "spark/retention": {"maintain"},
    "spark/runs": set(),
    "spark/score": {"score"},
    "spark/score_ledger": {"score", "explain", "monitor"},
    "spark/shap_values": {"explain"},
    "spark/suppress": {"suppress"},
    "spark/train": {"train"},
    "spark/verify/": {"verify"},
}
"""Jobs that run a module's functions, by the beginning of its name; the longest one counts.

None are named for ``stream``, for the summary that ``nightly`` prints, and for what every job
does."""

BY_VARIABLE: Final = {
    "drift": {"report"},
    "alerts": {"report"},
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


@cache
def readers() -> dict[str, set[str]]:
    """Return, by table, the jobs with a call that reads it by its name."""
    found = {table: set(BY_VARIABLE.get(table, ())) for table in TABLES}
    for path in LIB.rglob("*.py"):
        module = path.relative_to(LIB).with_suffix("").as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in READS
                and node.args
                and isinstance(node.args[0], ast.Constant)
                and node.args[0].value in TABLES
            ):
                found[node.args[0].value] |= jobs_of(module)
    return found


@pytest.mark.parametrize("table", TABLES)
def test_readers_of_each_table_are_named(table: str) -> None:
    """The jobs whose code reads the table are named, and no others."""
    section = TABLES_DOC.split(f"\n## `{table}`\n")[1].split("\n## ")[0]
    (told,) = re.findall(r"Read by: ([^.]+)\.", section)
    assert set(re.findall(r"`([a-z]+)`", told)) == readers()[table]
