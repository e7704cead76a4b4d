"""Views against their documentation, and on a finished night."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.query.query import register_tables, run_query
from iotscore.query.views import RENAMED_VIEWS, VIEWS, read_views
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]
TEXTS = read_views(ROOT / "conf" / "sql" / "views")


@pytest.mark.parametrize("name", [name for name in VIEWS if name not in RENAMED_VIEWS])
def test_columns_are_documented_and_the_first_day_is_empty(empty: SparkSession, name: str) -> None:
    """A view's file lists its columns, in order; before anything was ingested it has no row."""
    result = run_query(empty, f"TABLE {name}")
    assert re.findall(r"^-- (\w+): ", TEXTS[name], re.MULTILINE) == result.columns
    assert result.collect() == []


def documented() -> list[tuple[str, list[str], int]]:
    """Return the queries in the documentation of the views, with the columns and rows shown."""
    text = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    section = text.split("\n## Views\n")[1].split("\n## ")[0]
    shown = re.findall(r"```sql\n(.+)\n```\n\n\| (.+) \|\n\|[- |]+\|\n((?:\|.+\|\n)+)", section)
    return [(query, names.split(" | "), rows.count("\n")) for query, names, rows in shown]


def test_every_view_is_documented() -> None:
    """docs/sql.md lists each view, and no other; and shows at least four of them."""
    text = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    shown = dict(re.findall(r"^\| `(v_\w+)` \| (.+) \|$", text, re.MULTILINE))
    assert sorted(shown) == sorted(VIEWS)
    assert {name: shown[name].strip("`") for name in RENAMED_VIEWS} == RENAMED_VIEWS
    assert {path.stem for path in (ROOT / "conf" / "sql" / "views").iterdir()} == set(VIEWS)
    assert len(documented()) == 4


@pytest.mark.parametrize(("query", "columns", "rows"), documented())
def test_documented_results_have_the_shape_of_real_ones(
    ask: Callable[[str], list[Any]], query: str, columns: list[str], rows: int
) -> None:
    """A night has the columns that the documentation shows; what is cut short is no longer."""
    found = ask(query)
    assert found
    assert list(found[0].asDict()) == columns
    limit = re.search(r"LIMIT (\d+)", query)
    assert rows == (int(limit[1]) if limit else len(found))


def test_the_champion_compares_as_it_was_evaluated(ask: Callable[[str], list[Any]]) -> None:
    """Its own row has the figures that evaluate has computed in its own way."""
    [row] = ask("SELECT * FROM v_model_comparison")
    [measured] = ask(
        "SELECT * FROM metrics WHERE scope = 'all' AND detector = 'hybrid' AND NOT uses_labels"
    )
    assert row.roc_auc == pytest.approx(measured.roc_auc, abs=1e-12)
    assert (row.tpr, row.fpr) == pytest.approx((measured.recall_attack, measured.fpr))
    assert row.fpr_promised == measured.fpr_promised
    assert (row.attacks, row.benign) == (measured.tp + measured.fn, measured.fp + measured.tn)


def test_only_what_a_statement_mentions_is_registered(night: Warehouse) -> None:
    """A view brings what it reads, a query of one table nothing else."""
    session = night.spark.newSession()
    for statement, known in (
        ("SELECT count(*) FROM Runs", {"runs"}),
        ("-- about scores\nTABLE v_runs", {"runs", "v_runs"}),
        ("SHOW TABLES", {*TABLES, *VIEWS}),
    ):
        register_tables(open_warehouse(session, night.root), TEXTS, statement=statement)
        found = {row.tableName for row in run_query(session, "SHOW TABLES").collect()}
        assert found == known
