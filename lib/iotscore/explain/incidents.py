"""A file's explained records to its incidents: what happened, how early it was seen, and why."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.detect.incidents import find_incidents
from iotscore.features import FEATURES, UNKNOWN_DEVICE

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.incidents import Incidents
    from iotscore.detect.vote_windows import VoteWindows

_DESCRIBED: Final = (
    *("file_id", "source_file", "device_id", "device"),
    *("family", "attack", "label", "event_day"),
)
"""Columns that all records of a file share."""

_OF_PEAK: Final = {
    "peak_row": "row_no",
    "peak_score": "hybrid_score",
    "peak_severity": "severity",
    "sentence": "sentence",
}
"""Columns of the record with the highest score, and what they are called there."""

READ: Final = (*_DESCRIBED, *_OF_PEAK.values(), "top")
"""Columns of ``explanations`` that incidents are made of."""

_MOST_FEATURES: Final = 5


def file_incidents(
    flagged: pa.Table, model_version: str, windows: VoteWindows, share: float = 1.0
) -> pa.Table:
    """Return the incidents of one file, in order.

    Parameters
    ----------
    flagged
        The file's rows of ``explanations``, at least one, in any order: the columns of
        :data:`READ`.
    share
        Share of the file's rows that were scored, see
        :func:`iotscore.detect.incidents.find_incidents`.

    Returns
    -------
    Table
        Columns of ``incidents`` but those that are the same in all rows of a run.
    """
    flagged = flagged.sort_by("row_no")
    rows = flagged.column("row_no").to_numpy()
    device = flagged.column("device_id")[0].as_py()
    window = windows.window_of(UNKNOWN_DEVICE if device is None else device)
    incidents = find_incidents(rows, window, share)
    size = incidents.last - incidents.first + 1
    incident, position = _records(incidents, size)
    score = flagged.column("hybrid_score").to_numpy()
    peaks = flagged.take(pa.array(_peaks(incident, position, score[position])))
    first, voted = rows[incidents.first], rows[incidents.voted]
    file_id = flagged.column("file_id")[0].as_py()
    ids = [incident_id(model_version, file_id, row) for row in first.tolist()]
    columns: dict[str, Any] = {
        "incident_id": pa.array(ids, pa.string()),
        "model_version": pa.repeat(model_version, size.size),
        **{name: peaks.column(name) for name in _DESCRIBED},
        "first_row": first,
        "last_row": rows[incidents.last],
        "voted_row": voted,
        "delay": voted - first + 1,
        "records": size,
        "vote_window": np.full(size.size, window, dtype=np.int64),
        **{name: peaks.column(source) for name, source in _OF_PEAK.items()},
        "top": _top(flagged.column("top").take(pa.array(position)), incident, size),
    }
    return pa.table(columns)


def incident_id(model_version: str, file_id: str, first_row: int) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the three, spaces between them."""
    text = f"{model_version} {file_id} {first_row}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _records(incidents: Incidents, size: IntArray) -> tuple[IntArray, IntArray]:
    """Return incident and position of every flagged record that is in an incident, in order."""
    incident = np.repeat(np.arange(size.size), size)
    before = np.cumsum(size) - size
    return incident, np.arange(incident.size) + np.repeat(incidents.first - before, size)


def _peaks(incident: IntArray, position: IntArray, score: FloatArray) -> IntArray:
    """Return each incident's position with the highest score, the first of equals."""
    order = np.lexsort((position, -score, incident))
    _, first = np.unique(incident, return_index=True)
    return position[order[first]]


def _top(top: pa.ChunkedArray, incident: IntArray, size: IntArray) -> pa.ListArray:
    """Return the features with the largest mean contribution, of equal ones the first feature."""
    lists = top.combine_chunks()
    entries = lists.flatten()
    feature = pc.index_in(entries.field("feature"), pa.array(FEATURES)).to_numpy()
    of_incident = incident[pc.list_parent_indices(lists).to_numpy()]
    keys, inverse = np.unique(of_incident * len(FEATURES) + feature, return_inverse=True)
    # A feature that a record does not name contributes 0 to it.
    sums = np.bincount(inverse, entries.field("contribution").to_numpy(), keys.size)
    owner, feature = np.divmod(keys, len(FEATURES))
    mean = sums / size[owner]
    order = np.lexsort((feature, -mean, owner))
    starts = np.searchsorted(owner, np.arange(size.size + 1))
    kept = order[np.arange(order.size) - starts[owner] < _MOST_FEATURES]
    names = pa.array(FEATURES).take(pa.array(feature[kept]))
    named = pa.StructArray.from_arrays([names, pa.array(mean[kept])], ["feature", "contribution"])
    ends = np.searchsorted(owner[kept], np.arange(size.size + 1))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), named)
