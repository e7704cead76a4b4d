"""Landing files to traffic: nothing lost, nothing doubled, every refusal told."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from frames import frame_of
from iotscore.errors import InputError, RefusalError
from iotscore.features import FEATURES
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def test_every_value_of_every_file_arrives(night: Warehouse, landing: Path) -> None:
    """Traffic holds each file's numbers, bit for bit, under their row numbers."""
    traffic = frame_of(night, "traffic").sort_values(["source_file", "row_no"])
    for name, part in traffic.groupby("source_file"):
        expected = pd.read_csv(landing / str(name), float_precision="round_trip")
        assert list(part["row_no"]) == list(range(1, len(expected) + 1))
        assert np.array_equal(part[list(FEATURES)].to_numpy(), expected.to_numpy())


def test_labels_come_from_file_names(night: Warehouse) -> None:
    """Each record carries what its file's name and the metadata say."""
    columns = ["device_id", "device", "family", "attack", "label"]
    traffic = frame_of(night, "traffic").drop_duplicates("source_file").set_index("source_file")
    found = traffic[columns].astype(object).where(traffic[columns].notna(), None)
    assert list(found.loc["1.gafgyt.tcp.csv"]) == [1, "Doorbell", "gafgyt", "tcp", 1]
    assert list(found.loc["2.benign.csv"]) == [2, "Camera", "benign", None, 0]
    assert list(found.loc["1.2026-11-20.csv"]) == [1, "Doorbell", None, None, None]
    assert str(traffic.loc["1.2026-11-20.csv", "event_day"]) == "2026-11-20"


def test_counts_reconcile(night: Warehouse) -> None:
    """In the ledger lines read are rows accepted plus rows quarantined, as expected."""
    ledger = frame_of(night, "ingest_files")
    assert len(ledger) == 5
    assert (ledger["rows_read"] == ledger["rows_accepted"] + ledger["rows_quarantined"]).all()
    assert (ledger["rows_read"] == ledger["rows_expected"]).all()
    assert int(ledger["rows_read"].sum()) == 260


def test_second_run_changes_nothing(
    night_copy: Callable[[str], Warehouse], settings: Callable, landing: Path
) -> None:
    """A landing folder that has not changed gives no new row and no new version of a table."""
    warehouse = night_copy("default")
    before = {name: _version(warehouse, name) for name in ("traffic", "ingest_files")}
    run = Stages(warehouse, settings("default"))
    assert run.ingest(landing)["files_ingested"] == 0
    assert run.score() == 0
    assert {name: _version(warehouse, name) for name in before} == before


def _version(warehouse: Warehouse, table: str) -> int:
    log = f"DESCRIBE HISTORY delta.`{f'{warehouse.root}/{table}'}`"
    return int(warehouse.spark.sql(log).first().version)


