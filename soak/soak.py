"""Many nights in a row with bad files and random kills: ``python soak/soak.py --nights 30``.

Every night is the real job. It is killed now and then, with all of its processes, and started
again; two start at once; tables are maintained every week. At the end ``verify`` must find
nothing, and every file must have the rows that were delivered.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from pathlib import Path
from typing import Any, Final

from jobs_at_risk import AtRisk
from reliability import write_report

ROOT: Final = Path(__file__).resolve().parent.parent
_WEEK: Final = 7
_LOSE_EVERY: Final = 5
"""Nights between those after which a ledger is lost."""
_KILL_SHARE: Final = 0.6
_MOST_KILLS: Final = 3


def main(argv: list[str]) -> int:
    """Run the nights, check what came of them, write the report; return the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--pairs", type=int, default=20, help="nights started twice at once")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "reliability.md")
    arguments = parser.parse_args(argv)
    chance = random.Random(arguments.seed)  # noqa: S311 - no secret hangs on it
    jobs = AtRisk(ROOT / "demo" / "soak", chance)
    nights = [_night(jobs, number, chance) for number in range(1, arguments.nights + 1)]
    for number in range(1, arguments.pairs + 1):
        jobs.deliveries.night(arguments.nights + number)
        _tell(f"two at once, {number} of {arguments.pairs}: ended with {jobs.pair()}")
    faults = jobs.faults()
    for fault in faults:
        _tell(f"WRONG: {fault}")
    found = {"nights": nights, "seed": arguments.seed, "faults": faults, **jobs.account()}
    write_report(found, arguments.document)
    _tell(f"{len(nights)} nights, {jobs.kills.total()} kills, {len(faults)} faults")
    return int(bool(faults))


def _night(jobs: AtRisk, number: int, chance: random.Random) -> dict[str, Any]:
    """Deliver a night, run it to its end through all kills, and measure."""
    jobs.remember_ledgers()
    jobs.deliveries.night(number)
    kills = 0
    while kills < _MOST_KILLS and chance.random() < _KILL_SHARE:
        kills += jobs.killed_night()
    started = time.monotonic()
    jobs.whole_night()
    seconds = time.monotonic() - started
    kind = jobs.kind()
    if number % _LOSE_EVERY == 0:
        jobs.lose_ledger()
    if number % _WEEK == 0:
        jobs.maintain()
    found = {"night": number, "kind": kind, "kills": kills, "seconds": seconds, **jobs.size()}
    _tell(f"night {number}: {kills} kills, then {seconds:.1f} s, {found['files']} data files")
    return found


def _tell(what: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {what}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
