"""Explanations of a whole night: each flagged record, once, with what made its score."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

KEY = ["file_id", "row_no"]


def frame(warehouse: Warehouse, table: str) -> pd.DataFrame:
    """Return a table in the order of its keys."""
    return pd.DataFrame(warehouse.rows(table)).sort_values(KEY, ignore_index=True)


def sums(explanations: pd.DataFrame) -> np.ndarray:
    """Return base and all contributions, added up."""
    named = [sum(one["contribution"] for one in top) for top in explanations["top"]]
    return explanations["base"] + named + explanations["rest"]


@pytest.mark.parametrize("kind", ["night", "paper_night"])
def test_each_flagged_record_is_explained_once(kind: str, request: pytest.FixtureRequest) -> None:
    """Under either profile the flagged records, no others, and nothing of their scores is lost."""
    night = request.getfixturevalue(kind)
    scores = frame(night, "scores")
    flagged = scores[scores["is_anomaly"]].reset_index(drop=True)
    explained = frame(night, "explanations")
    assert len(flagged) > 40
    assert explained[[*KEY, "device", "hybrid_score"]].equals(
        flagged[[*KEY, "device", "hybrid_score"]]
    )
    assert sums(explained).to_numpy() == pytest.approx(flagged["hybrid_score"], rel=1e-9)
    ledger = night.rows("explained_files")
    assert {row["file_id"] for row in ledger} == set(scores["file_id"])
    assert sum(row["rows_explained"] for row in ledger) == len(flagged)


def test_values_are_those_of_the_record(night: Warehouse) -> None:
    """What a sentence says of a value stands in ``traffic``."""
    traffic = frame(night, "traffic").set_index(KEY)
    for row in night.rows("explanations")[:40]:
        record = traffic.loc[(row["file_id"], row["row_no"])]
        for one in row["top"]:
            assert one["value"] == record[one["feature"]]
            assert one["low"] <= one["high"]


def test_a_second_run_explains_nothing(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> None:
    """What is in the ledger is done: no row and no commit more."""
    warehouse = night_copy("default")
    before = [warehouse.version(table) for table in ("explanations", "explained_files")]
    assert Stages(warehouse, settings("default")).explain() == 0
    assert [warehouse.version(table) for table in ("explanations", "explained_files")] == before


def test_a_replaced_file_is_explained_anew(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Any],
    landing: Path,
    tmp_path: Path,
) -> None:
    """Explanations of the earlier content go; those of other files stay as they are."""
    warehouse = night_copy("default")
    before = frame(warehouse, "explanations")
    folder = tmp_path / "landing"
    folder.mkdir()
    for path in landing.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "data_summary.csv").unlink()
    write_traffic(folder / "1.gafgyt.tcp.csv", make_features(25, seed=77, shift=5.0))
    run = Stages(warehouse, settings("default", "ingest.changed_files=replace"))
    run.ingest(folder)
    run.score()
    assert run.explain() == 25
    after = frame(warehouse, "explanations")
    of_file = after["source_file"] == "1.gafgyt.tcp.csv"
    assert after[of_file]["row_no"].tolist() == list(range(1, 26))
    others = before[before["source_file"] != "1.gafgyt.tcp.csv"].reset_index(drop=True)
    assert after[~of_file].reset_index(drop=True).equals(others)
