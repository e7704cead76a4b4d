"""Contents that are not simply new: changed after their ingest, or delivered under two names."""

from __future__ import annotations

import logging
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from frames import frame_of
from iotscore.errors import RefusalError
from iotscore.verify import Outcome, verify_warehouse
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

REPLACE = "ingest.changed_files=replace"
CHANGED = "2.benign.csv"


@pytest.fixture
def folder(landing: Path, tmp_path: Path) -> Path:
    """Return a private copy of the small landing folder, without its statement of rows."""
    copy = shutil.copytree(landing, tmp_path / "landing")
    (copy / "data_summary.csv").unlink()
    return copy


@pytest.fixture
def change(folder: Path) -> Callable[[], None]:
    """Return a function that puts 50 other records and a damaged line in a file's place."""

    def apply() -> None:
        write_traffic(folder / CHANGED, make_features(50, 77))
        with (folder / CHANGED).open("a", encoding="utf-8") as file:
            file.write("1,2,3\n")

    return apply


def frame(warehouse: Warehouse, table: str, name: str = CHANGED) -> pd.DataFrame:
    """Return the rows of a table that are about a file, in order."""
    rows = frame_of(warehouse, table, source_file=name)
    order = [column for column in ("row_no", "ingested_at") if column in rows]
    return rows.sort_values(order, ignore_index=True)


def faults(warehouse: Warehouse) -> list[Any]:
    """Return the checks of verify that fail."""
    return [c for c in verify_warehouse(warehouse, 50, None) if c.outcome == Outcome.FAILED]


def night(run: Stages, folder: Path, *, trains: bool = False) -> None:
    """Run the stages of a night."""
    run.ingest(folder)
    if trains:
        run.train()
    run.score()
    run.evaluate()


def test_replaced_content_takes_the_place_of_the_old(
    warehouse: Warehouse,
    settings: Callable[..., Settings],
    folder: Path,
    change: Callable[[], None],
) -> None:
    """Records, scores, refused lines and counts are those of the new content alone."""
    run = Stages(warehouse, settings("default", REPLACE))
    night(run, folder, trains=True)
    before = frame(warehouse, "scores", "1.benign.csv")
    change()
    night(run, folder)
    traffic, scores = frame(warehouse, "traffic"), frame(warehouse, "scores")
    assert list(traffic["row_no"]) == list(scores["row_no"]) == [*range(1, 51)]
    assert len(frame(warehouse, "quarantine")) == 1
    ledger = frame(warehouse, "ingest_files")
    assert list(ledger["status"]) == ["replaced", "ingested"]
    assert list(ledger["rows_accepted"]) == [60, 50]
    file_id = traffic["file_id"][0]
    counted = frame_of(warehouse, "score_histogram", file_id=file_id)
    assert set(counted.groupby("detector")["rows"].sum()) == {50}
    assert frame(warehouse, "scores", "1.benign.csv").equals(before)
    assert faults(warehouse) == []


def test_changed_content_is_refused_and_told_once(
    warehouse: Warehouse,
    settings: Callable[..., Settings],
    folder: Path,
    change: Callable[[], None],
) -> None:
    """By default the first records stay, quarantine says why, and the next night is quiet."""
    run = Stages(warehouse, settings("default"))
    run.ingest(folder)
    change()
    shutil.copy(folder / CHANGED, folder / "2.2026-11-22.csv")
    with pytest.raises(
        RefusalError, match=r"1 file\(s\) changed after their ingest.*2\.benign\.csv"
    ):
        run.ingest(folder)
    assert len(frame(warehouse, "traffic")) == 60
    assert list(frame(warehouse, "quarantine")["reason"]) == ["content_changed"]
    assert len(frame(warehouse, "traffic", "2.2026-11-22.csv")) == 50
    assert run.ingest(folder)["files_still_refused"] == 1
    replacing = Stages(warehouse, settings("default", REPLACE))
    assert replacing.ingest_refusing(folder)["files_replaced"] == 0
    (folder / "2.2026-11-22.csv").unlink()
    os.utime(folder / CHANGED)
    with pytest.raises(RefusalError, match="changed after their ingest"):
        run.ingest(folder)


@pytest.mark.parametrize("policy", ["refuse", "accept"])
def test_the_same_content_under_another_name(
    warehouse: Warehouse,
    settings: Callable[..., Settings],
    folder: Path,
    policy: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of one device it is taken for a second delivery, unless the configuration says otherwise."""
    for name in ("2.2026-11-22.csv", "2.2026-11-23.csv", "1.2026-11-22.csv"):
        shutil.copy(folder / CHANGED, folder / name)
    os.utime(folder / CHANGED, (1, 1))
    run = Stages(warehouse, settings("default", f"ingest.same_content={policy}"))
    with caplog.at_level(logging.INFO, "iotscore"):
        found = run.ingest_refusing(folder) if policy == "refuse" else run.ingest(folder)
    accepted = 320 if policy == "refuse" else 440
    assert (found["rows_accepted"], found["files_refused"]) == (accepted, 2 * (policy == "refuse"))
    assert "1 file(s) have the content of another device's file: 1.2026-11-22.csv" in caplog.text
    if policy == "refuse":
        told = frame(warehouse, "quarantine", "2.2026-11-23.csv")
        assert list(told["reason"]) == ["same_content"]
        assert list(told["detail"]) == [f"the same as {CHANGED}"]
    assert len(frame(warehouse, "traffic")) == 60
    assert faults(warehouse) == []


def test_benign_and_attack_with_one_content(
    warehouse: Warehouse,
    settings: Callable[..., Settings],
    folder: Path,
    change: Callable[[], None],
) -> None:
    """The attack's is refused, told once, and read when the wrong benign one has other content."""
    attack = folder / "1.mirai.ack.csv"
    run = Stages(warehouse, settings("default", "ingest.same_content=accept"))
    run.ingest(folder)
    shutil.copy(folder / CHANGED, attack)
    run.ingest_refusing(folder)
    told = frame(warehouse, "quarantine", attack.name)
    assert list(told["reason"]) == ["label_conflict"]
    assert CHANGED in told["detail"][0]
    assert run.ingest(folder)["files_still_refused"] == 1
    change()
    found = Stages(warehouse, settings("default", REPLACE)).ingest(folder)
    assert (found["files_replaced"], found["files_ingested"]) == (1, 1)
    assert run.ingest(folder)["files_ingested"] == 1
    assert len(frame(warehouse, "traffic", attack.name)) == 60
    assert faults(warehouse) == []


def test_files_without_records_are_not_the_same(
    warehouse: Warehouse, settings: Callable[..., Settings], folder: Path
) -> None:
    """Two quiet devices deliver a header each; neither is a copy of the other."""
    header = (folder / CHANGED).read_bytes().splitlines(keepends=True)[0]
    for device in (1, 2):
        (folder / f"{device}.2026-11-22.csv").write_bytes(header)
    found = Stages(warehouse, settings("default")).ingest(folder)
    assert found["files_refused"] == 0
