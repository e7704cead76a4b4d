"""What the checks compare: ledgers as they are, every other table counted once by Spark."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from iotscore.errors import WarehouseError
from iotscore.features import KEY
from iotscore.runs.run_log import unfinished
from iotscore.runs.undo import versions_before
from iotscore.warehouse.file_status import INGESTED
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import Column, DataFrame

    from iotscore.warehouse.record_sums import Sums
    from iotscore.warehouse.warehouse import Warehouse

PROVED: Final = {
    "traffic": ("file_id", "ingest_run"),
    "scores": ("model_version", "file_id", "run_id"),
}
"""The tables whose every value is read, and by what their rows are summed up."""

SEED: Final = 20_260_101
"""Seed of the hash that digests keys; no model's split uses it."""

READ_ERRORS: Final = (WarehouseError, PySparkException, Py4JJavaError, pa.ArrowException, OSError)
"""What reading a damaged table raises."""

_COUNTED: Final = (
    # attribute of Evidence, table, which rows, by what
    ("traffic", "traffic", "true", ("file_id", "ingest_run")),
    ("quarantine", "quarantine", "row_no IS NOT NULL", ("file_id", "run_id")),
    ("refusals", "quarantine", "row_no IS NULL", ("file_id", "run_id")),
    ("scores", "scores", "true", ("model_version", "file_id", "run_id")),
    ("explanations", "explanations", "true", ("model_version", "file_id", "run_id")),
)


@dataclass(frozen=True)
class Keys:
    """The rows of a file in a table, with the smallest and the largest row number.

    The digest is the XOR of the hashes of all keys. If as many rows are there as distinct ones are
    needed, and not the same ones, the digests differ but for a chance of 1 in 2^64.
    """

    rows: int = 0
    low: int | None = None
    high: int | None = None
    digest: int | None = None

    def __add__(self, other: Keys) -> Keys:
        """Return the rows of both together."""
        if not self.rows or not other.rows:
            return other if other.rows else self
        return Keys(
            self.rows + other.rows,
            min(self.low or 0, other.low or 0),
            max(self.high or 0, other.high or 0),
            (self.digest or 0) ^ (other.digest or 0),
        )


@dataclass(frozen=True)
class Settled:
    """Reads tables, those of killed stages at the versions that the next run restores."""

    warehouse: Warehouse
    before: Mapping[str, int]

    def read(self, table: str) -> DataFrame:
        """Return a table."""
        return self.warehouse.read(table, self.before.get(table))


@dataclass
class Evidence:
    """All that is known about a warehouse.

    Attributes
    ----------
    settled
        The warehouse without what killed runs left half done.
    faults
        By table: why it cannot be read. What it should have told is empty then.
    files
        Number of data files that were looked up.
    runs, ledger, scored, explained
        Rows of ``runs``, ``ingest_files``, ``scored_files`` and ``explained_files``.
    traffic, quarantine, refusals
        Rows by file and run. Those of ``quarantine`` are lines; ``refusals`` are its rows that
        stand for a whole file.
    scores, explanations
        Rows by model version, file and run.
    bins
        Records in ``score_histogram`` by model version, file and detector.
    sums
        By table of :data:`iotscore..PROVED`: rows and hash sum.
    """

    settled: Settled
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    files: int | None = None
    runs: list[dict[str, Any]] = field(default_factory=list)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    scored: list[dict[str, Any]] = field(default_factory=list)
    explained: list[dict[str, Any]] = field(default_factory=list)
    traffic: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    quarantine: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    refusals: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    scores: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    explanations: dict[tuple[str, ...], Keys] = field(default_factory=dict)
    bins: dict[tuple[str, ...], int] = field(default_factory=dict)
    sums: dict[str, Sums] = field(default_factory=dict)

    @cached_property
    def names(self) -> dict[str, str]:
        """Path below the landing folder, by file id."""
        return {row["file_id"]: row["source_file"] for row in self.ledger}

    @cached_property
    def ingested(self) -> dict[str, dict[str, Any]]:
        """The rows of the ledger whose records are in ``traffic``, by file id."""
        return {row["file_id"]: row for row in self.ledger if row["status"] == INGESTED}

    def is_void(self, scored: dict[str, Any]) -> bool:
        """Say whether a row of ``scored_files`` is of an earlier content of its file."""
        row = self.ingested.get(scored["file_id"])
        return row is not None and scored["sha256"] not in (None, row["sha256"])


