"""The pictures of Shapley values, drawn by the library shap (Lundberg and Lee 2017)."""

from __future__ import annotations

import base64
import io
import warnings
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from markupsafe import Markup

from iotscore.report.formatting import named
from iotscore.report.theme import PAPER, Picture

if TYPE_CHECKING:
    from iotscore.report.night import Shapley

SUMMARY: Final = "shap_summary_plot"
BENIGN: Final = "shap_force_plot_benign"
ATTACK: Final = "shap_force_plot_attack"
_FEATURES_SHOWN: Final = 15
_FORCE_SHARE: Final = 0.06
"""A force plot names features with at least this share of the whole."""
_DPI: Final = 130


def shap_pictures(found: Shapley, data: str) -> list[Picture]:
    """Draw the summary of all records, and one benign record and one attack by their forces.

    The record that is shown of a kind is the one whose score is the median of its kind.
    """
    with warnings.catch_warnings():
        # The library and numba, which it imports, use what matplotlib is about to change.
        warnings.simplefilter("ignore")
        import matplotlib as mpl

        mpl.use("Agg")
        import shap
        from matplotlib import pyplot as plt

        with mpl.rc_context({"font.family": "DejaVu Sans", "figure.facecolor": PAPER}):
            pictures = [_summary(shap, plt, found, data)]
            for name, kind, wanted in ((BENIGN, "benign", 0), (ATTACK, "attack", 1)):
                rows = np.flatnonzero(found.labels == wanted)
                if rows.size:
                    row = rows[np.argsort(found.scores[rows], kind="stable")[rows.size // 2]]
                    pictures.append(_force(shap, plt, found, int(row), (name, kind, data)))
    return pictures


def _summary(shap: Any, plt: Any, found: Shapley, data: str) -> Picture:  # noqa: ANN401
    shap.summary_plot(
        found.shap_values,
        found.values,
        feature_names=list(found.features),
        max_display=_FEATURES_SHOWN,
        show=False,
        plot_size=(8.0, 6.2),
        color_bar_label="value of the feature",
        rng=np.random.default_rng(0),
    )
    axes = plt.gcf().axes[0]
    axes.set_xlabel(f"Shapley value: part in the score of the {named(found.detector)}")
    order = np.argsort(-np.abs(found.shap_values).mean(axis=0), kind="stable")[:3]
    leading = ", ".join(found.features[one] for one in order)
    alternative = (
        f"Shapley values of {found.scores.size} records for the {named(found.detector)}; the "
        f"features that contribute most: {leading}. Data: {data}."
    )
    return _finished(plt, SUMMARY, alternative)


def _force(shap: Any, plt: Any, found: Shapley, row: int, titles: tuple[str, str, str]) -> Picture:  # noqa: ANN401
    name, kind, data = titles
    shap.plots.force(
        float(found.base_values[row]),
        found.shap_values[row],
        features=np.array([float(f"{one:.3g}") for one in found.values[row]]),
        feature_names=list(found.features),
        matplotlib=True,
        show=False,
        figsize=(14, 3),
        contribution_threshold=_FORCE_SHARE,
        text_rotation=12,
    )
    largest = found.features[int(np.argmax(np.abs(found.shap_values[row])))]
    alternative = (
        f"Forces on the score of a median {kind} record: from {found.base_values[row]:.3g}, the "
        f"mean of the background, to {found.scores[row]:.3g}; most by {largest}. Data: {data}."
    )
    return _finished(plt, name, alternative)


def _finished(plt: Any, name: str, alternative: str) -> Picture:  # noqa: ANN401
    png = io.BytesIO()
    figure = plt.gcf()
    figure.savefig(
        png, format="png", dpi=_DPI, facecolor=PAPER, bbox_inches="tight",
        metadata={"Software": None},
    )  # fmt: skip
    plt.close(figure)
    coded = base64.b64encode(png.getvalue()).decode("ascii")
    inline = Markup('<img class="picture plate" alt="{}" src="data:image/png;base64,{}">')
    return Picture(name, alternative, png.getvalue(), inline.format(alternative, coded))
