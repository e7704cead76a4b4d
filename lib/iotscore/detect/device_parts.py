"""What detectors with a part for each device share: whose rows fit a part, which part scores a row.

A part is what a detector learns from some rows: those of one device, or, in the pooled part, all.
Parts stand in the order of their device numbers; the pooled part, number -1, is the first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.features import UNKNOWN_DEVICE

if TYPE_CHECKING:
    from iotscore.detect.detector import IntArray

POOLED: Final = UNKNOWN_DEVICE
"""Device number of the pooled part, and of rows whose device is not known."""


def rows_by_part(devices: IntArray | None, n_rows: int, least_rows: int) -> dict[int, IntArray]:
    """Return the positions of the rows that each part is fitted on, rising, by device number.

    First comes the pooled part with all rows, then devices with at least ``least_rows`` rows in
    rising order. Negative numbers, and None for all rows, are unknown devices.
    """
    parts = {POOLED: np.arange(n_rows)}
    if devices is None:
        return parts
    _require_one_per_row(devices, n_rows)
    numbers, counts = np.unique(devices, return_counts=True)
    for number in numbers[(numbers >= 0) & (counts >= least_rows)]:
        parts[int(number)] = np.flatnonzero(devices == number)
    return parts


def part_of_rows(known: IntArray, devices: IntArray | None, n_rows: int) -> IntArray:
    """Return the index of the part that scores each row, int64 of shape (n_rows,).

    ``known`` are the device numbers of the parts, rising, the first -1. A row whose device is not
    among them, and all under None, get the pooled part, index 0.
    """
    if devices is None:
        return np.zeros(n_rows, dtype=np.int64)
    _require_one_per_row(devices, n_rows)
    part = np.minimum(np.searchsorted(known, devices), known.size - 1)
    return np.where(known[part] == devices, part, 0)


def grouped(part: IntArray, n_parts: int) -> tuple[IntArray, IntArray]:
    """Return the rows' positions part by part, and where each part starts, with the end.

    The rows of part ``i`` are ``order[bounds[i]:bounds[i + 1]]``, in no particular order.
    """
    counts = np.bincount(part, minlength=n_parts)
    return np.argsort(part), np.concatenate([[0], np.cumsum(counts)])


def evenly(n_rows: int, count: int) -> IntArray:
    """Return ``min(count, n_rows)`` positions from the first row to the last, evenly spaced.

    ``round(i * (n_rows - 1) / (count - 1))``, halves rounded up; in whole numbers, so that no
    library's rounding decides.
    """
    drawn = min(count, n_rows)
    gaps = max(drawn - 1, 1)
    return (np.arange(drawn) * (2 * n_rows - 2) + gaps) // (2 * gaps)


def devices_fault(known: IntArray) -> str | None:
    """Return in words why the device numbers of parts cannot be searched, None if they can."""
    if known.size == 0 or known[0] != POOLED or (known[1:] <= known[:-1]).any():
        return f"its devices are {known[:5].tolist()}... and should be -1 and then rise"
    return None


def _require_one_per_row(devices: IntArray, n_rows: int) -> None:
    if devices.shape != (n_rows,):
        message = f"devices has the shape {devices.shape} and needs one number for {n_rows} rows"
        raise ValueError(message)
