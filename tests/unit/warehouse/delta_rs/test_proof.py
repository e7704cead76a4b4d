"""Flipped bits in data files: each is found, and none is read as another value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from iotscore.errors import DamagedFileError
from iotscore.features import FEATURES
from iotscore.warehouse.delta_rs.data_files import DataFileWriter
from iotscore.warehouse.delta_rs.proof import prove_file
from iotscore.warehouse.delta_rs.rewrite import rewritten
from iotscore.warehouse.delta_rs.row_groups import read_batches, row_groups
from iotscore.warehouse.delta_rs.table import data_files, read_rows, scan
from iotscore.warehouse.delta_rs.writes import create_table, exchange_files
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from pathlib import Path

    from iotscore.warehouse.delta_rs.data_files import DataFile

BY = {"traffic": ("file_id", "ingest_run"), "scores": ("model_version", "file_id", "run_id")}
TEXTS = {
    "file_id": "ab" * 8,
    "source_file": "1.benign.csv",
    "device": "Doorbell",
    "ingest_run": "one",
    "model_version": "m",
    "run_id": "two",
    "split": "test",
}
FLIPS = 300
USED = (
    "path_in_schema",
    "physical_type",
    "num_values",
    "compression",
    "total_compressed_size",
    "total_uncompressed_size",
)
"""What a footer says of a column that is needed to read it."""


def written(folder: Path, table: str, rows: int = 200) -> DataFile:
    """Write a data file as ingest or score does; numbers are drawn."""
    definition, draw = TABLES[table], np.random.default_rng(1)
    columns: dict[str, Any] = {
        field.name: draw.lognormal(size=rows)
        for field in definition.arrow_schema
        if pa.types.is_floating(field.type)
    }
    columns["row_no"] = np.arange(1, rows + 1)
    constants = {**TEXTS, "device_id": 1, "label": 0}
    with DataFileWriter(str(folder), definition.indexed, hashed=True) as writer:
        writer.write(with_constants(pa.table(columns), constants, definition.arrow_schema))
        file = writer.close()
    assert file is not None
    return file


def flip(content: bytes, bit: int) -> bytes:
    """Return a content with one bit flipped."""
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def used(path: Path) -> list[Any]:
    """Return what readers go by in a footer, and no hints or names of who wrote it."""
    metadata = pq.read_metadata(path)
    found: list[Any] = [metadata.num_rows, metadata.schema.to_arrow_schema()]
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number).to_dict()
        for column in group.pop("columns"):
            start = column["dictionary_page_offset"] or column["data_page_offset"]
            found.append([start, *(column[name] for name in USED)])
        found.append(group)
    return found


@pytest.mark.parametrize("table", ["traffic", "scores"])
def test_every_flipped_bit_is_found(table: str, tmp_path: Path) -> None:
    """A flip is an error or another sum; what is not found leaves values and footer the same."""
    file, schema = written(tmp_path, table), TABLES[table].arrow_schema
    path = tmp_path / file.name
    content, whole, footer = path.read_bytes(), pq.read_table(path), used(path)
    proof = prove_file(str(path), schema, BY[table])
    assert not proof.faults
    assert {key: found.rows for key, found in proof.sums.items()} == {
        tuple(TEXTS[name] for name in BY[table]): 200
    }
    assert [found.records_hash for found in proof.sums.values()] == [*file.hash_of_file.values()]
    draw, found = np.random.default_rng(7), 0
    footer_bits = 8 * (int.from_bytes(content[-8:-4], "little") + 8)
    anywhere = draw.integers(0, 8 * len(content), FLIPS // 2)
    in_footer = 8 * len(content) - draw.integers(1, footer_bits, FLIPS // 2)
    for bit in map(int, [*anywhere, *in_footer]):
        path.write_bytes(flip(content, bit))
        after = prove_file(str(path), schema, BY[table])
        if after.faults or after.sums != proof.sums:
            found += 1
        else:
            assert pq.read_table(path).equals(whole), f"bit {bit}"
            assert used(path) == footer, f"bit {bit}"
    assert found > 0.75 * FLIPS


@pytest.mark.parametrize("way", ["records", "scan", "rows", "rewrite"])
def test_no_reader_takes_a_flipped_bit_for_a_value(way: str, tmp_path: Path) -> None:
    """Whoever reads a data file gets one error that names it, and what to do."""
    folder = tmp_path / "traffic"
    definition = TABLES["traffic"]
    create_table(str(folder), definition.arrow_schema, definition.indexed)
    file = written(folder, "traffic")
    exchange_files(str(folder), [file])
    path = folder / file.name
    page = pq.read_metadata(path).row_group(0).column(60)
    content = path.read_bytes()
    middle = page.data_page_offset + page.total_compressed_size // 2
    path.write_bytes(flip(content, 8 * middle))
    ways = {
        "records": lambda: [
            *read_batches(row_groups([str(path)]), FEATURES, {"file_id": [TEXTS["file_id"]]}, ())
        ],
        "scan": lambda: [*scan(str(folder), [*FEATURES], {})],
        "rows": lambda: read_rows(str(folder), [*FEATURES], {}),
        "rewrite": lambda: rewritten(
            *([str(path)], rows_where(file_id=TEXTS["file_id"])),
            *(definition.arrow_schema, definition.indexed),
        ),
    }
    with pytest.raises(DamagedFileError) as raised:
        ways[way]()
    told = str(raised.value)
    assert told.startswith(f"the data file {path} is damaged: its content is not what was written")
    assert "restore it from a backup, and run verify" in told
    path.write_bytes(content)
    ways[way]()


def test_a_lost_file_and_a_lost_column_are_named(tmp_path: Path) -> None:
    """A file that is gone, or that lacks a column, is told by its name."""
    file = written(tmp_path, "traffic")
    path = tmp_path / file.name
    rows = pq.read_table(path)
    pq.write_table(rows.drop_columns(["H_L1_mean"]), path)
    where = {"file_id": [TEXTS["file_id"]]}
    with pytest.raises(DamagedFileError, match=r"lacks the columns \['H_L1_mean'\]"):
        list(read_batches(row_groups([str(path)]), FEATURES, where, ()))
    path.unlink()
    with pytest.raises(DamagedFileError, match="is not there"):
        row_groups([str(path)])


def test_compacted_files_have_the_same_sum(tmp_path: Path) -> None:
    """Pages without checksums, as delta-rs writes them, are read and summed up to the same."""
    folder, definition = tmp_path / "traffic", TABLES["traffic"]
    create_table(str(folder), definition.arrow_schema, definition.indexed)
    files = [written(folder, "traffic") for _ in range(2)]
    exchange_files(str(folder), files)
    DeltaTable(folder).optimize.compact()
    (path,) = data_files(str(folder), {})
    proof = prove_file(path, definition.arrow_schema, BY["traffic"])
    assert not proof.faults
    (found,) = proof.sums.values()
    assert found.records_hash % 2**64 == 2 * next(iter(files[0].hash_of_file.values())) % 2**64
