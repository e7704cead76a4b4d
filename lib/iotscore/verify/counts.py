"""Checks that compare counts: ledgers with themselves and with the tables they speak of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from iotscore.features import HYBRID
from iotscore.sampling.fraction import rows_due
from iotscore.verify.key_counts import Keys
from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from iotscore.sampling.splits import SplitPlan
    from iotscore.verify.snapshot import Evidence

Place: TypeAlias = tuple[str, ...]
"""Model version, if there is one, file and run."""

_NOTHING: Final = Keys()


def ledger_faults(found: Evidence) -> Iterator[str]:
    """Compare the numbers of ``ingest_files`` with one another."""
    for row in found.ledger:
        if row["rows_read"] != row["rows_accepted"] + row["rows_quarantined"]:
            yield (
                f"{row['source_file']}: {row['rows_read']} lines read, {row['rows_accepted']} "
                f"accepted + {row['rows_quarantined']} quarantined"
            )
    for row in found.ingested.values():
        if row["rows_expected"] not in (None, row["rows_read"]):
            yield (
                f"{row['source_file']}: {row['rows_read']} lines read, data_summary.csv said "
                f"{row['rows_expected']}"
            )
    ingested = (row["file_id"] for row in found.ledger if row["status"] == INGESTED)
    yield from _repeated("ingested", ingested, found.names)


def _repeated(done: str, file_ids: Iterable[str], names: Mapping[str, str]) -> Iterator[str]:
    for file_id, times in Counter(file_ids).items():
        if times > 1:
            yield f"{names.get(file_id, file_id)}: {done} {times} times, needed once"


def traffic_faults(found: Evidence) -> Iterator[str]:
    """Compare rows of ``traffic`` with those that the ledger accepted."""
    accepted = _of_ingested(found, "rows_accepted")
    yield from _differences(accepted, found.traffic, found.names, "accepted", "traffic")


def quarantine_faults(found: Evidence) -> Iterator[str]:
    """Compare rows of ``quarantine`` with what the ledger refused: lines, and whole files."""
    lines = _of_ingested(found, "rows_quarantined")
    yield from _differences(lines, found.quarantine, found.names, "lines refused", "quarantine")
    files: dict[Place, int] = {
        (row["file_id"], row["run_id"]): 1 for row in found.ledger if row["status"] == REFUSED
    }
    yield from _differences(files, found.refusals, found.names, "file refused", "quarantine")


def _of_ingested(found: Evidence, column: str) -> dict[Place, int]:
    return {(row["file_id"], row["run_id"]): row[column] for row in found.ingested.values()}


def _differences(
    needed: Mapping[Place, int],
    there: Mapping[Place, Keys],
    names: Mapping[str, str],
    counted: str,
    table: str,
) -> Iterator[str]:
    """Compare counts by keys that end in file and run."""
    for key, rows in needed.items():
        held = there.get(key, _NOTHING).rows
        if held != rows:
            yield f"{named(key, names)}: {rows} {counted}, {held} in {table}"
    for key, keys in there.items():
        if key not in needed:
            where = f"{table} of the run {key[-1]}"
            yield f"{named(key, names)}: {keys.rows} rows in {where}, which no ledger has"


def named(key: Place, names: Mapping[str, str]) -> str:
    """Return a file's path, behind the model version if the key has one."""
    *model, file_id, _ = key
    return " ".join([*(f"model {version}," for version in model), names.get(file_id, file_id)])


def scores_faults(found: Evidence, plans: Mapping[str, SplitPlan]) -> Iterator[str]:
    """Compare rows of ``scores`` with ``scored_files``, and that with the records there are.

    Of a model version without a plan the records are not known.
    """
    yield from _result_faults(found.scored, found.scores, found.names, "scored", "scores")
    for row in found.scored:
        version, file_id = row["model_version"], row["file_id"]
        if version not in plans or found.is_void(row):
            continue
        if file_id not in found.ingested:
            yield f"model {version}, {file_id}: scored, but not ingested"
            continue
        accepted = found.ingested[file_id]["rows_accepted"]
        if row["rows_scored"] != (due := rows_due(accepted, plans[version].fraction)):
            yield (
                f"model {version}, {found.names[file_id]}: {row['rows_scored']} scored, needed "
                f"{due} of {accepted} accepted"
            )


def explanations_faults(found: Evidence) -> Iterator[str]:
    """Compare rows of ``explanations`` with ``explained_files``."""
    there, names = found.explanations, found.names
    yield from _result_faults(found.explained, there, names, "explained", "explanations")


def _result_faults(
    ledger: Sequence[dict[str, Any]],
    there: Mapping[Place, Keys],
    names: Mapping[str, str],
    done: str,
    table: str,
) -> Iterator[str]:
    """Compare what models made of files with its ledger, which names each file once per model."""
    needed: dict[Place, int] = {}
    files: dict[str, list[str]] = {}
    for row in ledger:
        version, file_id = row["model_version"], row["file_id"]
        files.setdefault(version, []).append(file_id)
        key = (version, file_id, row["run_id"])
        # Until the last row that has expired is deleted, all are needed.
        if row["expired_at"] is None or key in there:
            needed[key] = row[f"rows_{done}"]
    yield from _differences(needed, there, names, done, table)
    for version in sorted(files):
        yield from _repeated(f"{done} by model {version}", files[version], names)


def histogram_faults(found: Evidence, detectors: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Compare records counted in ``score_histogram`` with those scored.

    A file that no evaluation has counted yet is no fault. Detectors are by model version.
    """
    scored = {(row["model_version"], row["file_id"]): row["rows_scored"] for row in found.scored}
    counted_files = {(version, file_id) for version, file_id, _ in found.bins}
    by_name = sorted(counted_files, key=lambda key: (key[0], found.names.get(key[1], key[1])))
    for version, file_id in by_name:
        rows = scored.get((version, file_id), 0)
        for name in (*detectors.get(version, ()), HYBRID):
            counted = found.bins.get((version, file_id, name), 0)
            if counted != rows:
                yield (
                    f"model {version}, {found.names.get(file_id, file_id)}: {rows} scored, "
                    f"{counted} in score_histogram for {name}"
                )
