"""Measure the jobs beside what else one could do: ``python benchmarks/bench.py --rows 1000000``.

All contenders run in turn, round by round, in one session on one machine, on the same table and
the same model; every second round in the opposite order. Ratios are taken within a round.
"""

from __future__ import annotations

import argparse
import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from agreement import check_agreement
from cores import core_count
from iotscore.errors import IotscoreError
from iotscore.simulate.layout import FULL_ROWS
from machine import machine, versions
from object_store import measure_s3
from processes import BenchmarkError, run
from report import RESULTS, changes, load_results, save_results, summary_lines, write_report
from stages import (
    ROOT,
    Place,
    measure_increments,
    measure_job,
    measure_nightly,
    measure_nothing_new,
    measure_script,
)
from stream import measure_latency, measure_once
from traffic import rows_of, write_subset

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Measurement = dict[str, Any]

SEED: Final = 1
NEW_ROWS: Final = 100_000
"""Records of a night on top of all others."""
_MANY_ROWS: Final = 3_000_000
"""From here on the whole nightly runs only in the first round, and nights follow on top of it."""


def main(argv: list[str]) -> int:
    """Run the rounds, print and keep the figures; return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rows", default="1000000", help="rows of demo data, or 'full'")
    parser.add_argument("--repeats", type=int, default=3, help="rounds (default 3)")
    parser.add_argument("--naive-rows", type=int, default=100_000)
    parser.add_argument("--report-rows", type=int, default=200_000)
    parser.add_argument("--stream-rows", type=int, default=200_000, help="at most, of the stream")
    parser.add_argument("--results", type=Path, default=RESULTS, help="figures of all sizes, JSON")
    parser.add_argument("--document", type=Path, default=ROOT / "docs" / "benchmarks.md")
    arguments = parser.parse_args(argv)
    try:
        entry = _measure(arguments)
    except IotscoreError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    results = load_results(arguments.results)
    earlier = results["sizes"].get(str(entry["rows"]))
    results["sizes"][str(entry["rows"])] = entry
    print("\n".join(summary_lines(entry, results)))
    print("\n".join(changes(earlier, entry)))
    save_results(arguments.results, results)
    write_report(results, arguments.document)
    return 0


def _measure(arguments: argparse.Namespace) -> dict[str, Any]:
    place = Place(ROOT / "demo" / f"bench-{arguments.rows}")
    place.folder.mkdir(parents=True, exist_ok=True)
    place.log.write_text("", encoding="utf-8")
    rows = _make_data(place, arguments.rows)
    train, naive_rows = _prepare(place, arguments.naive_rows)
    measurements: list[Measurement] = [{"what": "train", "round": 1, **train}]
    agreement: dict[str, Any] = {}
    for number in range(1, arguments.repeats + 1):
        contenders = _contenders(place, arguments, rows, number, agreement)
        if number > 1 and rows >= _MANY_ROWS:
            del contenders["nightly"]
        order = list(contenders) if number % 2 else list(reversed(contenders))
        for what in order:
            _log(f"round {number} of {arguments.repeats}: {what}")
            measured = contenders[what]()
            measurements += [{"what": what, "round": number} | one for one in measured]
    place.empty(place.scratch)
    return {
        "rows": rows,
        "command": f"make bench ROWS={arguments.rows} REPEATS={arguments.repeats}",
        "repeats": arguments.repeats,
        "naive_rows": naive_rows,
        "cores": core_count(),
        "machine": machine(),
        "versions": versions(),
        "agreement": agreement,
        "measurements": measurements,
    }


def _make_data(place: Place, rows: str) -> int:
    """Make the demo data unless a former run left them, and return their rows."""
    command = ("--rows", rows, "--out", place.data, "--seed", str(SEED))
    run([sys.executable, "-m", "iotscore.simulate", *command], place.log)
    return FULL_ROWS if rows == "full" else int(rows.replace("_", "").replace(",", ""))


def _prepare(place: Place, naive_rows: int) -> tuple[Measurement, int]:
    """Ingest and train by the real jobs, once for all contenders; also fit the reference."""
    place.empty(place.warehouse, place.model, place.reference, place.subset, place.scratch)
    _log("ingest, into the warehouse that all contenders share")
    measure_job(place, "ingest", place.warehouse)
    _log("train")
    train = measure_job(place, "train", place.warehouse)
    _log("the same model by scikit-learn and Keras")
    # In a process of its own: TensorFlow's memory and threads must not stay with the measurer.
    run([sys.executable, ROOT / "benchmarks" / "reference.py", place.warehouse, place.reference],
        place.log)  # fmt: skip
    rows = write_subset(place.warehouse / "traffic", naive_rows, 4 * core_count(), place.subset)
    return train, rows


def _contenders(
    place: Place,
    arguments: argparse.Namespace,
    rows: int,
    number: int,
    agreement: dict[str, Any],
) -> dict[str, Callable[[], list[Measurement]]]:
    """Return what is measured in round ``number``; a later ``what`` names a measurement's part."""
    script = partial(measure_script, place, threads=1)

    def score_and_after() -> list[Measurement]:
        warehouse = place.unscored()
        score = measure_job(place, "score", warehouse)
        if score["rows"] != rows_of(place.warehouse / "traffic"):
            message = f"score did {score['rows']} rows of {rows}; see {place.log}"
            raise BenchmarkError(message)
        evaluate = measure_job(place, "evaluate", warehouse)
        if not agreement:
            naive = warehouse / "naive"
            # oneDNN adds up in an order of its own, a fifth faster: Keras itself then differs by
            # 1.5e-5 on the wildest rows. Speed is measured with it, agreement without.
            _naive(place, naive, {"TF_ENABLE_ONEDNN_OPTS": "0"})
            agreement.update(check_agreement(warehouse / "scores", naive))
        explain = measure_job(place, "explain", warehouse)
        return [score, {"what": "evaluate", **evaluate}, {"what": "explain", **explain}]

    def once(measure: Callable[[Path], Measurement]) -> Callable[[], list[Measurement]]:
        return lambda: [measure(place.fresh_scratch() / "out")]

    def nightly_and_increments() -> list[Measurement]:
        whole = measure_nightly(place)
        place.keep_model()
        nothing_new = {"what": "nothing_new", **measure_nothing_new(place)}
        if rows < _MANY_ROWS:
            return [whole, nothing_new]
        new = measure_increments(place, NEW_ROWS, arguments.repeats)
        return [whole, nothing_new, *({"what": "increment"} | one for one in new)]

    def stream() -> list[Measurement]:
        whole = measure_once(place, min(rows, arguments.stream_rows), number)
        return [whole, {"what": "latency", **measure_latency(place, number)}]

    return {
        "ingest": once(partial(measure_job, place, "ingest")),
        "ingest_limit": once(
            lambda out: script("ingest_limit.py", "--input", place.data, "--out", out)
        ),
        "ingest_s3": partial(measure_s3, place),
        "score": score_and_after,
        "limit": once(
            lambda out: script("in_process_limit.py", "--warehouse", place.warehouse, "--out", out)
        ),
        "naive": once(partial(_naive, place)),
        "reports": once(partial(_reports, place, arguments.report_rows, rows)),
        # Behind nightly: the first one's model is what the stream scores with.
        "nightly": nightly_and_increments,
        "stream": stream,
    }


def _naive(place: Place, out: Path, variables: Mapping[str, str] | None = None) -> Measurement:
    return measure_script(
        place,
        "naive_spark.py",
        *("--traffic", place.subset, "--reference", place.reference, "--out", out),
        threads=1,
        variables=variables,
    )


def _reports(place: Place, wanted: int, rows: int, _: Path) -> Measurement:
    return measure_script(
        place,
        "reports_script.py",
        *("--input", place.data, "--reference", place.reference),
        *("--rows", str(wanted), "--of", str(rows)),
        threads=None,
    )


def _log(what: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} bench: {what}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
