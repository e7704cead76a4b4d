"""A warehouse's tables to the record of a night, without a query of Spark's where it is local.

``scores`` is not read: counts of flagged records come from ``score_histogram``, which has a few
rows per file however many records there are, so a report of millions takes a few seconds.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import PurePath
from typing import TYPE_CHECKING

from iotscore import __version__
from iotscore.evaluation.stage import data_kind
from iotscore.features import HYBRID
from iotscore.models.registry import load_model
from iotscore.redaction import masked
from iotscore.report.night import Day, DetectorCard, Device, ModelCard, Night
from iotscore.report.read.drift import read_drift
from iotscore.report.read.events import (
    MOST_FLAGGED_RECORDS,
    MOST_INCIDENTS,
    read_flagged_records,
    read_incidents,
    read_shapley,
)
from iotscore.report.read.files import read_composition, scored_files
from iotscore.report.read.metrics import read_evaluation
from iotscore.report.read.operations import read_quality, read_stages
from iotscore.report.read.score_counts import read_counted
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from iotscore.models.stored import StoredModel
    from iotscore.report.metrics import Evaluation
    from iotscore.report.night import Incident
    from iotscore.report.read.files import LedgerFile
    from iotscore.warehouse.warehouse import Warehouse


def read_night(warehouse: Warehouse, model_version: str | None) -> Night:
    """Return the newest event day of which a model, or the champion, has scored records.

    Raises
    ------
    WarehouseError
        The model has scored nothing, or nobody has counted its scores.
    ModelError
        There is no such model, or it is damaged.
    """
    stored = load_model(warehouse, model_version)
    files = scored_files(warehouse, stored.version)
    newest = max(one.event_day for one in files.values() if one.rows_scored)
    night = [one for one in files.values() if one.event_day == newest]
    evaluation = read_evaluation(warehouse, stored.version, files, night)
    card = _model_card(warehouse, stored, evaluation)
    thresholds = {one.name: one.threshold for one in card.detectors}
    counted = read_counted(warehouse, stored.version, thresholds, files)
    days = _days(files.values(), counted.flagged)
    incidents = read_incidents(warehouse, stored.version, night)
    flagged, explained = read_flagged_records(warehouse, stored.version, night)
    return Night(
        made_at=datetime.now(UTC),
        code_version=__version__,
        warehouse=PurePath(masked(warehouse.root)).name,
        data_kind=data_kind(warehouse.rows("ingest_files", status=INGESTED)),
        model=card,
        days=days,
        files=len(night),
        labelled_files=sum(one.label is not None for one in night),
        seen=sum(counted.seen.get(one.file_id, 0) for one in night),
        uncounted=sum(one.rows_scored > 0 and one.file_id not in counted.files for one in night),
        devices=_devices(files.values(), counted.flagged, days, incidents, evaluation),
        incidents=tuple(incidents[:MOST_INCIDENTS]),
        more_incidents=max(len(incidents) - MOST_INCIDENTS, 0),
        flagged_records=tuple(flagged[:MOST_FLAGGED_RECORDS]),
        explained=explained,
        evaluation=evaluation,
        shapes=counted.shapes,
        drift=read_drift(warehouse, stored.version, night),
        composition=read_composition(warehouse),
        quality=read_quality(warehouse),
        stages=read_stages(warehouse),
        shapley=read_shapley(warehouse, stored.version),
    )


def _model_card(
    warehouse: Warehouse, stored: StoredModel, evaluation: Evaluation | None
) -> ModelCard:
    """Describe a model; a threshold that it lacks is the one that was found with labels."""
    rows = warehouse.rows("models", ["created_at"], model_version=stored.version)
    frozen, weights = stored.model.thresholds, stored.model.weights
    found = {} if evaluation is None else {one.detector: one for one in evaluation.at_use}
    names = sorted(stored.model.detectors, key=lambda name: (-weights.get(name, 0.0), name))
    cards = []
    for name in (HYBRID, *names):
        weight = None if name == HYBRID else weights.get(name, 0.0)
        by_labels = name in found and name not in frozen
        threshold = found[name].threshold if by_labels else frozen.get(name)
        cards.append(DetectorCard(name, weight, threshold, by_labels))
    return ModelCard(
        version=stored.version,
        created_at=rows[0]["created_at"],
        normalisation=stored.model.normalisation,
        promised=stored.manifest.get("false_positive_rate") if frozen else None,
        rows=tuple(stored.manifest.get("rows", {}).items()),
        detectors=tuple(cards),
    )


def _sums(
    files: Iterable[LedgerFile], flagged_of: Mapping[str, int]
) -> tuple[Counter[tuple[str, date]], Counter[tuple[str, date]]]:
    """Return records and, where the model has a threshold, flagged records by device and day."""
    records: Counter[tuple[str, date]] = Counter()
    flagged: Counter[tuple[str, date]] = Counter()
    for one in files:
        key = (one.device, one.event_day)
        records[key] += one.rows_scored
        if one.file_id in flagged_of:
            flagged[key] += flagged_of[one.file_id]
    return records, flagged


def _days(files: Iterable[LedgerFile], flagged_of: Mapping[str, int]) -> tuple[Day, ...]:
    records, flagged = _sums(files, flagged_of)
    by_day: dict[date, tuple[int, int | None]] = {}
    for key, rows in records.items():
        total, hits = by_day.get(key[1], (0, None))
        if key in flagged:
            hits = (hits or 0) + flagged[key]
        by_day[key[1]] = (total + rows, hits)
    return tuple(Day(day, *by_day[day]) for day in sorted(by_day) if by_day[day][0])


def _devices(
    files: Iterable[LedgerFile],
    flagged_of: Mapping[str, int],
    days: Sequence[Day],
    incidents: Sequence[Incident],
    evaluation: Evaluation | None,
) -> tuple[Device, ...]:
    """Return the devices, those of the night first, the most flagged records first."""
    records, flagged = _sums(files, flagged_of)
    today = days[-1].day
    had = Counter(one.device for one in incidents)
    measured = () if evaluation is None else evaluation.devices
    rates = {one.scope_value: {"tpr": one.recall_attack, "fpr": one.fpr} for one in measured}
    found = [
        Device(
            name=name,
            records=records.get((name, today), 0),
            flagged=flagged.get((name, today)),
            trend=tuple(flagged.get((name, each.day)) for each in days),
            incidents=had[name],
            **rates.get(name, {}),
        )
        for name in {device for device, _ in records}
    ]
    return tuple(sorted(found, key=lambda one: (-(one.flagged or 0), -one.records, one.name)))
