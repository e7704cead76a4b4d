"""Filling in single days: only their files are taken up, and doing it again changes nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

import pytest

from iotscore.ingest.stage import ingest
from iotscore.landing.event_days import EVERY_DAY, Days
from iotscore.models.context import Context
from iotscore.scoring.stage import score
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

FRIDAY, SATURDAY = date(2026, 11, 20), date(2026, 11, 21)


@dataclass(frozen=True)
class Filling:
    """A warehouse after a night, and a landing folder with files of two more days."""

    warehouse: Warehouse
    folder: Path
    settings: Settings

    def ingest(self, days: Days) -> set[str]:
        """Ingest some days; return the files that are new in the ledger, refused ones included."""
        known = self.files("ingest_files")
        context = Context(self.warehouse, "run")
        ingest(context, str(self.folder), self.settings.ingest, days=days)
        return self.files("ingest_files") - known

    def score(self, days: Days) -> tuple[int, int]:
        """Score some days; return rows and flagged records as the stage tells them."""
        run_id = f"run of {days}".replace(" ", "-")
        done = score(Context(self.warehouse, run_id), self.settings.evaluate, days)
        return done.rows, done.flagged_records

    def files(self, table: str) -> set[str]:
        """Return the paths that a table names."""
        return self.warehouse.values(table, "source_file")


@pytest.fixture
def filling(
    night_copy: Callable[[str], Warehouse],
    landing: Path,
    tmp_path: Path,
    settings: Callable[..., Settings],
) -> Filling:
    """Return a warehouse that lacks the days after its first night."""
    folder = shutil.copytree(landing, tmp_path / "in")
    for seed, name in enumerate(("1.2026-11-21.csv", "2.2026-11-21.csv", "2.2026-11-22.csv")):
        write_traffic(folder / name, make_features(20 + seed, 50 + seed, 3.0))
    (folder / "2.benign.part2.csv").write_text("no pattern fits this name\n")
    return Filling(night_copy("default"), folder, settings("default"))


def test_only_files_of_the_day_come_in_and_are_scored(filling: Filling) -> None:
    """Others stay new for later; the second time there is nothing to do."""
    saturday = Days(SATURDAY, SATURDAY)
    files = {"1.2026-11-21.csv", "2.2026-11-21.csv"}
    assert filling.ingest(saturday) == files
    rows, alerts = filling.score(saturday)
    assert rows == 41
    found = [row for row in filling.warehouse.rows("scores") if row["source_file"] in files]
    assert {row["event_day"] for row in found} == {SATURDAY}
    assert alerts == sum(row["is_anomaly"] for row in found) > 0
    assert filling.ingest(saturday) == set()
    assert filling.score(saturday) == (0, 0)
    # Without a day: what is left, and the file that names neither device nor day.
    assert filling.ingest(EVERY_DAY) == {"2.2026-11-22.csv", "2.benign.part2.csv"}
    assert filling.score(EVERY_DAY)[0] == 22


def test_days_add_up_to_all_of_them(filling: Filling) -> None:
    """Scored day by day, no record is left out or scored twice."""
    filling.ingest(EVERY_DAY)
    assert filling.score(Days(None, FRIDAY)) == (0, 0)
    days = (Days(SATURDAY, SATURDAY), Days(date(2026, 11, 22), None), EVERY_DAY)
    assert [filling.score(each)[0] for each in days] == [41, 22, 0]
    keys = [(row["file_id"], row["row_no"]) for row in filling.warehouse.rows("scores")]
    assert len(keys) == len(set(keys)) == 260 + 41 + 22


def test_a_name_without_a_day_belongs_to_the_day_of_its_ingest(
    filling: Filling, landing: Path
) -> None:
    """It comes in with that day's files, and its records have that day."""
    shutil.copy(landing / "1.benign.csv", filling.folder / "3.benign.csv")
    assert filling.ingest(Days(None, SATURDAY)) == {"1.2026-11-21.csv", "2.2026-11-21.csv"}
    today = datetime.now(UTC).date()
    assert "3.benign.csv" in filling.ingest(Days(today, today))
    rows = filling.warehouse.rows("ingest_files", source_file="3.benign.csv")
    assert [row["event_day"] for row in rows] == [today]
