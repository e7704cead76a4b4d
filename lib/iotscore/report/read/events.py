"""``incidents``, ``explanations`` and ``shap_values`` to the events of a report."""

from __future__ import annotations

from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.report.formatting import kind_of
from iotscore.report.night import FlaggedRecord, Incident, Shapley

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.report.read.files import LedgerFile
    from iotscore.warehouse.warehouse import Warehouse

MOST_INCIDENTS: Final = 30
MOST_FLAGGED_RECORDS: Final = 30
_TOP_FEATURES: Final = 3
_MOST_OF_DEVICE: Final = 3
_INCIDENT: Final = tuple(field.name for field in fields(Incident) if field.name != "kind")
_FLAGGED_RECORD: Final = (
    *("file_id", "run_id", "device", "source_file", "row_no", "family", "attack"),
    *("hybrid_score", "severity", "sentence", "top"),
)
_SHAPLEY: Final = (
    *("detector", "file_id", "row_no", "label", "feature", "value", "shap_value", "base_value"),
    *("score", "run_id"),
)


def read_incidents(
    warehouse: Warehouse, version: str, night: Sequence[LedgerFile]
) -> list[Incident]:
    """Return the incidents of a night, the highest peak first."""
    names = ["incident_id", *_INCIDENT, "family", "attack"]
    file_ids = [one.file_id for one in night]
    rows = warehouse.rows("incidents", names, model_version=version, file_id=file_ids)
    distinct = {row["incident_id"]: row for row in rows}
    found = [
        Incident(
            kind=kind_of(row["family"], row["attack"]), **{name: row[name] for name in _INCIDENT}
        )
        for row in distinct.values()
    ]
    return sorted(
        found, key=lambda one: (-one.peak_score, -one.records, one.source_file, one.first_row)
    )


def read_flagged_records(
    warehouse: Warehouse, version: str, night: Sequence[LedgerFile]
) -> tuple[list[FlaggedRecord], int]:
    """Return the night's flagged records, and how many records were explained.

    One per device and largest contribution, the highest score first, a few of each device: a
    flood has thousands of records that say the same. Rows count if ``explained_files`` names
    their run, of the content that the file has now.
    """
    checksums = {one.file_id: one.sha256 for one in night}
    ledger = warehouse.rows(
        "explained_files", ["file_id", "run_id", "sha256"], model_version=version
    )
    valid = pa.array(
        f"{row['file_id']}/{row['run_id']}"
        for row in ledger
        if row["sha256"] == checksums.get(row["file_id"])
    ).cast(pa.string())
    best: dict[tuple[str, str], dict[str, Any]] = {}
    alike: Counter[tuple[str, str]] = Counter()
    for batch in warehouse.batches(
        "explanations", _FLAGGED_RECORD, model_version=version, file_id=sorted(checksums)
    ):
        keys = pc.binary_join_element_wise(batch.column("file_id"), batch.column("run_id"), "/")
        for row in _best(batch.filter(pc.is_in(keys, value_set=valid))):
            key = (row["device"], row["largest"])
            alike[key] += row["alike"]
            if key not in best or _order(row) < _order(best[key]):
                best[key] = row
    chosen = []
    of_device: Counter[str] = Counter()
    for key, row in sorted(best.items(), key=lambda item: _order(item[1])):
        of_device[row["device"]] += 1
        if of_device[row["device"]] <= _MOST_OF_DEVICE:
            chosen.append(_flagged_record(row, alike[key]))
    return chosen, alike.total()


def _best(batch: pa.RecordBatch) -> list[dict[str, Any]]:
    """Return the highest score of each device and largest contribution in a batch."""
    has_top = batch.filter(pc.greater(pc.list_value_length(batch.column("top")), 0))
    largest = pc.struct_field(pc.list_element(has_top.column("top"), 0), "feature")
    rows = pa.Table.from_batches([has_top]).append_column("largest", largest)
    rows = rows.sort_by(
        [("hybrid_score", "descending"), ("source_file", "ascending"), ("row_no", "ascending")]
    )
    rows = rows.append_column("place", pa.array(range(rows.num_rows), pa.int64()))
    found = rows.group_by(["device", "largest"]).aggregate([("place", "min"), ("place", "count")])
    best = rows.take(found.column("place_min"))
    return list(best.append_column("alike", found.column("place_count")).to_pylist())


def _order(row: Mapping[str, Any]) -> tuple[float, str, int]:
    return -row["hybrid_score"], row["source_file"], row["row_no"]


def _flagged_record(row: Mapping[str, Any], alike: int) -> FlaggedRecord:
    as_they_are = ("device", "source_file", "row_no", "severity", "sentence")
    return FlaggedRecord(
        **{name: row[name] for name in as_they_are},
        score=row["hybrid_score"],
        kind=kind_of(row["family"], row["attack"]),
        top=tuple((one["feature"], one["contribution"]) for one in row["top"][:_TOP_FEATURES]),
        alike=alike,
    )


def read_shapley(warehouse: Warehouse, version: str) -> Shapley | None:
    """Return the values of the newest run that sampled records of a model; None without any."""
    runs = warehouse.values("shap_values", "run_id", model_version=version)
    if not runs:
        return None
    # A run's id starts with its time.
    where = {"model_version": version, "run_id": max(runs)}
    frame = warehouse.table("shap_values", _SHAPLEY, **where).to_pandas()
    key = ["file_id", "row_no"]
    by_record = frame.drop_duplicates(key).sort_values(key)
    by_feature = frame.pivot(index=key, columns="feature", values=["value", "shap_value"])
    return Shapley(
        detector=frame["detector"].iloc[0],
        features=tuple(by_feature["value"].columns),
        values=by_feature["value"].to_numpy(),
        shap_values=by_feature["shap_value"].to_numpy(),
        base_values=by_record["base_value"].to_numpy(),
        scores=by_record["score"].to_numpy(),
        labels=by_record["label"].to_numpy(np.int64),
    )
