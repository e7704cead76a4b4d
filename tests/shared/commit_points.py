"""Kinds of nights, and every commit of theirs: the points between which a job may be killed."""

from __future__ import annotations

from typing import NamedTuple

QUICK = ("detectors.lstm=null",)
"""What is committed when does not depend on what is fitted."""


class Night(NamedTuple):
    """A kind of night: how it is run, and all of its commits, in their order, by stage."""

    profile: str
    settings: tuple[str, ...]
    stages: tuple[str, ...]
    points: dict[str, tuple[str, ...]]

    def after(self, stage: str) -> str:
        """Return the stage that follows, ``done`` after the last one."""
        return (*self.stages, "done")[self.stages.index(stage) + 1]


NIGHTS = {
    "first": Night(
        "default",
        QUICK,
        ("ingest", "train", "score", "evaluate", "explain", "monitor"),
        {
            "ingest": (
                "create runs",
                "ingest running",
                "create traffic",
                "append traffic",
                "create quarantine",
                "append quarantine",
                "create ingest_files",
                "append ingest_files",
                "ingest done",
            ),
            "train": (
                "train running",
                "create models",
                "append models",
                "create model_aliases",
                "append model_aliases",
                "train done",
            ),
            "score": (
                "score running",
                "create scores",
                "create explanations",
                "append scores",
                "create scored_files",
                "append scored_files",
                "score done",
            ),
            "evaluate": (
                "evaluate running",
                "create score_histogram",
                "append score_histogram",
                "create roc_points",
                "append roc_points",
                "create metrics",
                "append metrics",
                "evaluate done",
            ),
            "explain": (
                "explain running",
                "append explanations",
                "create incidents",
                "replace incidents",
                "create explained_files",
                "replace explained_files",
                "explain done",
            ),
            "monitor": (
                "monitor running",
                "create drift",
                "replace drift",
                "create alerts",
                "replace alerts",
                "create monitored_files",
                "replace monitored_files",
                "monitor done",
            ),
        },
    ),
    # A night after the first one, with a changed file and a new one.
    "changed": Night(
        "default",
        (*QUICK, "ingest.changed_files=replace"),
        ("ingest", "score", "evaluate", "explain", "monitor"),
        {
            "ingest": (
                "ingest running",
                "replace traffic",
                "delete quarantine",
                "append quarantine",
                "replace ingest_files",
                "ingest done",
            ),
            "score": (
                "score running",
                "replace scores",
                "delete score_histogram",
                "replace scored_files",
                "score done",
            ),
            "explain": (
                "explain running",
                "replace explanations",
                "replace explained_files",
                "explain done",
            ),
            "monitor": (
                "monitor running",
                "replace drift",
                "replace alerts",
                "replace monitored_files",
                "monitor done",
            ),
        },
    ),
    # The same by the reports' normalisation, which writes every score of the model again.
    "paper": Night(
        "paper",
        ("detectors.lstm.min_updates=0", "detectors.lstm.epochs=1", "ingest.changed_files=replace"),
        ("ingest", "score", "evaluate", "explain"),
        {
            "score": (
                "score running",
                "create _staging",
                "append _staging",
                "append _staging",
                "replace scores",
                "delete score_histogram",
                "replace scored_files",
                "score done",
            ),
            "evaluate": (
                "evaluate running",
                "replace score_histogram",
                "append roc_points",
                "append metrics",
                "evaluate done",
            ),
            "explain": (
                "explain running",
                "replace explanations",
                "replace explained_files",
                "explain done",
            ),
        },
    ),
}
