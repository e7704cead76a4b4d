"""``metrics`` and ``roc_points`` to what labels say of a model."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from iotscore.features import HYBRID
from iotscore.landing.filenames import BENIGN
from iotscore.report.metrics import Curve, Evaluation, Figures, HeatMap
from iotscore.runs.order import SEQUENCE, place

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.report.read.files import LedgerFile
    from iotscore.warehouse.warehouse import Warehouse

_FIGURES: Final = tuple(field.name for field in fields(Figures))
_COLUMNS: Final = (*_FIGURES, "scope", "weighting", "rows", "data_kind")


def read_evaluation(
    warehouse: Warehouse,
    version: str,
    files: Mapping[str, LedgerFile],
    night: Sequence[LedgerFile],
) -> Evaluation | None:
    """Return a model's newest evaluation; None without labels.

    ``files`` are those that the model has scored, by id, and ``night`` those of the report's day.
    """
    when = ["evaluation_id", "evaluated_at", SEQUENCE]
    newest = max(
        warehouse.rows("metrics", when, model_version=version),
        key=lambda row: (*place(row, "evaluated_at"), row["evaluation_id"]),
        default=None,
    )
    if newest is None:
        return None
    chosen = newest["evaluation_id"]
    rows = warehouse.rows("metrics", _COLUMNS, evaluation_id=chosen)
    everything = [row for row in rows if row["scope"] == "all"]
    measured = {row["scope_value"] for row in rows if row["scope"] == "file"}
    figures = tuple(
        sorted(
            (_figures(row) for row in everything),
            key=lambda one: (one.detector != HYBRID, one.detector, one.uses_labels),
        )
    )
    # The hybrid score stands first, at the threshold set without labels where there is such.
    in_use = (HYBRID, figures[0].threshold_policy)
    hybrid = [row for row in rows if (row["detector"], row["threshold_policy"]) == in_use]
    return Evaluation(
        evaluation_id=chosen,
        data_kind=everything[0]["data_kind"],
        weighting=everything[0]["weighting"],
        files=len(measured),
        rows=max(row["rows"] for row in everything),
        night_labelled=any(one.source_file in measured for one in night),
        figures=figures,
        devices=tuple(
            _figures(row)
            for row in sorted(hybrid, key=lambda row: str(row["scope_value"]))
            if row["scope"] == "device"
        ),
        curves=_curves(warehouse, chosen, figures),
        heat=_heat([row for row in hybrid if row["scope"] == "file"], files),
    )


def _figures(row: Mapping[str, Any]) -> Figures:
    return Figures(**{name: row[name] for name in _FIGURES})


def _curves(
    warehouse: Warehouse, evaluation_id: str, figures: Sequence[Figures]
) -> tuple[Curve, ...]:
    wanted = ("detector", "point", "fpr", "tpr")
    points = warehouse.rows("roc_points", wanted, evaluation_id=evaluation_id, scope="all")
    curves = []
    for name in dict.fromkeys(one.detector for one in figures):
        mine = sorted(
            (row for row in points if row["detector"] == name), key=lambda row: row["point"]
        )
        if mine:
            fpr, tpr = (tuple(row[rate] for row in mine) for rate in ("fpr", "tpr"))
            curves.append(Curve(name, fpr, tpr))
    return tuple(curves)


def _heat(of_files: Sequence[Mapping[str, Any]], files: Mapping[str, LedgerFile]) -> HeatMap:
    """Add up attack files by device and attack."""
    described = {one.source_file: one for one in files.values()}
    hits: dict[tuple[str, str], tuple[float, float]] = {}
    for row in of_files:
        one = described.get(row["scope_value"])
        if one is not None and one.family != BENIGN:
            key = (one.device, one.kind)
            found, total = hits.get(key, (0.0, 0.0))
            hits[key] = (found + row["tp"], total + row["tp"] + row["fn"])
    attacks = tuple(sorted({attack for _, attack in hits}))
    rates = {key: found / total for key, (found, total) in hits.items() if total}
    devices = sorted({device for device, _ in hits})
    cells = tuple(
        (device, tuple(rates.get((device, attack)) for attack in attacks)) for device in devices
    )
    return HeatMap(attacks, cells)
