"""Records of ``traffic``, read from its data files in batches, without Spark."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.features import FEATURES, UNKNOWN_DEVICE
from iotscore.sampling.record_hash import record_hashes
from iotscore.sampling.splits import split_codes
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file, reading

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt
    import pyarrow.parquet as pq

    from iotscore.sampling.splits import SplitPlan


class Records(NamedTuple):
    """What a model needs of some records: features, float64 (n_rows, 115), and device, int64."""

    features: npt.NDArray[np.float64]
    devices: npt.NDArray[np.int64]


class RowGroup(NamedTuple):
    """A row group of a data file: what is read at a time, and its size."""

    path: str
    group: int
    rows: int


def row_groups(paths: Sequence[str], label: int | None = None) -> list[RowGroup]:
    """Return the row groups of some data files, in order.

    With a label only those are returned that may hold records of it.
    """
    found = []
    for path in paths:
        metadata = open_file(path).metadata
        with reading(path):
            for number in range(metadata.num_row_groups):
                group = metadata.row_group(number)
                if label is None or _may_hold(group, label):
                    found.append(RowGroup(path, number, group.num_rows))
    return found


def _may_hold(group: pq.RowGroupMetaData, label: int) -> bool:
    columns = (group.column(place) for place in range(group.num_columns))
    for column in columns:
        is_label = (column.path_in_schema, column.physical_type) == ("label", "INT32")
        if is_label and column.is_stats_set:
            found = column.statistics
            return bool(not found.has_min_max or found.min <= label <= found.max)
    return True


def read_batches(
    groups: Sequence[RowGroup],
    described_by: Sequence[str],
    wanted: pa.Array,
    batch_rows: int,
    features: Sequence[str] = FEATURES,
) -> Iterator[pa.Table]:
    """Yield features and descriptions of the records of some files, texts as dictionaries.

    Parameters
    ----------
    groups
        Where to read.
    described_by
        Columns besides the features, ``file_id`` among them.
    wanted
        Ids of the files whose records are wanted.
    batch_rows
        Most rows of a batch.
    features
        Those to read.
    """
    columns = [*described_by, *features]
    for path, of_file in groupby(groups, key=attrgetter("path")):
        source = open_file(path, columns, described_by, memory_map=True)
        wanted_groups = [each.group for each in of_file]
        for batch in batches(source, path, batch_rows, row_groups=wanted_groups, columns=columns):
            is_wanted = pc.is_in(batch.column("file_id"), value_set=wanted)
            rows = pa.Table.from_batches([batch])
            yield rows if pc.all(is_wanted).as_py() else rows.filter(is_wanted)


def record_splits(plan: SplitPlan, rows: pa.Table) -> npt.NDArray[np.int8]:
    """Return what each record was to a model: its position in :data:`iotscore.sampling.splits.SPLITS`.

    Parameters
    ----------
    plan
        What the model was trained by.
    rows
        Records as :func:`read_batches` yields them, with ``file_id``, ``row_no`` and ``label``.
    """
    row_no = rows.column("row_no").to_numpy()
    is_labelled = rows.column("label").is_valid().to_numpy()
    found = np.empty(rows.num_rows, dtype=np.int8)
    for file_id, mine in _by_file(rows):
        first = bool(is_labelled[mine][0])
        found[mine] = split_codes(plan, file_id, row_no[mine], is_labelled=first)
    return found


def record_hashes_of(seed: int, rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the hash of each record's key, see :mod:`iotscore.sampling.record_hash`."""
    row_no = rows.column("row_no").to_numpy()
    found = np.empty(rows.num_rows, dtype=np.int64)
    for file_id, mine in _by_file(rows):
        found[mine] = record_hashes(seed, file_id, row_no[mine])
    return found


def _by_file(rows: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield each file id among some records, and which of them are its."""
    files = rows.column("file_id").combine_chunks()
    codes = files.indices.to_numpy()
    for code in np.unique(codes):
        yield files.dictionary[int(code)].as_py(), codes == code


def records_of(rows: pa.Table | pa.RecordBatch) -> Records:
    """Return features and device numbers of some records."""
    return Records(feature_matrix(rows), device_numbers(rows))


def device_numbers(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the number of each record's device, -1 if it has none."""
    known = pc.fill_null(rows.column("device_id").cast(pa.int64()), UNKNOWN_DEVICE)
    numbers: npt.NDArray[np.int64] = known.to_numpy()
    return numbers


def feature_matrix(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float64]:
    """Return the features of some records, see :func:`column_matrix`."""
    return column_matrix(rows, FEATURES)


def column_matrix(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return columns as float64 of shape (n_rows, n_names).

    Columns are contiguous in it, as they come from Arrow: copying them so and leaving the
    transposition to the scaler, which works on blocks in cache, is the quickest way.
    """
    columns = np.empty((len(names), rows.num_rows))
    for position, name in enumerate(names):
        columns[position] = rows.column(name).to_numpy()
    return columns.T
