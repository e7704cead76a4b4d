"""Counting in workers: records of ``traffic`` in, a sketch per device and night out."""

from __future__ import annotations

import base64
import zlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from iotscore.features import FEATURES, HYBRID, flag_column, score_column
from iotscore.monitoring.bins import bins_of
from iotscore.monitoring.histograms import Sketch, sketch
from iotscore.scoring.udf import broadcast, load_broadcast
from iotscore.warehouse.delta_rs.row_groups import read_batches, records_of, row_groups
from iotscore.warehouse.partitioning import deal
from iotscore.warehouse.session import core_count
from iotscore.warehouse.tasks import TASKS_PER_CORE, run_arrow_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from pyspark import Accumulator

    from iotscore.alerts.alert import Device
    from iotscore.detect.model import Model
    from iotscore.models.registry import StoredModel
    from iotscore.monitoring.ledger import Nights
    from iotscore.warehouse.delta_rs.row_groups import RowGroup
    from iotscore.warehouse.tables import Warehouse

_BATCH_ROWS: Final = 10_000
_TASK_ROWS: Final = 200_000
"""About the records of a task: a second of work for some kilobytes of counts."""
_COLUMNS: Final = ("file_id", "device_id")


def count_nights(
    warehouse: Warehouse, stored: StoredModel, nights: Nights, done: Accumulator[int]
) -> dict[tuple[date, Device], Sketch]:
    """Return a sketch per night and device of the files that are to be counted.

    Records are scored again rather than joined with ``scores``, as when they are explained; only
    the detectors that count in the fused score are asked.

    Parameters
    ----------
    warehouse
        Where.
    stored
        A model with frozen calibration.
    nights
        Which files.
    done
        Gets the records counted so far.
    """
    subjects = list({nights.subject(file): None for file in nights.files})
    position = {subject: number for number, subject in enumerate(subjects)}
    numbers = {file: position[nights.subject(file)] for file in nights.files}
    count = _by_tasks if warehouse.is_direct else _by_query
    sketches: dict[tuple[date, Device], Sketch] = {}
    for number, data in count(warehouse, stored, nights, numbers, done):
        subject, one = subjects[number], Sketch.from_bytes(zlib.decompress(data))
        sketches[subject] = sketches[subject] + one if subject in sketches else one
    return sketches


def _by_tasks(
    warehouse: Warehouse,
    stored: StoredModel,
    nights: Nights,
    numbers: Mapping[str, int],
    done: Accumulator[int],
) -> list[tuple[int, bytes]]:
    spark, version = warehouse.spark, stored.version
    runs = sorted({row["run_id"] for row in nights.files.values()})
    paths = warehouse.data_files("traffic", file_id=list(nights.files), ingest_run=runs)
    wanted = pa.array(nights.files)
    least = TASKS_PER_CORE * core_count(spark)
    tasks = deal(row_groups(paths), lambda group: group.rows, _TASK_ROWS, least)
    with broadcast(spark, stored.bundle) as bundle:

        def run(groups: list[RowGroup]) -> Iterator[dict[str, Any]]:
            model = counting(load_broadcast(bundle, version))
            batches = read_batches(groups, _COLUMNS, wanted, _BATCH_ROWS)
            for number, data in _counted(model, batches, numbers, done):
                yield {"number": number, "data": base64.b64encode(data).decode("ascii")}

        reports = run_arrow_tasks(spark, tasks, run)
    return [(each["number"], base64.b64decode(each["data"])) for each in reports]


def _by_query(
    warehouse: Warehouse,
    stored: StoredModel,
    nights: Nights,
    numbers: Mapping[str, int],
    done: Accumulator[int],
) -> list[tuple[int, bytes]]:
    version = stored.version
    runs = sorted({row["run_id"] for row in nights.files.values()})
    traffic = warehouse.frame("traffic", file_id=list(nights.files), ingest_run=runs)
    with broadcast(warehouse.spark, stored.bundle) as bundle:

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            model = counting(load_broadcast(bundle, version))
            records = (pa.Table.from_batches([batch]) for batch in batches)
            for number, data in _counted(model, records, numbers, done):
                yield pa.RecordBatch.from_pydict(
                    {"number": pa.array([number], pa.int32()), "data": [data]}
                )

        counted = traffic.select(*_COLUMNS, *FEATURES).mapInArrow(run, "number int, data binary")
        return [(row["number"], bytes(row["data"])) for row in counted.collect()]


def counting(model: Model) -> Model:
    """Return a model that gives the same fused scores and no others."""
    names = [name for name in model.detectors if model.weights[name]]
    return replace(
        model,
        detectors={name: model.detectors[name] for name in names},
        weights={name: model.weights[name] for name in names},
        calibrations={name: model.calibrations[name] for name in names},
        thresholds={HYBRID: model.thresholds[HYBRID]},
    )


def _counted(
    model: Model, batches: Iterable[pa.Table], numbers: Mapping[str, int], done: Accumulator[int]
) -> Iterator[tuple[int, bytes]]:
    """Yield the number of each subject among some records, and its packed sketch."""
    found: dict[int, Sketch] = {}
    known = {
        int(device): None if model.reference is None else bins_of(model.reference, int(device))
        for device in ([] if model.reference is None else model.reference.devices)
    }
    for records in batches:
        X, devices = records_of(records)
        scores = model.score(X, devices)
        levels, flags = scores[score_column(HYBRID)], scores[flag_column(HYBRID)]
        files = records.column("file_id").combine_chunks()
        coded = files if pa.types.is_dictionary(files.type) else files.dictionary_encode()
        of_code = np.array([numbers.get(file, -1) for file in coded.dictionary.to_pylist()])
        of_row = of_code[coded.indices.to_numpy()]
        for number in np.unique(of_row):
            mine = slice(None) if (of_row == number).all() else of_row == number
            bins = known.get(int(devices[mine][0]))
            one = sketch(X[mine], levels[mine], flags[mine], bins)
            found[number] = found[number] + one if number in found else one
        done.add(records.num_rows)
    for number, one in found.items():
        yield int(number), zlib.compress(one.to_bytes(), 1)
