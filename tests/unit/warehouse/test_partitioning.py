"""Dealing pieces of work to tasks: nothing is lost, and no core works alone for long."""

from __future__ import annotations

import heapq
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iotscore.ingest import chunk_reader
from iotscore.landing.folder import file_id_of
from iotscore.simulate.layout import FILES, FULL_ROWS
from iotscore.warehouse.delta_rs import warehouse
from iotscore.warehouse.delta_rs.data_files import ROW_GROUP_ROWS
from iotscore.warehouse.partitioning import partition_by_size
from iotscore.warehouse.tasks import TASKS_PER_CORE

if TYPE_CHECKING:
    from collections.abc import Callable

BASE = Path(__file__).resolve().parents[3] / "conf" / "base.yaml"
ROW_BYTES = 1_000
SIZES = st.lists(st.integers(1, 1_000), max_size=60)
LARGEST = st.integers(1, 100_000)
LEAST = st.integers(1, 100)


def dealt_sizes(sizes: list[int], largest: int, least: int) -> list[list[int]]:
    """Deal pieces that are nothing but their sizes."""
    return partition_by_size(sizes, lambda size: size, largest, least)


def alone_share(sizes: list[int], cores: int) -> float:
    """Return the share of a stage in which all cores but one are idle.

    As Spark does it: tasks start in their order, each on the core that is free first.
    """
    free = [0] * cores
    for size in sizes:
        heapq.heapreplace(free, free[0] + size)
    *_, last_but_one, last = sorted(free)
    return (last - last_but_one) / last


