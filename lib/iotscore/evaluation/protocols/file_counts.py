"""One detector's scores of the test rows, counted by file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.metrics import ScoreCounts

if TYPE_CHECKING:
    from iotscore.detect.detector import BoolArray, FloatArray, IntArray
    from iotscore.evaluation.protocols.sample import Sample


class FileCounts:
    """Rows, hits and areas by file, of one detector.

    Parameters
    ----------
    rows : int64 array of shape (n_tested,)
        Positions in the sample of the rows that were scored.
    scores : float64 array of shape (n_tested,)

    Attributes
    ----------
    rows, weights, totals : arrays of shape (n_files,)
        Scored rows of each file, how many records each stands for, and the product.
    is_attack : bool array of shape (n_files,)
    """

    def __init__(self, sample: Sample, rows: IntArray, scores: FloatArray) -> None:
        order = np.argsort(scores, kind="stable")
        self._scores, self._files = scores[order], sample.file_index[rows][order]
        self.is_attack: BoolArray = np.array([file.is_attack for file in sample.files], np.bool_)
        self.weights: FloatArray = np.array([file.weight for file in sample.files], np.float64)
        self.rows: IntArray = np.bincount(self._files, minlength=len(sample.files))
        self.totals: FloatArray = self.rows * self.weights

    def counts(self, chosen: BoolArray) -> ScoreCounts:
        """Return the weights at each score of some files, a bool array of shape (n_files,)."""
        inside = chosen[self._files]
        files = self._files[inside]
        return ScoreCounts.from_scores(
            self._scores[inside], self.is_attack[files], self.weights[files]
        )

    def prevalence(self, chosen: BoolArray) -> float:
        """Return the share of attacks in the weight of some files, at least one with rows."""
        totals = self.totals[chosen]
        return float(totals[self.is_attack[chosen]].sum() / totals.sum())

    def hits(self, thresholds: FloatArray) -> IntArray:
        """Count the rows of each file that are above the file's threshold, shape (n_files,)."""
        flagged = self._scores > thresholds[self._files]
        return np.bincount(self._files[flagged], minlength=self.rows.size)

    def areas(self) -> FloatArray:
        """Return the area under the ROC curve of each attack file against each benign file.

        Returns
        -------
        float64 array of shape (n_attack_files, n_benign_files)
            NaN where a file has no rows. The area of any set of files is the mean of these,
            weighted with the product of both files' totals.
        """
        attack_files, benign_files = np.flatnonzero(self.is_attack), np.flatnonzero(~self.is_attack)
        areas = np.full((attack_files.size, benign_files.size), np.nan)
        attacks = self.is_attack[self._files]
        scores, files = self._scores[attacks], self._files[attacks]
        rows = self.rows[attack_files]
        for column, file in enumerate(benign_files):
            if not self.rows[file]:
                continue
            benign = self._scores[self._files == file]
            below = np.searchsorted(benign, scores, "left") + np.searchsorted(
                benign, scores, "right"
            )
            ordered = np.bincount(files, weights=below / 2, minlength=self.rows.size)[attack_files]
            met = rows > 0
            areas[met, column] = ordered[met] / (rows[met] * benign.size)
        return areas
