"""``traffic`` and a model to ``scores``: every record that the model has not scored yet, once."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.features import FEATURES, HYBRID, flag_column
from iotscore.landing.event_days import EVERY_DAY, Days
from iotscore.models.context import Ahead
from iotscore.sampling.fraction import fraction_cutoffs, rows_due, within
from iotscore.sampling.splits import SPLITS, SplitPlan, record_splits
from iotscore.scoring.batch_minmax import rescale_scores
from iotscore.scoring.ledger import record_scored, unscored_files
from iotscore.warehouse.broadcast import broadcast_model
from iotscore.warehouse.records import records_of
from iotscore.warehouse.schemas import RECORD_COLUMNS, STAGING
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from iotscore.detect.model import Model
    from iotscore.evaluation.options import EvaluateOptions
    from iotscore.models.context import Context
    from iotscore.sampling.fraction import Cutoffs
    from iotscore.scoring.ledger import PendingFiles
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.side_outputs import SideOutput

    Companion = Callable[[Context, PendingFiles, Callable[[], Model]], SideOutput]


@dataclass(frozen=True)
class ScoreResult:
    """What a model has scored now.

    Attributes
    ----------
    flagged_records
        How many records the hybrid score flags.
    scaling
        What a ``batch_minmax`` model was rescaled by; empty otherwise.
    prepared
        Stages for which the pass over the records has prepared all that they need of them.
    """

    model_version: str
    files: int = 0
    rows: int = 0
    flagged_records: int = 0
    scaling: Mapping[str, Any] = field(default_factory=dict)
    prepared: tuple[str, ...] = ()

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        return {
            "model_version": self.model_version,
            "files": self.files,
            "flagged": self.flagged_records,
            "alerts": self.flagged_records,  # its earlier name, for one more version
            "prepared": list(self.prepared),
            **self.scaling,
        }


def score(
    context: Context,
    options: EvaluateOptions,
    days: Days = EVERY_DAY,
    ahead: Sequence[Companion] = (),
) -> ScoreResult:
    """Score what a model has not scored yet.

    Scores are committed first and the ledger ``scored_files`` last. Rows that were scored from an
    earlier content of a file make room for the new ones in the same commit.

    Parameters
    ----------
    options
        How ``batch_minmax`` models choose their thresholds.
    days
        Whose files are scored.
    ahead
        What the pass is to prepare for stages that follow in the same job; the context keeps it.
        Nothing is prepared where not each record is scored, or scores change afterwards.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    stored = context.stored
    files = unscored_files(context, days)
    if not files.rows:
        return ScoreResult(stored.version)
    scaling: dict[str, Any] = {}
    if stored.is_batch_minmax:
        context.warehouse.drop(STAGING)
        written = _score(context, files, STAGING, ())
        scaling = rescale_scores(context, files, options.splits, options.bins_per_e_fold)
    else:
        written = _score(context, files, "scores", ahead)
    flagged = _flagged(context)
    record_scored(context, files, written, is_hashed=not stored.is_batch_minmax)
    rows = sum(each.rows for each in written.values())
    return ScoreResult(
        stored.version, len(files.rows), rows, flagged, scaling, tuple(context.ahead)
    )


def _score(
    context: Context, files: PendingFiles, into: str, ahead: Sequence[Companion]
) -> dict[str, RecordSum]:
    """Score the records of some files that the model's profile works on."""
    warehouse, stored = context.warehouse, context.stored
    cutoffs = fraction_cutoffs(warehouse, files.where, stored.split)
    stamp = {
        "model_version": stored.version,
        "run_id": context.run_id,
        "scored_at": datetime.now(UTC),
    }
    due = sum(rows_due(rows, stored.split.fraction) for rows in files.rows.values())
    chosen = Selection("traffic", (*RECORD_COLUMNS, *FEATURES), files.where, due)
    with broadcast_model(warehouse.spark, stored.bundle, stored.version) as load_model:
        sides = [make(context, files, load_model) for make in ahead] if cutoffs is None else []
        done = warehouse.map_records(
            chosen,
            _scoring(load_model, stored.split, cutoffs),
            into,
            stamp,
            doing="score",
            is_row_wise=cutoffs is None,
            replacing=None if into == STAGING else files.of_stale(),
            sides=sides,
        )
    for side, prepared in zip(sides, done.prepared, strict=True):
        if prepared is not None:
            context.ahead[side.stage] = Ahead(prepared, stored.version, files.contents)
    return done.sums


def _scoring(
    load_model: Callable[[], Model], plan: SplitPlan, cutoffs: Cutoffs | None
) -> Callable[[], Callable[[pa.Table], pa.Table]]:
    """Return what loads a model in a worker and returns its function from records to scores."""

    def load() -> Callable[[pa.Table], pa.Table]:
        model = load_model()

        def scored(records: pa.Table) -> pa.Table:
            rows = within(cutoffs, plan.seed, records)
            scores = model.score(*records_of(rows))
            columns = {name: rows.column(name) for name in RECORD_COLUMNS}
            columns |= {name: pa.array(values) for name, values in scores.items()}
            splits = pa.array(record_splits(plan, rows))
            columns["split"] = pa.DictionaryArray.from_arrays(splits, pa.array(SPLITS))
            return pa.table(columns)

        return scored

    return load


def _flagged(context: Context) -> int:
    """Count the records of a run that the hybrid score flags."""
    flag = flag_column(HYBRID)
    batches = context.warehouse.batches("scores", [flag], run_id=context.run_id)
    return sum(pc.sum(batch.column(flag)).as_py() or 0 for batch in batches)
