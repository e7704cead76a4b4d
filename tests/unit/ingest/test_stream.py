"""Which files a stream takes for new: all that ingest would look into, each once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.ingest.plan import INGESTED, REFUSED, Policy
from iotscore.ingest.stream import AGAIN_SECONDS, Watch
from iotscore.landing.folder import discover
from iotscore.landing.reason_codes import BAD_NAME, UNREADABLE

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from iotscore.landing.folder import LandingFile

PATTERNS = (
    r"(?P<device>\d)\.(?P<event_day>\d{4}-\d\d-\d\d)(?:\.[^/]+)?\.csv",
    r"(?P<device>[^/]+)/(?P<family>benign)_traffic\.csv",
)


class Place:
    """A landing folder, its ledger, and a clock that nobody waits for.

    Attributes
    ----------
    rows
        The ledger.
    asked
        How many rows the ledger was asked for, by question.
    meanwhile
        What happens while the watch waits for files to settle.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: list[dict[str, Any]] = []
        self.asked: list[int] = []
        self.now = 0.0
        self.looks = 0
        self.meanwhile: Callable[[], object] = lambda: None
        policy = Policy(changed_files="refuse", same_content="refuse")
        self.watch = Watch(self._look, self._ledger, policy, lambda: self.now, self._pause)

    def _look(self) -> Any:  # noqa: ANN401 - a Landing
        self.looks += 1
        return discover(str(self.folder), PATTERNS)

    def _ledger(self, file_ids: Collection[str]) -> list[dict[str, Any]]:
        self.asked.append(len(file_ids))
        return [row for row in self.rows if row["file_id"] in file_ids]

    def _pause(self, seconds: float) -> None:
        assert 0 < seconds < 1
        self.meanwhile()

    def put(self, *names: str, age: float = 0.0) -> None:
        """Deliver files that were changed so many seconds before the other ones."""
        for name in names:
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(name)
            os.utime(path, (1.7e9 - age, 1.7e9 - age))

    def enter(self, file: LandingFile, status: str = INGESTED, reason: str | None = None) -> None:
        """Write into the ledger what became of a file."""
        self.rows.append(
            {
                "file_id": file.file_id,
                "status": status,
                "reason": reason,
                "bytes": file.size,
                "modified_at": file.modified_at,
                "rows_expected": file.rows_expected,
                "sha256": "0" * 64,
                "label": None if file.label is None else file.label.label,
            }
        )

    def take(self, most: int = 99) -> list[str]:
        """Return the paths of new files, and ingest them."""
        files = self.watch.new_files(most)
        for file in files:
            self.enter(file)
        return [file.source_file for file in files]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return an empty landing folder."""
    folder = tmp_path / "land#1 ?[x]{a,b} 100%41"
    folder.mkdir()
    return Place(folder)


@pytest.mark.parametrize(
    "name",
    [
        *("Cam #1/benign_traffic.csv", "a?b/benign_traffic.csv", "100%41/benign_traffic.csv"),
        *("a\nb/benign_traffic.csv", "_x/benign_traffic.csv", ".x/benign_traffic.csv"),
        *("[1]/benign_traffic.csv", "{a,b}/benign_traffic.csv", "a\\b/benign_traffic.csv"),
        *("*/benign_traffic.csv", " /benign_traffic.csv", "ü 电/benign_traffic.csv"),
        *("1.2026-11-20.#?%.csv", "_1.csv", ".csv", ".hidden.csv", "deeper/deeper/1.CSV"),
    ],
)
def test_any_name_that_ingest_finds_is_new_once(place: Place, name: str) -> None:
    """Characters that mean something to a URI, a pattern or Hadoop mean nothing here."""
    place.put(name)
    assert place.take() == [name]
    assert place.take() == []


def test_times_of_change_do_not_matter(place: Place) -> None:
    """A copy that keeps its old time comes in late, and one from the future keeps nobody out."""
    place.put("1.2026-11-20.csv", age=-1e8)
    assert place.take() == ["1.2026-11-20.csv"]
    place.put("1.2026-11-01.csv", age=8 * 86400.0)
    place.put("1.2026-11-21.csv")
    assert place.take() == ["1.2026-11-01.csv", "1.2026-11-21.csv"]


def test_what_cannot_be_read_is_handed_out_too(place: Place) -> None:
    """Ingest refuses it and says why, as in a night."""
    (place.folder / "broken.csv").symlink_to("nothing")
    (place.folder / "folder.csv").mkdir()
    os.mkfifo(place.folder / "pipe.csv")
    (place.folder / os.fsdecode(b"\xff.csv")).write_text("x")
    assert len(place.take()) == 4


def test_the_oldest_come_first_a_bounded_number_at_a_time(place: Place) -> None:
    """By the day of the capture, then the time of change, then the path; none is left out."""
    place.put("1.2026-11-21.csv", "2.2026-11-20.csv", "1.2026-11-20.csv")
    place.put("3.2026-11-20.csv", age=60.0)
    assert place.take(3) == ["3.2026-11-20.csv", "1.2026-11-20.csv", "2.2026-11-20.csv"]
    assert place.take(3) == ["1.2026-11-21.csv"]
    assert place.take(3) == []


def test_the_ledger_is_read_only_for_what_is_new(place: Place) -> None:
    """A look at a folder in which nothing happened is one listing."""
    place.put("1.2026-11-20.csv", "2.2026-11-20.csv")
    place.take()
    place.take()
    place.asked.clear()
    place.looks = 0
    for _ in range(5):
        assert place.take() == []
    assert (place.looks, place.asked) == (5, [])
    place.put("3.2026-11-20.csv")
    place.take()
    assert place.asked == [1]


def test_what_the_ledger_knows_is_not_new(place: Place) -> None:
    """Whoever wrote it: an earlier stream, or a night that was quicker."""
    place.put("1.2026-11-20.csv", "2.2026-11-20.csv")
    first, second = place.watch.new_files(2)
    later = Place(place.folder)
    later.enter(first)
    assert later.take() == [second.source_file]


def test_a_changed_file_is_new_again(place: Place) -> None:
    """Ingest refuses or replaces it."""
    place.put("1.2026-11-20.csv")
    place.take()
    place.put("1.2026-11-20.csv", age=5.0)
    assert place.take() == ["1.2026-11-20.csv"]


def test_a_file_that_is_being_written_waits_for_the_next_look(place: Place) -> None:
    """The others do not wait for it."""
    place.put("1.2026-11-20.csv", "2.2026-11-20.csv")
    place.meanwhile = lambda: place.put("1.2026-11-20.csv", age=-1.0)
    assert place.take() == ["2.2026-11-20.csv"]
    assert [file.source_file for file in place.watch.left()] == ["1.2026-11-20.csv"]
    assert place.take() == ["1.2026-11-20.csv"]
    assert place.watch.left() == []


@pytest.mark.parametrize("reason", [UNREADABLE, BAD_NAME])
def test_a_refused_file_is_not_handed_out_in_a_hot_loop(place: Place, reason: str) -> None:
    """One that could not be read is tried again after a while, or when it changes."""
    place.put("strange.csv")
    [file] = place.watch.new_files(9)
    place.enter(file, REFUSED, reason)
    for _ in range(3):
        assert place.take() == []
    place.now += AGAIN_SECONDS
    assert place.take() == (["strange.csv"] if reason == UNREADABLE else [])
    place.put("strange.csv", age=9.0)
    assert place.take() == ["strange.csv"]


def test_what_was_refused_for_good_is_not_left(place: Place) -> None:
    """What could not be read is: somebody must look after it."""
    place.put("strange.csv", "1.2026-11-20.csv")
    for file in place.watch.new_files(9):
        place.enter(file, REFUSED, BAD_NAME if file.label is None else UNREADABLE)
    assert [file.source_file for file in place.watch.left()] == ["1.2026-11-20.csv"]


def test_files_of_a_batch_that_failed_are_new_again(place: Place) -> None:
    """At the next look, not an hour later."""
    place.put("1.2026-11-20.csv")
    files = place.watch.new_files(9)
    assert place.watch.new_files(9) == []
    place.watch.forget(files)
    assert place.watch.new_files(9) == files
