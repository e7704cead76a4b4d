"""Partition pieces of work of different sizes into tasks of about the same size."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Piece = TypeVar("Piece")


def partition_by_size(
    pieces: Iterable[Piece], size: Callable[[Piece], int], largest: int, least_tasks: int
) -> list[list[Piece]]:
    """Partition pieces in order, so that the pieces of a task are neighbours.

    Neighbours keep a data file's range of file ids small, so that queries for a file skip the
    other data files.

    Parameters
    ----------
    pieces
        In the order of the data files to be.
    size
        Size of a piece, positive.
    largest
        About the largest size of a task, unless a single piece is larger.
    least_tasks
        Wanted even if tasks become smaller; there are never more tasks than pieces.
    """
    wanted = [(piece, size(piece)) for piece in pieces]
    total = sum(weight for _, weight in wanted)
    tasks = min(max(-(-total // largest), least_tasks), len(wanted))
    parts: list[list[Piece]] = [[] for _ in range(tasks)]
    before = 0
    for piece, weight in wanted:
        middle = before + weight / 2
        parts[min(int(middle * tasks / total), tasks - 1)].append(piece)
        before += weight
    return [task for task in parts if task]
