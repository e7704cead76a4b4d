"""A hash table from the key of a stream to the row that holds its state, compiled.

Open addressing with linear probing; never more than half full. Keys are 64-bit hashes of a
stream's addresses: among a million streams, the chance that any two share one is 3e-8.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
    """Keys, their rows (0: free), the number of rows in use, and the state, a row per stream."""


@njit(cache=True)
def mix(high: int, low: int) -> Any:  # noqa: ANN401 - uint64
    """Hash two integers to one (the finaliser of SplitMix64; Steele et al. 2014)."""
    key = np.uint64(high) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(low)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@njit(cache=True)
def row_of(table: Table, key: int, lone: bool) -> Any:  # noqa: ANN401, FBT001
    """Return the row of a key: the next free one for a new key, a cleared row 0 for a lone one."""
    keys, rows, used, state = table
    if lone:
        state[0, :] = 0.0
        return 0
    mask = np.uint64(len(keys) - 1)
    at = key & mask
    while rows[at] > 0:
        if keys[at] == key:
            return rows[at]
        at = (at + np.uint64(1)) & mask
    keys[at] = key
    rows[at] = used[0]
    used[0] += 1
    return rows[at]


def empty_table(width: int) -> Table:
    """Return a table for 4096 streams; row 0 is the scratch row of lone streams."""
    return (
        np.zeros(8192, np.uint64),
        np.zeros(8192, np.int64),
        np.ones(1, np.int64),
        np.zeros((4096, width)),
    )


def roomier(table: Table, extra: int) -> Table:
    """Return the table with room for `extra` more streams, itself where it has it."""
    keys, rows, used, state = table
    needed = int(used[0]) + extra
    if needed <= len(state):
        return table
    capacity = 1 << (needed - 1).bit_length()
    grown = (
        np.zeros(2 * capacity, np.uint64),
        np.zeros(2 * capacity, np.int64),
        np.ones(1, np.int64),
        np.zeros((capacity, state.shape[1])),
    )
    taken = np.flatnonzero(rows)
    for at in taken[np.argsort(rows[taken])]:
        row_of(grown, keys[at], lone=False)
    grown[3][: len(state)] = state
    return grown
