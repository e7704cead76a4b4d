"""All checks of a warehouse, one after the other; one that fails keeps no other from running."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING

from iotscore.runs.run_log import unfinished
from iotscore.verify.content import content_compared, content_faults
from iotscore.verify.counts import (
    explanations_faults,
    histogram_faults,
    ledger_faults,
    quarantine_faults,
    scores_faults,
    traffic_faults,
)
from iotscore.verify.key_counts import SEED, Keys
from iotscore.verify.keys import keys_faults
from iotscore.verify.models import StoredModels, registry_faults, stored_models
from iotscore.verify.rescore import rescored_faults
from iotscore.verify.snapshot import READ_ERRORS, Evidence, first_line, gather

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from iotscore.warehouse.warehouse import Warehouse


class Outcome(StrEnum):
    """How a check ended; only :attr:`FAILED` means that the warehouse is wrong."""

    HOLDS = "holds"
    FAILED = "FAILED"
    SKIPPED = "not checked"
    NOTE = "note"


@dataclass(frozen=True)
class Check:
    """A finished check: what was compared, with numbers, and how it ended.

    Findings are each fault with both numbers, why it was skipped, or what there is to note.
    """

    name: str
    compared: str
    outcome: Outcome
    findings: tuple[str, ...] = ()


def verify_warehouse(
    warehouse: Warehouse, sample_rows: int, version: str | None, seed: int = SEED
) -> list[Check]:
    """Run all checks; nothing is written, and no job may write meanwhile.

    Parameters
    ----------
    sample_rows, seed
        How many scores of each model are computed again; chooses which.
    version
        The model whose scores are looked at; None for all that have scored.

    Returns
    -------
    list of Check
        In the order in which they should be read: what fails first explains the rest.

    Raises
    ------
    WarehouseError
        There is no table that can be read.
    ModelError
        There is no such model.
    """
    found = gather(warehouse, version)
    models = _models(warehouse, found, version)
    detectors = {name: tuple(model.detectors) for name, model in models.loaded.items()}
    checked = partial(_checked, found)
    return [
        _tables(found),
        checked(
            "ledger",
            f"{len(found.ledger)} files: lines read = accepted + quarantined, = data_summary.csv",
            ("ingest_files",),
            ledger_faults(found),
        ),
        checked(
            "traffic",
            f"{_rows(found.traffic)} rows = accepted, per file",
            ("ingest_files", "traffic"),
            traffic_faults(found),
        ),
        checked(
            "quarantine",
            f"{_rows(found.quarantine)} lines, {_rows(found.refusals)} files = refused",
            ("ingest_files", "quarantine"),
            quarantine_faults(found),
        ),
        checked(
            "scores",
            f"{_rows(found.scores)} rows = scored = accepted (or the model's share), per file",
            ("ingest_files", "scored_files", "scores"),
            scores_faults(found, models.plans),
        ),
        checked(
            "explanations",
            f"{_rows(found.explanations)} rows = explained, per file",
            ("ingest_files", "explained_files", "explanations"),
            explanations_faults(found),
        ),
        checked(
            "keys",
            "each line once in traffic or quarantine, each record once in scores per model",
            ("ingest_files", "scored_files", "traffic", "quarantine", "scores"),
            keys_faults(found, models.plans),
        ),
        checked(
            "models",
            f"{len(models.versions)} models: checksum, bundle = manifest, champion",
            ("models", "model_aliases", "scored_files"),
            chain(models.faults, registry_faults(warehouse)),
        ),
        checked(
            "content",
            content_compared(found),
            ("ingest_files", "scored_files", "traffic", "scores"),
            content_faults(found),
        ),
        _sample(found, models, sample_rows, seed),
        checked(
            "histogram",
            f"{len(found.bins)} counts by model, file and detector = scored",
            ("ingest_files", "scored_files", "score_histogram"),
            histogram_faults(found, detectors),
        ),
        _runs(found),
    ]


def _checked(
    found: Evidence, name: str, compared: str, needs: Sequence[str], faults: Iterable[str]
) -> Check:
    """Look for the faults of a check, unless a table that it needs cannot be read."""
    if damaged := [table for table in needs if found.faults[table]]:
        reason = f"{', '.join(damaged)} cannot be read: see tables"
        return Check(name, compared, Outcome.SKIPPED, (reason,))
    try:
        findings = tuple(faults)
    except READ_ERRORS as error:
        findings = (f"cannot be read: {first_line(error)}",)
    return Check(name, compared, Outcome.FAILED if findings else Outcome.HOLDS, findings)


def _rows(counted: Mapping[tuple[str, ...], Keys]) -> str:
    return f"{sum(keys.rows for keys in counted.values()):,}"


def _models(warehouse: Warehouse, found: Evidence, version: str | None) -> StoredModels:
    if not found.faults["models"]:
        try:
            return stored_models(warehouse, version)
        except READ_ERRORS as error:
            found.faults["models"].append(f"models cannot be read: {first_line(error)}")
    return StoredModels()


def _tables(found: Evidence) -> Check:
    """Say which tables can be read, and which data files are lost."""
    compared = (
        f"{found.files} data files: the log names them, the disk has them at that size; pages of "
        "traffic and scores have their checksums"
        if found.files is not None
        else "each table can be read; data files are looked up in local folders only"
    )
    return _checked(found, "tables", compared, (), chain(*found.faults.values()))


def _sample(found: Evidence, models: StoredModels, sample_rows: int, seed: int) -> Check:
    used = sorted({row["model_version"] for row in found.scored})
    loaded = [version for version in used if version in models.loaded]
    compared = [0]

    def faults() -> Iterator[str]:
        for version in loaded:
            model = models.loaded[version]
            rows, different = rescored_faults(found, version, model, sample_rows, seed)
            compared.append(rows)
            yield from different

    check = _checked(found, "sample", "", ("scored_files", "traffic", "scores", "models"), faults())
    scores = f"{sum(compared):,} scores of {len(loaded)} models"
    what = f"{scores} = computed again from traffic, chosen by --seed {seed}"
    check = replace(check, compared=what)
    if check.outcome is Outcome.HOLDS and used and not loaded:
        reason = f"no model can be loaded of {', '.join(used)}: see models"
        return replace(check, outcome=Outcome.SKIPPED, findings=(reason,))
    return check


def _runs(found: Evidence) -> Check:
    """Note the stages that were killed: the next run undoes what they left half done."""
    stages = {(row["run_id"], row["stage"]) for row in found.runs}
    check = _checked(found, "runs", f"{len(stages)} stages: each has ended", ("runs",), ())
    notes = [
        f"run {row['run_id']}: the stage {row['stage']} started and did not end; the next run "
        "undoes what it left half done"
        for row in unfinished(found.runs)
    ]
    if check.outcome is not Outcome.HOLDS or not notes:
        return check
    if found.settled.before:
        tables = ", ".join(found.settled.before)
        notes.append(f"these tables were checked as they were before: {tables}")
    return replace(check, outcome=Outcome.NOTE, findings=tuple(notes))