def chunks() -> list[tuple[str, int]]:
    """Return file id and rows of each chunk of the original 89 files, as ingest cuts them."""
    megabytes = yaml.safe_load(BASE.read_text(encoding="utf-8"))["ingest"]["chunk_megabytes"]
    chunk_rows = -(-int(megabytes * 2**20) // ROW_BYTES)  # a chunk ends with the line that fills it
    rows_of_file = {file_id_of(file.name): file.original_rows for file in FILES}
    return [
        (file_id, min(chunk_rows, rows - start))
        for file_id, rows in sorted(rows_of_file.items())
        for start in range(0, rows, chunk_rows)
    ]


def ingest_tasks(cores: int) -> list[list[tuple[str, int]]]:
    """Deal the chunks as ingest does."""
    least = TASKS_PER_CORE * cores
    return partition_by_size(
        chunks(), lambda chunk: chunk[1] * ROW_BYTES, chunk_reader._TASK_BYTES, least
    )


def written_groups(cores: int) -> list[int]:
    """Return rows of the row groups of ``traffic`` as ingest's tasks write them."""
    groups = []
    for task in ingest_tasks(cores):
        waiting = 0
        for _, rows in task:
            waiting += rows
            if waiting >= ROW_GROUP_ROWS:
                groups.append(waiting)
                waiting = 0
        groups += [waiting] if waiting else []
    return groups


def even_groups(cores: int) -> list[int]:
    """Return rows of row groups that are full but for the last of each file, on any cores."""
    assert cores
    return [
        min(ROW_GROUP_ROWS, file.original_rows - start)
        for file in FILES
        for start in range(0, file.original_rows, ROW_GROUP_ROWS)
    ]


@given(SIZES, LARGEST, LEAST)
def test_every_piece_is_dealt_once_and_in_order(sizes: list[int], largest: int, least: int) -> None:
    """The tasks, one after the other, hold the pieces as they came, and none is empty."""
    tasks = partition_by_size(enumerate(sizes), lambda piece: piece[1], largest, least)
    assert [piece for task in tasks for piece in task] == list(enumerate(sizes))
    assert all(tasks)


@given(SIZES.filter(bool), LARGEST, LEAST)
def test_no_task_is_much_larger_than_wanted(sizes: list[int], largest: int, least: int) -> None:
    """A task exceeds the wanted size by half a piece at each end at most.

    Where pieces are larger than that, the wanted size is that of an average piece.
    """
    for task in dealt_sizes(sizes, largest, least):
        wanted = max(largest, sum(sizes) / len(sizes))
        assert len(task) == 1 or sum(task) <= wanted + (task[0] + task[-1]) / 2 + 1e-6


@given(SIZES, LARGEST, LEAST)
def test_the_number_of_tasks_is_bounded(sizes: list[int], largest: int, least: int) -> None:
    """There are no more tasks than pieces, nor than the sizes or the cores ask for."""
    tasks = dealt_sizes(sizes, largest, least)
    assert len(tasks) <= min(len(sizes), max(-(-sum(sizes) // largest), least))
    assert bool(tasks) == bool(sizes)


@given(st.integers(1, 200), st.integers(1, 100), LARGEST, LEAST)
def test_pieces_of_one_size_are_dealt_evenly(
    count: int, size: int, largest: int, least: int
) -> None:
    """As many tasks as are wanted, and no task has two pieces more than another."""
    tasks = dealt_sizes([size] * count, largest, least)
    assert len(tasks) == min(count, max(-(-count * size // largest), least))
    lengths = sorted(map(len, tasks))
    assert lengths[-1] - lengths[0] <= 1


@pytest.mark.parametrize(
    ("sizes", "largest", "least", "expected"),
    [
        ([4, 4, 4, 4], 8, 1, [[4, 4], [4, 4]]),
        ([4, 4, 4, 4], 100, 1, [[4, 4, 4, 4]]),
        ([4, 4, 4, 4], 100, 3, [[4], [4, 4], [4]]),
        ([4, 4], 100, 8, [[4], [4]]),
        ([10**12, 1], 1, 1, [[10**12], [1]]),
        ([9, 1, 1, 1], 4, 1, [[9], [1, 1, 1]]),
        ([], 4, 8, []),
    ],
)
def test_known_deals(sizes: list[int], largest: int, least: int, expected: list[list[int]]) -> None:
    """Small cases that can be followed by hand; a piece is never cut."""
    assert dealt_sizes(sizes, largest, least) == expected


def test_the_files_of_a_task_are_neighbours() -> None:
    """A task's file ids lie between those of its neighbours, so that queries skip data files."""
    ranges = [(task[0][0], task[-1][0]) for task in ingest_tasks(2)]
    assert all(low <= high for low, high in ranges)
    assert all(before[1] <= after[0] for before, after in pairwise(ranges))
    assert max(len({file_id for file_id, _ in task}) for task in ingest_tasks(2)) <= 4


def test_time_alone_is_counted_to_the_end() -> None:
    """Tasks of 1, 1 and 6 on two cores: the last works alone from 1 to 7."""
    assert alone_share([1, 1, 6], 2) == pytest.approx(6 / 7)
    assert alone_share([2, 2, 2, 2], 4) == 0.0


@pytest.mark.parametrize("cores", [2, 4, 8])
def test_no_core_ingests_alone_for_long(cores: int) -> None:
    """Of the original files' ingest, at most a tenth waits for the last task."""
    tasks = [sum(rows for _, rows in task) for task in ingest_tasks(cores)]
    assert sum(tasks) == FULL_ROWS == 7_062_606
    assert len(tasks) >= TASKS_PER_CORE * cores
    assert alone_share(tasks, cores) <= 0.1


@pytest.mark.parametrize("groups_on", [written_groups, even_groups])
@pytest.mark.parametrize("cores", [2, 4, 8])
def test_no_core_scores_alone_for_long(groups_on: Callable[[int], list[int]], cores: int) -> None:
    """Nor of their scoring, whether workers or Spark wrote the row groups."""
    least = TASKS_PER_CORE * cores
    dealt = dealt_sizes(groups_on(cores), warehouse._WRITE_ROWS, least)
    tasks = [sum(task) for task in dealt]
    assert sum(tasks) == FULL_ROWS
    assert len(tasks) >= least
    assert alone_share(tasks, cores) <= 0.1
