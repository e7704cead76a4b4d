"""Flagged records to ``explanations`` and ``incidents``: what a model flagged, and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from iotscore.detect.vote_windows import VoteWindows
from iotscore.explain.explanation import explain as explain_records
from iotscore.explain.incidents import READ, file_incidents
from iotscore.features import FEATURES, HYBRID, SEVERITY, flag_column, score_column
from iotscore.sampling.fraction import fraction_cutoffs, within
from iotscore.scoring.batch_minmax import current_calibration
from iotscore.scoring.ledger import pending, scored_now
from iotscore.warehouse.broadcast import broadcast_model
from iotscore.warehouse.records import records_of
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES
from iotscore.warehouse.selection import Selection
from iotscore.warehouse.side_outputs import SideOutput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iotscore.detect.calibration.linear import ScoreCalibration
    from iotscore.detect.model import Model
    from iotscore.models.context import Context
    from iotscore.scoring.ledger import PendingFiles
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.selection import Condition

    Calibration = tuple[Mapping[str, ScoreCalibration], Mapping[str, float]]
    """Calibrations by detector and thresholds, for a model that holds none."""

_STAMP: Final = ("run_id", "found_at")
_UNSTAMPED: Final = pa.schema(
    [field for field in TABLES["incidents"].arrow_schema if field.name not in _STAMP]
)


@dataclass(frozen=True)
class ExplainResult:
    """The files and flagged records that were explained now, and the incidents that they make.

    ``prepared`` is how many of the files were explained while they were scored.
    """

    model_version: str
    files: int = 0
    rows: int = 0
    incidents: int = 0
    prepared: int = 0

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        return {
            "model_version": self.model_version,
            "files": self.files,
            "incidents": self.incidents,
            "prepared": self.prepared,
        }


def explain(context: Context, default_window: int) -> ExplainResult:
    """Explain every record that a model flagged and that is not explained yet.

    Explanations are committed first, then the incidents that they make, and the ledger
    ``explained_files`` last. Records that nobody flagged cost their scoring and nothing else.

    ``default_window`` is how many records vote on an incident, for a model that learned no windows.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    stored = context.stored
    files = _unexplained_files(context)
    if not files.rows:
        return ExplainResult(stored.version)
    written, ready = _write(context, files)
    rows = {file_id: each.rows for file_id, each in written.items()}
    windows = stored.model.votes or VoteWindows.same(default_window)
    incidents = write_incidents(context, windows, files, rows)
    _record_explained(context, files, rows)
    explained = sum(rows.values())
    return ExplainResult(stored.version, len(files.rows), explained, incidents, ready)


def _unexplained_files(context: Context) -> PendingFiles:
    """Return the scored files of which a model's flags are not explained.

    Every new file moves the flags of all files of a ``batch_minmax`` model, so all are new again.
    """
    warehouse, stored, present = context.warehouse, context.stored, context.ingested
    # Of scores that have expired there is nothing to explain any more.
    scored = scored_now(warehouse, stored.version, present, with_expired=False)
    entries = warehouse.rows("explained_files", ["file_id", "model_version", "sha256"])
    stale = frozenset(
        entry["file_id"]
        for entry in entries
        if entry["file_id"] in scored and entry["sha256"] != present[entry["file_id"]]["sha256"]
    )
    explained = {row["file_id"] for row in entries if row["model_version"] == stored.version}
    wanted = scored - (explained - stale)
    return pending(context, scored if wanted and stored.is_batch_minmax else wanted, stale)


def _record_explained(context: Context, files: PendingFiles, rows: Mapping[str, int]) -> None:
    """Write that files are explained, those without a flagged record too."""
    common = {
        "model_version": files.model_version,
        "run_id": context.run_id,
        "explained_at": datetime.now(UTC),
    }
    entries = [
        {"file_id": file, "rows_explained": rows.get(file, 0), "sha256": checksum, **common}
        for file, checksum in files.checksums.items()
    ]
    context.warehouse.replace("explained_files", entries, files.of_all())


def explain_ahead(
    context: Context,
    files: PendingFiles,  # noqa: ARG001 - a companion of score
    load_model: Callable[[], Model],
) -> SideOutput:
    """Return what a pass that scores records makes of them for :func:`explain`."""

    def load() -> Callable[[pa.Table, pa.Table], pa.Table]:
        model = load_model()
        return lambda records, scores: _explained(model, records, scores)

    return SideOutput("explain", load, "explanations", _stamp(context))


