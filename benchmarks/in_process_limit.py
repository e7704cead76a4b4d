"""The limit of this machine for scoring: no Spark, the same kernels, Parquet to Parquet.

``python benchmarks/in_process_limit.py --warehouse DIR --out DIR``

One process a core takes the next data file of the table, reads it with pyarrow, scores it in
10,000-row batches by the project's own model and writes key and scores.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cores import run_on_cores
from iotscore.detect.bundle import from_bytes
from iotscore.features import FEATURES, KEY
from iotscore.warehouse.records import records_of
from reference import BATCH_ROWS
from traffic import COMPRESSION, champion, data_files

if TYPE_CHECKING:
    from iotscore.detect.model import Model

_MODEL: list[Model] = []
"""This process's model, put there by :func:`_prepare`."""


def _prepare(bundle: bytes) -> None:
    if not _MODEL:
        model = from_bytes(bundle)
        # The first call loads or compiles the kernels.
        model.score(np.zeros((1, len(FEATURES))))
        _MODEL.append(model)


def _score_file(task: tuple[str, str]) -> int:
    source, target = task
    (model,) = _MODEL
    scored = []
    file = pq.ParquetFile(source, memory_map=True)
    for batch in file.iter_batches(
        BATCH_ROWS, columns=[*KEY, "device_id", *FEATURES], use_threads=False
    ):
        columns = model.score(*records_of(batch))
        scored.append(pa.table({**{name: batch.column(name) for name in KEY}, **columns}))
    result = pa.concat_tables(scored)
    pq.write_table(result, target, compression=COMPRESSION, use_dictionary=list(KEY[:1]))
    return int(result.num_rows)


def main() -> None:
    """Score every row of the warehouse's traffic."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--warehouse", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    bundle = champion(arguments.warehouse).bundle
    files = data_files(arguments.warehouse / "traffic")
    arguments.out.mkdir(parents=True)
    tasks = [
        (file, str(arguments.out / f"part-{part:05d}.parquet")) for part, file in enumerate(files)
    ]
    print(json.dumps(run_on_cores(_score_file, tasks, partial(_prepare, bundle))))


if __name__ == "__main__":
    main()
