"""Checks that compare counts: ledgers with themselves and with the tables they speak of."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeAlias

from iotscore.features import HYBRID
from iotscore.sampling.fraction import rows_due
from iotscore.verify.snapshot import Keys
from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iotscore.sampling.splits import SplitPlan
    from iotscore.verify.snapshot import Evidence

Place: TypeAlias = tuple[str, ...]
"""Model version, if there is one, file and run."""

_NOTHING = Keys()


def ledger_faults(found: Evidence) -> Iterator[str]:
    """Compare the numbers of ``ingest_files`` with one another."""
    for row in found.ledger:
        name = row["source_file"]
        if row["rows_read"] != row["rows_accepted"] + row["rows_quarantined"]:
            yield (
                f"{name}: {row['rows_read']} lines read, {row['rows_accepted']} accepted + "
                f"{row['rows_quarantined']} quarantined"
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
    accepted: dict[Place, int] = {
        (row["file_id"], row["run_id"]): row["rows_accepted"] for row in found.ingested.values()
    }
    yield from _differences(accepted, found.traffic, found.names, "accepted", "traffic")


def quarantine_faults(found: Evidence) -> Iterator[str]:
    """Compare rows of ``quarantine`` with what the ledger refused: lines, and whole files."""
    lines: dict[Place, int] = {
        (row["file_id"], row["run_id"]): row["rows_quarantined"] for row in found.ingested.values()
    }
    yield from _differences(lines, found.quarantine, found.names, "lines refused", "quarantine")
    files: dict[Place, int] = {
        (row["file_id"], row["run_id"]): 1 for row in found.ledger if row["status"] == REFUSED
    }
    yield from _differences(files, found.refusals, found.names, "file refused", "quarantine")


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
            yield f"{_named(key, names)}: {rows} {counted}, {held} in {table}"
    for key, keys in there.items():
        if key not in needed:
            yield (
                f"{_named(key, names)}: {keys.rows} rows in {table} of the run {key[-1]}, which no "
                "ledger has"
            )


def _named(key: Place, names: Mapping[str, str]) -> str:
    *model, file_id, _ = key
    return " ".join([*(f"model {version}," for version in model), names.get(file_id, file_id)])


def scores_faults(found: Evidence, plans: Mapping[str, SplitPlan]) -> Iterator[str]:
    """Compare rows of ``scores`` with ``scored_files``, and that with the records there are.

    Parameters
    ----------
    found
        The warehouse.
    plans
        By model version; of a version without one the records are not known.
    """
    scored: dict[Place, int] = {
        (row["model_version"], row["file_id"], row["run_id"]): row["rows_scored"]
        for row in _kept(found.scored, found.scores)
    }
    yield from _differences(scored, found.scores, found.names, "scored", "scores")
    for version in sorted({row["model_version"] for row in found.scored}):
        mine = (row["file_id"] for row in found.scored if row["model_version"] == version)
        yield from _repeated(f"scored by model {version}", mine, found.names)
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


def _kept(
    ledger: Iterable[dict[str, Any]], there: Mapping[Place, Keys]
) -> Iterator[dict[str, Any]]:
    """Leave out entries whose rows have expired; until the last one is deleted, all are needed."""
    for row in ledger:
        key = (row["model_version"], row["file_id"], row["run_id"])
        if row["expired_at"] is None or key in there:
            yield row


def explanations_faults(found: Evidence) -> Iterator[str]:
    """Compare rows of ``explanations`` with ``explained_files``."""
    explained: dict[Place, int] = {
        (row["model_version"], row["file_id"], row["run_id"]): row["rows_explained"]
        for row in _kept(found.explained, found.explanations)
    }
    yield from _differences(explained, found.explanations, found.names, "explained", "explanations")
    for version in sorted({row["model_version"] for row in found.explained}):
        mine = (row["file_id"] for row in found.explained if row["model_version"] == version)
        yield from _repeated(f"explained by model {version}", mine, found.names)


def histogram_faults(found: Evidence, detectors: Mapping[str, Iterable[str]]) -> Iterator[str]:
    """Compare records counted in ``score_histogram`` with those scored.

    Parameters
    ----------
    found
        The warehouse. A file that no evaluation has counted yet is no fault.
    detectors
        By model version.
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