def gather(warehouse: Warehouse, version: str | None) -> Evidence:
    """Read a warehouse, of one model version or all: each table once, and as much as can be read.

    Raises
    ------
    WarehouseError
        There is no table that can be read.
    """
    found = Evidence(Settled(warehouse, {}))
    present = _look_up(warehouse, found)
    if not present:
        faults = [fault for told in found.faults.values() for fault in told]
        message = faults[0] if faults else f"there is no table in {warehouse.root}"
        message += "; give --warehouse the folder that a job has written"
        raise WarehouseError(message)
    if "runs" not in present and not found.faults["runs"]:
        found.faults["runs"].append("runs is not there, and every job writes it; restore it")
    of_model = {} if version is None else {"model_version": version}
    fill = partial(_fill, found)
    fill("runs", "runs", lambda: warehouse.rows("runs"))
    fill("ledger", "ingest_files", lambda: warehouse.rows("ingest_files"))
    fill("scored", "scored_files", lambda: warehouse.rows("scored_files", **of_model))
    fill("explained", "explained_files", lambda: warehouse.rows("explained_files", **of_model))
    open_ = unfinished(found.runs)
    fill("settled", "runs", lambda: Settled(warehouse, _versions_to_read(warehouse, open_)))
    for table in sorted(present & PROVED.keys()):
        _prove(found, table)
    for attribute, table, condition, by in _COUNTED:
        if table in present:
            fill(attribute, table, partial(_keys, found.settled, table, condition, by))
    if "score_histogram" in present:
        fill("bins", "score_histogram", partial(_bins, found.settled))
    if version is not None:
        for counted in (found.scores, found.explanations, found.bins):
            for other in [key for key in counted if key[0] != version]:
                del counted[other]
    return found


def _versions_to_read(warehouse: Warehouse, starts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the versions that tables must go back to, from the starts of stages without an end.

    The newest comes first; of a table the oldest start counts.
    """
    before: dict[str, int] = {}
    for start in starts:
        for table, version in versions_before(warehouse, start).items():
            if warehouse.exists(table):
                before[table] = version or 0
    return before


def _look_up(warehouse: Warehouse, found: Evidence) -> set[str]:
    """Return the tables that can be opened; compare their data files with the disk, if local."""
    present = set()
    for table in TABLES:
        try:
            if not warehouse.exists(table):
                continue
            files = warehouse.check_data_files(table)
        except READ_ERRORS as error:
            found.faults[table].append(f"{table} cannot be opened: {first_line(error)}")
            continue
        present.add(table)
        if files.files is not None:
            found.files = (found.files or 0) + files.files
        empty = (f"{table}/_delta_log/{name}: 0 bytes" for name in files.empty_commits)
        found.faults[table] += [*empty, *(f"{table}/{file}" for file in files.lost)]
    return present


def _prove(found: Evidence, table: str) -> None:
    """Read every value of a table, also if a data file of it is lost: others may be damaged."""
    settled = found.settled
    try:
        proof = settled.warehouse.prove(table, PROVED[table], settled.before.get(table))
    except READ_ERRORS as error:
        found.faults[table].append(f"{table} cannot be read: {first_line(error)}")
        return
    found.sums[table] = proof.sums
    found.faults[table] += proof.faults


def _fill(found: Evidence, attribute: str, table: str, read: Callable[[], Any]) -> None:
    """Keep what is read of a table, unless it is known that it cannot be read, or turns out so."""
    if found.faults[table]:
        return
    try:
        setattr(found, attribute, read())
    except READ_ERRORS as error:
        found.faults[table].append(f"{table} cannot be read: {first_line(error)}")


def first_line(error: Exception) -> str:
    """Return what an error says first; of Spark's the line with its condition in brackets."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    told = next((line for line in lines if re.search(r"\[[A-Z_.]+\]", line)), lines[0])
    return told[max(told.find("["), 0) :][:300]


def _keys(
    settled: Settled, table: str, condition: str, by: Sequence[str]
) -> dict[tuple[str, ...], Keys]:
    """Count the rows of a table that meet a condition."""
    return keys_by(settled.read(table).where(condition), by)


def keys_by(records: DataFrame, by: Sequence[str]) -> dict[tuple[str, ...], Keys]:
    """Count records by some columns."""
    grouped = records.groupBy(*by).agg(
        F.count(F.lit(1)).alias("n"),
        F.min("row_no").alias("low"),
        F.max("row_no").alias("high"),
        F.bit_xor(record_hash(SEED)).alias("digest"),
    )
    return {
        tuple(row[name] for name in by): Keys(row.n, row.low, row.high, row.digest)
        for row in grouped.collect()
    }


def _bins(settled: Settled) -> dict[tuple[str, ...], int]:
    by = ("model_version", "file_id", "detector")
    grouped = settled.read("score_histogram").groupBy(*by).agg(F.sum("rows").alias("n"))
    return {tuple(row[name] for name in by): row.n for row in grouped.collect()}


def record_hash(seed: int) -> Column:
    """Return a 64-bit hash of the record's key, evenly spread over all signed integers."""
    return F.xxhash64(F.lit(seed), *map(F.col, KEY))