def test_bad_lines_are_quarantined_one_by_one(
    warehouse: Warehouse, settings: Callable, landing: Path, tmp_path: Path
) -> None:
    """Damaged lines of a file land in quarantine with reason and text; the rest is accepted."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = (landing / "1.benign.csv").read_text().splitlines()
    lines[3] = lines[3].replace(lines[3].split(",")[7], "abc", 1)
    lines[5] = lines[5] + ",1.0"
    lines[8] = ""
    (folder / "1.benign.csv").write_text("\n".join(lines) + "\n")
    shutil.copy(landing / "2.benign.csv", folder)

    # Small chunks, so that a file is read by several tasks.
    run = Stages(warehouse, settings("default", "ingest.chunk_megabytes=0.02"))
    details = run.ingest(folder)

    assert (details["rows_accepted"], details["rows_quarantined"]) == (147, 3)
    quarantine = frame_of(warehouse, "quarantine").sort_values("row_no")
    assert list(quarantine["row_no"]) == [3, 5, 8]
    assert list(quarantine["reason"]) == ["not_a_number", "too_many_columns", "empty_line"]
    assert quarantine["raw_text"].iloc[0].startswith(lines[3][:100])
    kept = frame_of(warehouse, "traffic").query("source_file == '1.benign.csv'")
    assert set(range(1, 91)) - set(kept["row_no"]) == {3, 5, 8}
    assert len(kept) == len(kept["row_no"].unique()) == 87


def test_refused_files_are_told_and_not_retried(
    warehouse: Warehouse, settings: Callable, landing: Path, tmp_path: Path
) -> None:
    """A file with a strange name or header is refused once, with a reason; the others go in."""
    folder = tmp_path / "in"
    folder.mkdir()
    shutil.copy(landing / "1.benign.csv", folder)
    shutil.copy(landing / "1.benign.csv", folder / "whatever.csv")
    (folder / "2.benign.csv").write_text("a,b\n1,2\n")
    run = Stages(warehouse, settings("default"))

    details = run.ingest_refusing(folder)

    assert (details["files_ingested"], details["files_refused"]) == (1, 2)
    refused = frame_of(warehouse, "quarantine").set_index("source_file")["reason"].to_dict()
    assert refused == {"whatever.csv": "name_not_recognised", "2.benign.csv": "no_header"}
    again = run.ingest(folder)
    assert (again["files_refused"], again["files_still_refused"]) == (0, 2)
    shutil.copy(landing / "2.benign.csv", folder)
    assert run.ingest(folder)["files_ingested"] == 1


def test_a_count_that_disagrees_fails_and_names_the_file(
    warehouse: Warehouse, settings: Callable, landing: Path, tmp_path: Path
) -> None:
    """A file with other rows than data_summary.csv states is refused and the stage fails."""
    folder = tmp_path / "in"
    shutil.copytree(landing, folder)
    lines = (landing / "2.benign.csv").read_text().splitlines()
    (folder / "2.benign.csv").write_text("\n".join(lines[:-1]) + "\n")
    run = Stages(warehouse, settings("default"))

    with pytest.raises(RefusalError, match=r"2\.benign\.csv.* 60 rows.* 59"):
        run.ingest(folder)

    files = frame_of(warehouse, "ingest_files").set_index("source_file")["status"]
    assert files["2.benign.csv"] == "refused"
    assert (files.drop("2.benign.csv") == "ingested").all()
    assert "2.benign.csv" not in set(frame_of(warehouse, "traffic")["source_file"])


def test_a_changed_file_is_refused(
    warehouse: Warehouse, settings: Callable, landing: Path, tmp_path: Path
) -> None:
    """Other content under a known name is an error; a new time of change alone is not."""
    folder = tmp_path / "in"
    folder.mkdir()
    target = folder / "1.benign.csv"
    shutil.copy(landing / "1.benign.csv", target)
    run = Stages(warehouse, settings("default"))
    run.ingest(folder)
    os.utime(target, (1, 1))
    assert run.ingest(folder)["files_ingested"] == 0
    shutil.copy(landing / "2.benign.csv", target)
    with pytest.raises(RefusalError, match=r"1\.benign\.csv"):
        run.ingest(folder)
    assert warehouse.count("traffic") == 90


def test_folders_of_the_uci_archive(
    warehouse: Warehouse, settings: Callable, landing: Path, tmp_path: Path
) -> None:
    """The archive's folder layout gives the same labels as the flat one."""
    folder = tmp_path / "in"
    (folder / "Doorbell" / "gafgyt_attacks").mkdir(parents=True)
    shutil.copy(landing / "device_info.csv", folder)
    shutil.copy(landing / "1.benign.csv", folder / "Doorbell" / "benign_traffic.csv")
    shutil.copy(landing / "1.gafgyt.tcp.csv", folder / "Doorbell" / "gafgyt_attacks" / "tcp.csv")
    Stages(warehouse, settings("default")).ingest(folder)
    found = frame_of(warehouse, "ingest_files").sort_values("source_file")
    assert list(found["device_id"]) == [1, 1]
    assert list(found["family"]) == ["benign", "gafgyt"]
    assert list(found["label"]) == [0, 1]


def test_an_empty_folder_is_an_error(
    warehouse: Warehouse, settings: Callable, tmp_path: Path
) -> None:
    """A folder without CSV files is told, not taken for a quiet night."""
    with pytest.raises(InputError, match="holds no CSV file"):
        Stages(warehouse, settings("default")).ingest(tmp_path)
