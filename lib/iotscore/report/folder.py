"""Write the folder of a report, without files of an earlier report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iotscore.atomic_write import replace_file
from iotscore.report.charts import (
    COMPOSITION,
    ROC,
    SCORE,
    composition_picture,
    roc_picture,
    scorecard_picture,
    spread_picture,
)
from iotscore.report.formatting import DATA
from iotscore.report.output_folder import unwritable
from iotscore.report.page import render
from iotscore.report.shap_charts import ATTACK, BENIGN, SUMMARY, shap_pictures

if TYPE_CHECKING:
    from pathlib import Path

    from iotscore.report.night import Night
    from iotscore.report.theme import Picture

PAGE: Final = "report.html"
FILES: Final = (COMPOSITION, ROC, SCORE, SUMMARY, BENIGN, ATTACK)
"""Pictures that are written as files, with the names of the published baselines."""


def draw(night: Night) -> dict[str, Picture]:
    """Return the pictures for which there are records, by name."""
    data = DATA[night.data_kind]
    pictures: list[Picture | None] = [composition_picture(night.composition, data)]
    if night.evaluation is not None:
        measured = DATA[night.evaluation.data_kind]
        pictures.append(roc_picture(night.evaluation, measured))
        pictures.append(scorecard_picture(night.evaluation, measured))
    pictures += [spread_picture(shape, data) for shape in night.shapes]
    if night.shapley is not None:
        pictures += shap_pictures(night.shapley, data)
    return {one.name: one for one in pictures if one is not None}


def write_report(night: Night, folder: Path) -> list[Path]:
    """Write page and pictures, and return the files, the page first.

    Each file is replaced in one step, the page last; pictures of an earlier report that this one
    lacks are deleted.

    Raises
    ------
    EnvironmentFaultError
        The folder cannot be written.
    """
    pictures = draw(night)
    page = render(night, pictures)
    written = []
    try:
        for name in FILES:
            path = folder / f"{name}.png"
            if name in pictures:
                replace_file(path, pictures[name].png)
                written.append(path)
            else:
                path.unlink(missing_ok=True)
        replace_file(folder / PAGE, page.encode("utf-8"))
    except OSError as error:
        raise unwritable(folder, error) from error
    return [folder / PAGE, *written]
