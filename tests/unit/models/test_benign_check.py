"""Training looks at its benign files, and warns of one that is unlike all others."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pytest

from iotscore.features import FEATURES
from iotscore.models.benign_check import SUSPICIOUS_SHARE, check_benign
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

ROWS = 300
INGESTED_AT = datetime(2026, 11, 20, tzinfo=UTC)


def filled(root: Path, devices: int, planted: int) -> tuple[Warehouse, list[dict[str, Any]]]:
    """Return a warehouse with a benign file per device; the first holds rows of an attack too."""
    warehouse = open_warehouse(cast("SparkSession", None), str(root))
    warehouse.create("traffic")
    table, rng = TABLES["traffic"], np.random.default_rng(1)
    ledger = []
    for device in range(devices):
        rows = rng.lognormal(2.0, 0.3, size=(ROWS, len(FEATURES)))
        if device == 0 and planted:
            rows[:: ROWS // planted] *= 300
        columns = {"row_no": np.arange(1, ROWS + 1), **dict(zip(FEATURES, rows.T, strict=True))}
        known = {"file_id": f"{device:016}", "source_file": f"{device}.benign.csv"}
        constants = {**known, "device_id": device, "label": 0, "ingest_run": "one"}
        warehouse.append(
            "traffic", with_constants(pa.table(columns), constants, table.arrow_schema)
        )
        counts = {"rows_read": ROWS, "rows_accepted": ROWS, "ingested_at": INGESTED_AT}
        ledger.append(known | counts | {"device_id": device, "device": "", "run_id": "one"})
    return warehouse, ledger


def test_an_attack_in_a_benign_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """File and share are in the warning and in what the manifest keeps."""
    found = check_benign(*filled(tmp_path, 9, ROWS // 10), skip_rows=1)
    assert (found["files_compared"], found["limit"]) == (9, SUSPICIOUS_SHARE)
    (one,) = found["suspicious_files"]
    assert one == {"source_file": "0.benign.csv", "share": pytest.approx(0.1, abs=0.01)}
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert "10 % of the rows of the benign file 0.benign.csv are unlike" in record.message


def test_clean_files_and_few_devices_are_silent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is told of clean files, nor where there are too few devices to compare."""
    for devices, planted, compared in ((9, 0, 9), (7, ROWS // 10, 0)):
        warehouse, ledger = filled(tmp_path / str(devices), devices, planted)
        found = check_benign(warehouse, ledger, skip_rows=1)
        assert found["files_compared"] == compared
        assert found["suspicious_files"] == []
    assert not caplog.records
