"""What the checks compare: ledgers as they are, every other table counted once."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from iotscore.errors import WarehouseError
from iotscore.runs.run_log import unfinished
from iotscore.runs.undo import versions_before
from iotscore.verify.key_counts import count_bins, count_keys
from iotscore.warehouse.file_status import INGESTED
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark.sql import DataFrame

    from iotscore.verify.key_counts import Keys
    from iotscore.warehouse.record_sums import Sums
    from iotscore.warehouse.warehouse import Warehouse

PROVED: Final = {
    "traffic": ("file_id", "ingest_run"),
    "scores": ("model_version", "file_id", "run_id"),
}
"""The tables whose every value is read, and by what their rows are summed up."""

READ_ERRORS: Final = (WarehouseError, PySparkException, Py4JJavaError, pa.ArrowException, OSError)
"""What reading a damaged table raises."""

_COUNTED: Final = (
    # attribute of Evidence, table, whether its rows are lines or whole files, by what
    ("traffic", "traffic", True, ("file_id", "ingest_run")),
    ("quarantine", "quarantine", True, ("file_id", "run_id")),
    ("refusals", "quarantine", False, ("file_id", "run_id")),
    ("scores", "scores", True, ("model_version", "file_id", "run_id")),
    ("explanations", "explanations", True, ("model_version", "file_id", "run_id")),
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
    before = found.settled.before
    for attribute, table, are_lines, by in _COUNTED:
        if table in present:
            count = partial(count_keys, warehouse, table, by, before.get(table))
            fill(attribute, table, partial(count, are_lines=are_lines))
    if "score_histogram" in present:
        at = before.get("score_histogram")
        fill("bins", "score_histogram", partial(count_bins, warehouse, at))
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
