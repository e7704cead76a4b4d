"""Stages of a night, run on a warehouse the way the jobs do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.options import file_weights, train_options
from iotscore.errors import RefusalError
from iotscore.evaluation.stage import evaluate
from iotscore.explain.stage import explain, explain_ahead
from iotscore.ingest.stage import ingest
from iotscore.models.context import Context
from iotscore.models.train import train
from iotscore.monitoring.stage import monitor
from iotscore.monitoring.tasks import count_ahead
from iotscore.runs.run_log import RunLog
from iotscore.scoring.stage import score

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.models.context import Ahead
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.warehouse import Warehouse


class Stages:
    """Run stages on a warehouse the way the jobs do.

    Each is a job of its own, or all are stages of one, which score and prepare what comes after.
    """

    def __init__(
        self, warehouse: Warehouse, settings: Settings, *, are_one_job: bool = False
    ) -> None:
        self.warehouse = warehouse
        self.settings = settings
        self.details: dict[str, object] = {}
        self._are_one_job = are_one_job
        self._log = self._new_log()
        self._kept: dict[str, Ahead] = {}

    def ingest(self, folder: str | Path, only: frozenset[str] | None = None) -> dict[str, object]:
        """Ingest and return the stage's details; raise if files are refused, as the job does."""
        with self._recorded("ingest") as (stage, context):
            options = self.settings.ingest
            done = ingest(context, str(folder), options, only=only)
            stage.report(done)
            self.details = stage.details
            if done.refusal is not None:
                raise RefusalError(done.refusal)
        return stage.details

    def ingest_refusing(self, folder: str | Path) -> dict[str, object]:
        """Ingest, require that files are refused, and return the stage's details."""
        with pytest.raises(RefusalError):
            self.ingest(folder)
        errors = self.warehouse.values("runs", "error", stage="ingest", status="done")
        assert any("refused" in error for error in errors - {None})
        return self.details

    def train(self, *, is_candidate: bool = False) -> str:
        """Train and return the model version."""
        options = train_options(self.settings)
        done = self._run(
            "train", lambda context: train(context, options, is_candidate=is_candidate)
        )
        return str(done.model_version)

    def score(self, version: str | None = None) -> int:
        """Score and return the rows."""
        options = self.settings.evaluate
        ahead = (explain_ahead, count_ahead) if self._are_one_job else ()
        done = self._run("score", lambda context: score(context, options, ahead=ahead), version)
        return int(done.rows)

    def evaluate(self, version: str | None = None) -> str | None:
        """Evaluate and return the evaluation's id."""
        options, weights = self.settings.evaluate, file_weights(self.settings)
        done = self._run("evaluate", lambda context: evaluate(context, options, weights), version)
        return str(done.evaluation_id) if done.evaluation_id else None

    def explain(self, version: str | None = None) -> int:
        """Explain and return the explained records."""
        window = self.settings.incidents.window
        return int(self._run("explain", lambda context: explain(context, window), version).rows)

    def monitor(self) -> int:
        """Monitor, tell nobody, and return the records compared."""
        limits = self.settings.monitor
        return int(self._run("monitor", lambda context: monitor(context, limits, {})).rows)

    def _run(self, name: str, body: Callable[[Context], Any], version: str | None = None) -> Any:
        with self._recorded(name, version) as (stage, context):
            done = body(context)
            stage.report(done)
        self.details = stage.details
        return done

    @contextmanager
    def _recorded(self, name: str, version: str | None = None) -> Iterator[tuple[Stage, Context]]:
        log = self._log if self._are_one_job else self._new_log()
        with log.stage(name) as stage:
            yield stage, Context(self.warehouse, log.run_id, version, self._kept)

    def _new_log(self) -> RunLog:
        return RunLog(self.warehouse, "test", "0" * 64)
