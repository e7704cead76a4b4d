"""Counting in workers: records of ``traffic`` in, histograms per device and day out."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from iotscore.features import FEATURES, HYBRID, flag_column, score_column
from iotscore.monitoring.bins import bins_of
from iotscore.monitoring.histograms import Histograms, count_records
from iotscore.monitoring.ledger import subject_of
from iotscore.warehouse.broadcast import broadcast_model
from iotscore.warehouse.records import coded, records_of
from iotscore.warehouse.selection import Selection
from iotscore.warehouse.side_outputs import SideOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from iotscore.detect.model import Model
    from iotscore.detect.reference_quantiles import BenignReference
    from iotscore.models.context import Ahead, Context
    from iotscore.monitoring.ledger import Nights, Subject
    from iotscore.scoring.ledger import PendingFiles


def count_nights(
    context: Context,
    nights: Nights,
    ahead: Ahead | None = None,
) -> dict[Subject, Histograms]:
    """Return the histograms of each day and device of the files that are to be counted.

    Records are scored again rather than joined with ``scores``, as when they are explained; only
    the detectors that count in the hybrid score are asked. The model must have calibrations.

    ``ahead`` is of some of the files, which are not read.
    """
    warehouse, stored = context.warehouse, context.stored
    tables, ready = ([*ahead.prepared.tables], ahead.file_ids) if ahead else ([], frozenset())
    files = {file_id: row for file_id, row in nights.files.items() if file_id not in ready}
    where = {
        "file_id": list(files),
        "ingest_run": sorted({row["run_id"] for row in files.values()}),
    }
    total = sum(row["rows_accepted"] for row in files.values())
    chosen = Selection("traffic", ("file_id", "device_id", *FEATURES), where, total)
    first = _first_files(files)
    with broadcast_model(warehouse.spark, stored.bundle, stored.version) as load_model:

        def load() -> Callable[[Iterator[pa.Table]], pa.Table]:
            model = counting(load_model())
            count = _Counter(model.reference, first)
            return lambda tables: _packed_sum(
                count(records, pa.table(model.score(*records_of(records)))) for records in tables
            )

        if files:
            tables += warehouse.fold_records(chosen, load, doing="monitor")
    by_subject: dict[Subject, Histograms] = {}
    for file_id, one in _sum(tables).items():
        subject = subject_of(nights.files[file_id])
        by_subject[subject] = by_subject[subject] + one if subject in by_subject else one
    return by_subject


def count_ahead(
    context: Context, files: PendingFiles, load_model: Callable[[], Model]
) -> SideOutput:
    """Return what a pass that scores some files makes of their records for :func:`count_nights`."""
    first = _first_files({file_id: context.ingested[file_id] for file_id in files.rows})
    return SideOutput("monitor", lambda: _Counter(load_model().reference, first), fold=_packed_sum)


def _first_files(files: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Return for each file, by id, the first one of its day and device, which stands for these."""
    first: dict[Subject, str] = {}
    return {file_id: first.setdefault(subject_of(row), file_id) for file_id, row in files.items()}


def counting(model: Model) -> Model:
    """Return a model that gives the same hybrid scores and no others."""
    names = [name for name in model.detectors if model.weights[name]]
    return replace(
        model,
        detectors={name: model.detectors[name] for name in names},
        weights={name: model.weights[name] for name in names},
        calibrations={name: model.calibrations[name] for name in names},
        thresholds={HYBRID: model.thresholds[HYBRID]},
    )


class _Counter:
    """Counts records that are scored, by the file that stands for their day and device."""

    def __init__(self, reference: BenignReference | None, first: Mapping[str, str]) -> None:
        self._first = first
        self._bins = {}
        if reference is not None:
            self._bins = {one: bins_of(reference, one) for one in reference.devices.tolist()}

    def __call__(self, records: pa.Table, scores: pa.Table) -> pa.Table:
        X, devices = records_of(records)
        levels = scores.column(score_column(HYBRID)).to_numpy()
        flags = scores.column(flag_column(HYBRID)).to_numpy()
        files = coded(records, "file_id")
        first = [self._first.get(file, "") for file in files.dictionary.to_pylist()]
        names = list(dict.fromkeys(first))
        of_row = np.array([names.index(name) for name in first])[files.indices.to_numpy()]
        found = {}
        for number in np.unique(of_row):
            mine = slice(None) if (of_row == number).all() else of_row == number
            bins = self._bins.get(int(devices[mine][0]))
            found[names[number]] = count_records(X[mine], levels[mine], flags[mine], bins)
        return _packed(found)


def _packed(found: Mapping[str, Histograms]) -> pa.Table:
    """Return histograms by file as a table, for the way to the driver."""
    data = [zlib.compress(one.to_bytes(), 1) for one in found.values()]
    return pa.table({"file_id": pa.array(found, pa.string()), "data": pa.array(data, pa.binary())})


def _sum(tables: Iterable[pa.Table]) -> dict[str, Histograms]:
    """Return the sums of histograms by file."""
    found: dict[str, Histograms] = {}
    for table in tables:
        for file_id, data in zip(*(column.to_pylist() for column in table.columns), strict=True):
            one = Histograms.from_bytes(zlib.decompress(data))
            found[file_id] = found[file_id] + one if file_id in found else one
    return found


def _packed_sum(tables: Iterable[pa.Table]) -> pa.Table:
    return _packed(_sum(tables))