def _stamp(context: Context) -> dict[str, Any]:
    return {
        "model_version": context.stored.version,
        "run_id": context.run_id,
        "explained_at": datetime.now(UTC),
    }


def _write(context: Context, files: PendingFiles) -> tuple[dict[str, RecordSum], int]:
    """Write why records are flagged; return what was written and how many files were prepared."""
    replacing = files.of_all() if context.stored.is_batch_minmax else files.of_stale()
    ahead = context.prepared("explain", files.contents)
    if ahead is None:
        return _explain(context, files, replacing), 0
    written = ahead.prepared.commit(replacing)
    if (others := files.without(ahead.file_ids)).rows:
        written |= _explain(context, others, None)
    return written, len(ahead.contents)


def _explain(
    context: Context, files: PendingFiles, replacing: Condition | None
) -> dict[str, RecordSum]:
    """Write why records are flagged, by a pass over them.

    Records are scored again rather than joined with ``scores``: that takes 3 microseconds each,
    and the scores are the same to the last bit.
    """
    warehouse, stored = context.warehouse, context.stored
    plan = stored.split
    cutoffs = fraction_cutoffs(warehouse, files.where, plan)
    calibration = current_calibration(context) if stored.is_batch_minmax else None
    chosen = Selection(
        "traffic", (*RECORD_COLUMNS, *FEATURES), files.where, sum(files.rows.values())
    )
    with broadcast_model(warehouse.spark, stored.bundle, stored.version) as load_model:

        def load() -> Callable[[pa.Table], pa.Table]:
            model = load_model()
            if calibration is not None:
                calibrations, thresholds = calibration
                model = replace(model, calibrations=calibrations, thresholds=dict(thresholds))

            def made(records: pa.Table) -> pa.Table:
                rows = within(cutoffs, plan.seed, records)
                return _explained(model, rows, pa.table(model.score(*records_of(rows))))

            return made

        done = warehouse.map_records(
            chosen,
            load,
            "explanations",
            _stamp(context),
            doing="explain",
            replacing=replacing,
        )
    return done.sums


def write_incidents(
    context: Context, windows: VoteWindows, files: PendingFiles, rows: Mapping[str, int]
) -> int:
    """Write the incidents of files whose flagged records have just been explained; return how many.

    They are written in one commit, in which earlier incidents of these files go, and all of
    earlier contents. The ledger ``explained_files`` need not name the files yet, and explanations
    of other runs do not count.

    Parameters
    ----------
    rows
        Rows that the run wrote to ``explanations``, by file; absent means none.
    """
    warehouse, version = context.warehouse, context.stored.version
    explained = {file_id: count for file_id, count in rows.items() if count}
    if not explained:
        warehouse.delete("incidents", files.of_all().sql())
        return 0
    where = {"model_version": [version], "run_id": [context.run_id], "file_id": sorted(explained)}
    share = context.stored.split.fraction

    def of_file(flagged: pa.Table) -> pa.Table:
        found = file_incidents(flagged, version, windows, share)
        return found.select(_UNSTAMPED.names).cast(_UNSTAMPED)

    chosen = Selection("explanations", READ, where, sum(explained.values()))
    found = pa.concat_tables(warehouse.fold_files(chosen, of_file))
    stamp = {"run_id": context.run_id, "found_at": datetime.now(UTC)}
    stamped = [row | stamp for row in found.to_pylist()]
    warehouse.replace("incidents", stamped, files.of_all())
    return len(stamped)


def _explained(model: Model, records: pa.Table, scores: pa.Table) -> pa.Table:
    """Return the columns of ``explanations`` of the flagged records, without the stamp."""
    flag, given = flag_column(HYBRID), scores.column_names
    none = np.zeros(len(records), np.bool_)
    is_flagged = scores.column(flag).to_numpy() if flag in given else none
    flagged = pa.array(np.flatnonzero(is_flagged))
    rows = records.take(flagged)
    columns = {name: rows.column(name) for name in RECORD_COLUMNS}
    for name in (score_column(HYBRID), SEVERITY):
        is_given = name in given
        columns[name] = scores.column(name).take(flagged) if is_given else pa.nulls(len(rows))
    raw = {
        name: scores.column(score_column(name)).to_numpy()[is_flagged] for name in model.detectors
    }
    explanations = explain_records(model, *records_of(rows), raw)
    return pa.table(columns | explanations.to_columns())
