"""Which files of a landing folder are new to a stream: what its listing shows and no ledger knows.

The ledgers alone say what became of a file, so nothing is remembered beyond the process: a stream
that was killed asks them again.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any, Final

from iotscore.ingest.plan import Policy, is_untouched, refused_unchanged
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from datetime import date, datetime

    from iotscore.landing.folder import Landing, LandingFile

    Ledger = Callable[[Collection[str]], Sequence[dict[str, Any]]]
    """Returns the rows of ``ingest_files`` about some files, by their ids."""

AGAIN_SECONDS: Final = 3600.0
"""After so long a file that was handed out, or refused, and is not ingested is looked into again;
at once, if it changes."""
SETTLE_SECONDS: Final = 0.2
"""Between the two listings that must show the same of a file before it counts as whole."""


class Watch:
    """Tells the new files of a landing folder, each once unless it changes.

    A look costs one listing; the ledger is read only if that shows something not seen before.
    Clock and pause are in seconds.
    """

    def __init__(
        self,
        look: Callable[[], Landing],
        ledger: Ledger,
        policy: Policy,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._look, self._ledger, self._policy = look, ledger, policy
        self._clock, self._pause = clock, pause
        self._listed: dict[str, LandingFile] = {}
        self._passed: dict[str, tuple[LandingFile, float]] = {}

    def new_files(self, most: int) -> list[LandingFile]:
        """Return new files that nobody is writing to, the oldest first, the rest in a next call."""
        before, self._listed = self._listed, self._list()
        found = self._unknown(self._unpassed())
        whole = [file for file in found if before.get(file.file_id) == file]
        if found and not whole:
            self._pause(SETTLE_SECONDS)
            self._listed = self._list()
            whole = [file for file in found if self._listed.get(file.file_id) == file]
        chosen = sorted(whole, key=_age)[:most]
        self._pass(chosen, self._clock() + AGAIN_SECONDS)
        return chosen

    def forget(self, files: Iterable[LandingFile]) -> None:
        """Take files for new again: what was to be done with them has not been done."""
        for file in files:
            self._passed.pop(file.file_id, None)

    def left(self) -> list[LandingFile]:
        """Return the files of the last listing that are neither ingested nor refused for good."""
        rows = self._ledger(self._listed.keys())
        done = {row["file_id"] for row in rows if row["status"] == INGESTED}
        done |= refused_unchanged([*self._listed.values()], rows, self._policy)
        return sorted((file for key, file in self._listed.items() if key not in done), key=_age)

    def _list(self) -> dict[str, LandingFile]:
        return {file.file_id: file for file in self._look().deliveries}

    def _unpassed(self) -> list[LandingFile]:
        now = self._clock()
        return [
            file
            for key, file in self._listed.items()
            if (passed := self._passed.get(key)) is None or passed[0] != file or passed[1] <= now
        ]

    def _unknown(self, files: list[LandingFile]) -> list[LandingFile]:
        """Return those of some files that ingest would look into, and pass over the others."""
        if not files:
            return []
        rows = self._ledger([file.file_id for file in files])
        ingested = {row["file_id"]: row for row in rows if row["status"] == INGESTED}
        refused = refused_unchanged(files, rows, self._policy)
        done = [file for file in files if is_untouched(file, ingested.get(file.file_id))]
        self._pass(done, math.inf)
        # A reason may pass with time, or with a name that a later pattern fits.
        still_refused = [file for file in files if file.file_id in refused]
        self._pass(still_refused, self._clock() + AGAIN_SECONDS)
        known = {file.file_id for file in (*done, *still_refused)}
        return [file for file in files if file.file_id not in known]

    def _pass(self, files: Iterable[LandingFile], until: float) -> None:
        self._passed |= {file.file_id: (file, until) for file in files}


def _age(file: LandingFile) -> tuple[date, datetime, str]:
    """Return what files are put in order by: the day of the capture, the change, the path."""
    return file.event_day or file.modified_at.date(), file.modified_at, file.source_file
