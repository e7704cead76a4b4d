"""Records how a job went, and writes it at the end where the arguments say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotscore.atomic_write import replace_file
from iotscore.cli.outcome import Outcome, metrics_text, summary_line
from iotscore.errors import OutcomeError, one_line
from iotscore.redaction import masked

if TYPE_CHECKING:
    import argparse

    from iotscore.runs.run_log import RunLog

_MOST_TEXT: Final = 1_000


def add_outcome(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where to write how a job went."""
    parser.add_argument(
        "--summary-json",
        metavar="FILE",
        help="at the end, good or bad, add one line of JSON to this file; - is standard output",
    )
    parser.add_argument(
        "--metrics-file",
        type=Path,
        metavar="FILE.prom",
        help="at the end, replace this file by metrics for the textfile collector of node_exporter",
    )


class Recorder:
    """Records one run of a job; nothing without the arguments of :func:`add_outcome`."""

    def __init__(self, name: str, arguments: argparse.Namespace) -> None:
        self._name = name
        self._summary: str | None = getattr(arguments, "summary_json", None)
        self._metrics: Path | None = getattr(arguments, "metrics_file", None)
        self._profile: str | None = getattr(arguments, "profile", None)
        self._started_at = datetime.now(UTC)
        self._runs: RunLog | None = None
        self._error: str | None = None

    def follow(self, runs: RunLog) -> None:
        """Take what stages report from here."""
        self._runs = runs

    def note(self, error: BaseException) -> None:
        """Remember why the job failed."""
        text = str(error).strip() or type(error).__name__
        self._error = one_line(masked(text))[:_MOST_TEXT]

    def write(self, exit_code: int) -> None:
        """Write the line and the metrics, as far as they are wanted.

        Raises
        ------
        OutcomeError
            One of them cannot be written.
        """
        outcome = Outcome(
            job=self._name,
            exit_code=exit_code,
            error=self._error,
            started_at=self._started_at,
            ended_at=datetime.now(UTC),
            run_id=None if self._runs is None else self._runs.run_id,
            profile=self._profile,
            stages=() if self._runs is None else self._runs.stages,
        )
        try:
            if self._metrics is not None:
                text = metrics_text(outcome, _text_of(self._metrics))
                replace_file(self._metrics, text.encode())
            if self._summary == "-":
                print(summary_line(outcome), flush=True)
            elif self._summary is not None:
                with Path(self._summary).open("a", encoding="utf-8") as file:
                    file.write(summary_line(outcome) + "\n")
        except OSError as error:
            message = (
                f"cannot write how the job went to {error.filename}: {error.strerror}; the job "
                f"itself ended with {exit_code}. Give --summary-json and --metrics-file files in "
                "folders that may be written"
            )
            raise OutcomeError(message) from error


def _text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""
