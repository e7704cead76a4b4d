"""Consecutive flagged records to incidents, by a majority vote of a window of records."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from iotscore.detect.detector import IntArray


class Incidents(NamedTuple):
    """Positions among a file's flagged records, int64 of shape (n_incidents,), in order.

    The flagged records of an incident are those at ``first`` to ``last``, both included; at
    ``voted`` the vote first went against the device. Incidents share no position.
    """

    first: IntArray
    voted: IntArray
    last: IntArray


def find_incidents(flagged_rows: IntArray, window: int, share: float = 1.0) -> Incidents:
    """Let each ``window`` consecutive records of a file vote, and join what they vote against.

    The vote is held at every record, over it and those before it; it goes against the device if
    more than half of ``window`` records are flagged. At the start of a file, where a window is not
    full yet, as many are needed. The flagged records of such windows are those of an incident;
    windows whose flagged records overlap, or touch in adjacent rows, are one incident.

    ``flagged_rows`` are int64 row numbers, rising; all other rows count as not flagged. If only a
    ``share`` of the rows, above 0, was scored at all, the window is stretched over
    ``window / share`` rows: ``voted`` comes at most so many after ``first``, itself included.
    """
    if window < 1 or not 0.0 < share <= 1.0:
        message = f"window is {window} and share {share}: use 1 or more, and above 0, at most 1"
        raise ValueError(message)
    needed = window // 2 + 1
    span = flagged_rows[needed - 1 :] - flagged_rows[: max(flagged_rows.size - needed + 1, 0)]
    # Position i is in here if the records at i to i + needed - 1 lie within one window.
    start = np.flatnonzero(span < window / share)
    step = np.diff(start)
    touch = step == needed
    # A window of one record that is stretched over more rows may hold the record before too.
    most_apart = max(2.0, 1.0 / share) if window == 1 else 2.0
    touch[touch] = np.diff(flagged_rows)[start[1:][touch] - 1] < most_apart
    cut = np.flatnonzero((step >= needed) & ~touch) + 1
    begin = start[np.concatenate([[0], cut])] if start.size else start
    end = start[np.concatenate([cut, [start.size]]) - 1] if start.size else start
    return Incidents(begin, begin + needed - 1, end + needed - 1)
