"""The limit of this machine for ingest: pyarrow's CSV reader and Parquet writer, no checks.

``python benchmarks/ingest_limit.py --input DIR --out DIR``

One process a core takes the next file. Features stay float64, as in the project's table.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import csv

from cores import run_on_cores
from iotscore.features import SOURCE_FEATURES
from processes import BenchmarkError
from traffic import COMPRESSION

_BLOCK_BYTES = 4 << 20
_TYPES = csv.ConvertOptions(column_types=dict.fromkeys(SOURCE_FEATURES, pa.float64()))


def traffic_files(folder: Path) -> list[Path]:
    """Return the traffic CSVs of a demo data folder, the largest first."""
    files = [path for path in folder.glob("*.csv") if path.name[0].isdigit()]
    if not files:
        message = f"{folder} holds no traffic CSV; make it with make demo-data OUT={folder}"
        raise BenchmarkError(message)
    return sorted(files, key=lambda path: (-path.stat().st_size, path.name))


def _prepare() -> None:
    """Nothing needs preparing: a reader has no model."""


def _convert(task: tuple[str, str]) -> int:
    source, target = task
    read = csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
    rows = csv.read_csv(source, read_options=read, convert_options=_TYPES)
    pq.write_table(rows, target, compression=COMPRESSION, use_dictionary=False)
    return int(rows.num_rows)


def main() -> None:
    """Convert every traffic CSV of a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True)
    tasks = [
        (str(file), str(arguments.out / f"{file.stem}.parquet"))
        for file in traffic_files(arguments.input)
    ]
    print(json.dumps(run_on_cores(_convert, tasks, _prepare)))


if __name__ == "__main__":
    main()
