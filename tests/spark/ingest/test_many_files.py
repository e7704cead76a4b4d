"""A landing folder of thousands of tiny files, good and bad, and one of headers alone."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from iotscore.features import N_FEATURES, SOURCE_FEATURES
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

HEADER = ",".join(SOURCE_FEATURES)
LINE = ",".join(["1.5"] * N_FEATURES)


def test_thousands_of_files(
    warehouse: Warehouse,
    settings: Callable,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """They are ingested, the bad ones refused, and told in a few lines."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(2_000):
        content = "nothing\n" if number % 10 == 0 else f"{HEADER}\n{LINE}\n{number}\n"
        (folder / f"{number}.benign.csv").write_text(content)
    with caplog.at_level(logging.INFO, "iotscore"):
        details = Stages(warehouse, settings("default")).ingest_refusing(folder)
    assert (details["files_ingested"], details["files_refused"]) == (1_800, 200)
    assert (details["rows_accepted"], details["rows_quarantined"]) == (1_800, 1_800)
    refused = [line for line in caplog.messages if "no_header" in line]
    assert len(refused) == 1
    assert "refused 200 file(s), no_header: 0.benign.csv, 10.benign.csv" in refused[0]
    assert refused[0].endswith("and 195 more; see the table quarantine")
    assert len(caplog.messages) < 20


def test_files_without_a_record(warehouse: Warehouse, settings: Callable, tmp_path: Path) -> None:
    """Files of nothing but the header are ingested, with no rows."""
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / "1.benign.csv").write_text(f"{HEADER}\n")
    (folder / "2.benign.csv").write_text(HEADER)
    run = Stages(warehouse, settings("default"))
    assert run.ingest(folder)["files_ingested"] == 2
    ledger = warehouse.rows("ingest_files")
    assert {(row["status"], row["rows_read"], row["reason"]) for row in ledger} == {
        ("ingested", 0, None)
    }
    assert run.ingest(folder)["files_ingested"] == 0


def test_later_stages_pass_over_a_file_without_a_record(
    night_copy: Callable[[str], Warehouse], settings: Callable, tmp_path: Path
) -> None:
    """A file of nothing but the header is scored and measured like any other, and counts zero."""
    (tmp_path / "8.benign.csv").write_text(f"{HEADER}\n")
    run = Stages(night_copy("default"), settings("default"))
    assert run.ingest(tmp_path)["files_ingested"] == 1
    assert run.score() == 0
    scored = run.warehouse.rows("scored_files")
    assert [row["rows_scored"] for row in scored].count(0) == 1
    assert run.evaluate()
