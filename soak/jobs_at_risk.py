"""The real jobs on one warehouse, killed at random, and the account of what it must hold."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deltalake import DeltaTable

from deliveries import Deliveries
from iotscore import failpoints
from ledgers import Ledgers
from receiver import OddReceiver

if TYPE_CHECKING:
    import random

SUBMIT: Final = Path(__file__).resolve().parent.parent / "spark-submit.sh"
_WEBHOOK: Final = "IOTSCORE_SOAK_WEBHOOK"
_NIGHTLY: Final = (
    f"monitor.webhook_variable={_WEBHOOK}",
    "monitor.attempts=1",
    "detectors.lstm.epochs=3",
    "detectors.lstm.min_updates=0",
    "ingest.changed_files=replace",
)
_MAINTAIN: Final = ("maintain.vacuum_hours=0", "maintain.allow_short_vacuum=true")
POINTS: Final = (
    *("ingest running", "append traffic", "replace traffic", "delete quarantine"),
    *("append quarantine", "append ingest_files", "replace ingest_files", "ingest done"),
    *("score running", "append scores", "replace scores", "delete score_histogram"),
    *("append scored_files", "replace scored_files", "score done", "evaluate running"),
    *("append score_histogram", "evaluate done", "restore traffic", "restore scores"),
)
"""Where a kill may strike; a night does not come by all of them."""
_REFUSED: Final = 2
"""Exit code of a night that refused files, told nobody of alerts, or found another at work."""
_AT_POINT_SHARE: Final = 0.6
_KILL_SECONDS: Final = (1.0, 12.0)
"""When a kill strikes that knows no point, seconds after the start of the job."""


class AtRisk:
    """A warehouse, what is delivered to it, and what is done to its jobs.

    Attributes
    ----------
    deliveries
        What goes into the landing folder.
    kills
        Jobs that were killed, by the point.
    lost
        Nights that were to find a ledger wrong, by what it was.
    """

    def __init__(self, place: Path, chance: random.Random) -> None:
        shutil.rmtree(place, ignore_errors=True)
        self._chance = chance
        self._warehouse = place / "warehouse"
        self._landing = place / "landing"
        self._landing.mkdir(parents=True)
        self._log = place / "log.txt"
        self.kills: Counter[str] = Counter()
        self._pairs: Counter[str] = Counter()
        self.lost: Counter[str] = Counter()
        self._wrong: list[str] = []
        self._receiver = OddReceiver(chance)
        self._ledgers = Ledgers(self._warehouse, place / "ledgers", chance)
        self.deliveries = self._first_delivery(place / "demo")
        self.deliveries.good_night(0)
        self.whole_night()

    def _first_delivery(self, demo: Path) -> Deliveries:
        """Deliver labelled files to train on; what the other nights bring are lines of others."""
        command = [sys.executable, "-m", "iotscore.simulate", "--rows", "20000", "--out", str(demo)]
        with self._log.open("a") as log:
            subprocess.run(command, stdout=log, stderr=log, check=True)
        for path in [*sorted(demo.glob("[1245].benign.csv")), demo / "1.gafgyt.scan.csv"]:
            shutil.copy(path, self._landing)
        content = b"".join(path.read_bytes() for path in sorted(demo.glob("*.mirai.*.csv")))
        header, *lines = content.splitlines(keepends=True)
        others = [line for line in lines if line != header]
        return Deliveries(self._landing, header, others, self._chance)

    def whole_night(self) -> None:
        """Run a night to its end; one that refuses files says so once, and the next does not.

        Whom it could not tell of alerts, the next one tells: the receiver answers well then.

        Raises
        ------
        SystemExit
            It failed: the soak is over.
        """
        code = self._start().wait()
        if code == _REFUSED:
            self._receiver.is_odd = False
            code = self._start().wait()
            self._receiver.is_odd = True
        if code:
            message = f"a night ended with {code}; see {self._log}"
            raise SystemExit(message)

    def killed_night(self) -> bool:
        """Run a night that is to be killed; return whether the kill came in time."""
        by_point = self._chance.random() < _AT_POINT_SHARE
        point = self._chance.choice(POINTS) if by_point else ""
        job = self._start(point)
        if not point:
            time.sleep(self._chance.uniform(*_KILL_SECONDS))
            if job.poll() is None:
                os.killpg(job.pid, signal.SIGKILL)
        if job.wait() != -signal.SIGKILL:
            return False
        self.kills[point or "any moment"] += 1
        return True

    def remember_ledgers(self) -> None:
        """Keep copies of the ledgers as they are before a night."""
        self._ledgers.remember()

    def lose_ledger(self) -> None:
        """Run a night that finds a ledger wrong, which must be refused, and put it back."""
        what = self._ledgers.lose()
        self._receiver.is_odd = False  # that alone would end the night with 2
        if (code := self._start().wait()) != _REFUSED:
            self._wrong.append(f"a night with {what} ended with {code}, needed {_REFUSED}")
        self._receiver.is_odd = True
        self._ledgers.restore()
        self.lost[what] += 1

    def pair(self) -> str:
        """Start two nights at the same instant; return their exit codes."""
        both = [self._start() for _ in range(2)]
        codes = str(sorted(job.wait() for job in both))
        self._pairs[codes] += 1
        return codes

    def maintain(self) -> None:
        """Keep up the tables, with no mercy for readers: there are none."""
        if code := self._run("maintain", *_MAINTAIN):
            message = f"maintain ended with {code}; see {self._log}"
            raise SystemExit(message)

    def faults(self) -> list[str]:
        """Return everything that is not as it must be."""
        found = [
            f"two nights at once ended with {codes}"
            for codes in self._pairs
            if codes not in ("[0, 0]", "[0, 2]", "[2, 2]")
        ]
        found += self._wrong
        self.whole_night()
        if code := self._run("verify"):
            found.append(f"verify ended with {code}; see {self._log}")
        ledger = self._ledger()
        ingested = ledger[ledger["status"] == "ingested"].set_index("source_file")
        for name, rows in self.deliveries.expected.items():
            got = tuple(ingested.loc[name, ["rows_accepted", "rows_quarantined"]])
            if got != (rows.accepted, rows.quarantined):
                found.append(f"{name}: {got} lines accepted and quarantined, delivered {rows}")
        wrong = self.deliveries.refused & set(ingested.index)
        return found + [f"{name} was ingested" for name in sorted(wrong)]

    def account(self) -> dict[str, Any]:
        """Return what was done and delivered."""
        ledger = self._ledger()
        return {
            "kills": dict(sorted(self.kills.items())),
            "mishaps": dict(sorted(self.deliveries.mishaps.items())),
            "pairs": dict(sorted(self._pairs.items())),
            "lost": dict(sorted(self.lost.items())),
            "answers": dict(sorted(self._receiver.answers.items())),
            "rows": int(ledger[ledger["status"] == "ingested"]["rows_accepted"].sum()),
            "files": len(ledger),
        }

    def kind(self) -> str:
        """Say what the night that ended last had to do."""
        runs = DeltaTable(str(self._warehouse / "runs")).to_pandas()
        done = runs[(runs["stage"] == "ingest") & (runs["status"] == "done")]
        found = json.loads(done.sort_values("started_at").iloc[-1]["details"])
        if not found["files_ingested"]:
            return "what a killed one left"
        return "replaces a file" if found["files_replaced"] else "new files"

    def size(self) -> dict[str, int]:
        """Return what the tables take on disk, whatever version it belongs to."""
        files = [path for path in self._warehouse.rglob("*") if path.is_file()]
        logs = [path for path in files if path.parent.name == "_delta_log"]
        data = [path for path in files if path.suffix == ".parquet" and path not in logs]
        sizes = sum(path.stat().st_size for path in files)
        return {"files": len(data), "log_files": len(logs), "bytes": sizes}

    def _ledger(self) -> Any:  # noqa: ANN401 - a data frame of an untyped library
        return DeltaTable(str(self._warehouse / "ingest_files")).to_pandas()

    def _start(self, point: str = "") -> subprocess.Popen[bytes]:
        variables = {_WEBHOOK: self._receiver.url} | ({failpoints.POINT: point} if point else {})
        with self._log.open("a") as log:
            return subprocess.Popen(
                self._command("nightly", ("--input", str(self._landing)), _NIGHTLY),
                stdout=log,
                stderr=log,
                env={**os.environ, **variables},
                start_new_session=True,  # its own process group, which dies as a whole
            )

    def _run(self, job: str, *settings: str) -> int:
        with self._log.open("a") as log:
            command = self._command(job, (), settings)
            return subprocess.run(command, stdout=log, stderr=log, check=False).returncode

    def _command(self, job: str, reads: tuple[str, ...], settings: tuple[str, ...]) -> list[str]:
        told = [part for one in settings for part in ("--set", one)]
        return [str(SUBMIT), job, *reads, "--warehouse", str(self._warehouse), *told]
