"""Counting in workers: records of ``traffic`` in, histograms per device and day out."""

from __future__ import annotations

import zlib
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from iotscore.features import FEATURES, HYBRID, flag_column, score_column
from iotscore.monitoring.bins import bins_of
from iotscore.monitoring.histograms import Histograms, count_records
from iotscore.warehouse.broadcast import broadcast_model
from iotscore.warehouse.records import coded, records_of
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from iotscore.alerts.alert import Device
    from iotscore.detect.model import Model
    from iotscore.models.context import Context
    from iotscore.monitoring.ledger import Nights


def count_nights(context: Context, nights: Nights) -> dict[tuple[date, Device], Histograms]:
    """Return the histograms of each day and device of the files that are to be counted.

    Records are scored again rather than joined with ``scores``, as when they are explained; only
    the detectors that count in the hybrid score are asked. The model must have calibrations.
    """
    warehouse, stored = context.warehouse, context.stored
    subjects = list({nights.subject(file): None for file in nights.files})
    position = {subject: number for number, subject in enumerate(subjects)}
    numbers = {file: position[nights.subject(file)] for file in nights.files}
    where = {
        "file_id": list(nights.files),
        "ingest_run": sorted({row["run_id"] for row in nights.files.values()}),
    }
    chosen = Selection("traffic", ("file_id", "device_id", *FEATURES), where, nights.total)
    found: dict[tuple[date, Device], Histograms] = {}
    with broadcast_model(warehouse.spark, stored.bundle, stored.version) as load_model:

        def load() -> Callable[[Iterator[pa.Table]], pa.Table]:
            model = counting(load_model())
            return lambda tables: _counted(model, tables, numbers)

        for part in warehouse.fold_records(chosen, load, doing="monitor"):
            for number, data in zip(*(column.to_pylist() for column in part.columns), strict=True):
                subject, one = subjects[number], Histograms.from_bytes(zlib.decompress(data))
                found[subject] = found[subject] + one if subject in found else one
    return found


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


def _counted(model: Model, batches: Iterable[pa.Table], numbers: Mapping[str, int]) -> pa.Table:
    """Return the number of each subject among some records, and its packed histograms."""
    found: dict[int, Histograms] = {}
    known = {}
    if (reference := model.reference) is not None:
        known = {int(device): bins_of(reference, int(device)) for device in reference.devices}
    for records in batches:
        X, devices = records_of(records)
        scores = model.score(X, devices)
        levels, flags = scores[score_column(HYBRID)], scores[flag_column(HYBRID)]
        files = coded(records, "file_id")
        of_code = np.array([numbers.get(file, -1) for file in files.dictionary.to_pylist()])
        of_row = of_code[files.indices.to_numpy()]
        for number in np.unique(of_row):
            mine = slice(None) if (of_row == number).all() else of_row == number
            bins = known.get(int(devices[mine][0]))
            one = count_records(X[mine], levels[mine], flags[mine], bins)
            found[number] = found[number] + one if number in found else one
    packed = [zlib.compress(one.to_bytes(), 1) for one in found.values()]
    numbered = pa.array(list(found), pa.int64())
    return pa.table({"number": numbered, "data": pa.array(packed, pa.binary())})
