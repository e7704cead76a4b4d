"""Figures of the reports, for comparison."""

from __future__ import annotations

import pytest

from iotscore.evaluation.published import (
    FIFTEEN_PERCENT_SAMPLE,
    HALF_SAMPLE,
    reported_figures,
)


def test_the_sample_chooses_the_report() -> None:
    """Half and 15 % have a report each; no other sample has one."""
    assert reported_figures(0.5) is HALF_SAMPLE
    assert reported_figures(0.15) is FIFTEEN_PERCENT_SAMPLE
    assert reported_figures(1.0) is None


def test_headlines_are_those_of_the_reports() -> None:
    """The accuracies and areas that the reports put first."""
    assert {name: row["accuracy"] for name, row in HALF_SAMPLE.items()} == {
        "iforest": 0.7307,
        "lstm": 0.9931,
        "hybrid": 0.9863,
    }
    small = {
        name: (row["accuracy"], row["roc_auc"]) for name, row in FIFTEEN_PERCENT_SAMPLE.items()
    }
    assert small == {
        "iforest": (0.9566, 0.9880),
        "lstm": (0.9744, 0.9911),
        "hybrid": (0.9801, 0.9948),
    }


@pytest.mark.parametrize("report", [HALF_SAMPLE, FIFTEEN_PERCENT_SAMPLE])
@pytest.mark.parametrize("kind", ["attack", "benign"])
def test_published_figures_fit_each_other(report: dict[str, dict[str, float]], kind: str) -> None:
    """F1 follows from precision and recall, up to the reports' rounding: no slip of typing."""
    for row in report.values():
        if f"f1_{kind}" in row:
            precision, recall = row[f"precision_{kind}"], row[f"recall_{kind}"]
            expected = 2 * precision * recall / (precision + recall)
            assert row[f"f1_{kind}"] == pytest.approx(expected, abs=0.011)
