"""From measurements to ratios, ``results.json`` and ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from iotscore.simulate.layout import FULL_ROWS
from latency import latency, latency_lines
from pages import templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results.json"
DOCUMENT: Final = HERE.parent / "docs" / "benchmarks.md"

CONTENDERS: Final = {
    "ingest": "`ingest`, CSV to Delta",
    "ingest_limit": "pyarrow CSV reader and Parquet writer, no Spark, no checks",
    "train": "`train`",
    "score": "`score`, Delta to Delta",
    "limit": "the same kernels without Spark, Parquet to Parquet",
    "naive": "naive Spark: pandas UDF over 115 columns, scikit-learn, Keras in steps of 10,000",
    "reports": "the published baseline, Keras in steps of 32, scoring only",
    "reports_large_step": "the published baseline, Keras in steps of 10,000, scoring only",
    "reports_read": "the published baseline, reading the CSVs by pandas",
    "evaluate": "`evaluate`",
    "explain": "`explain`: all are scored again, the rows are the flagged ones, TreeSHAP included",
    "nightly": "`nightly` into an empty warehouse, start to end",
    "increment": "`nightly` of new records on top of them, start to end",
    "increment_alone": "the same, on a warehouse that holds the model alone",
    "stream": "`stream --once` of new records, with the model alone, start to end",
}
"""What is measured, in the order of the document."""

SECONDS: Final = {
    "reports_large_step": ("reports", "large_step_seconds"),
    "reports_read": ("reports", "read_seconds"),
    "increment_alone": ("increment", "alone_seconds"),
}
"""Figures that stand in another contender's measurement, under another name."""


@dataclass(frozen=True)
class Ratio:
    """A comparison of rows per second, and the least that it must be; None: for information."""

    name: str
    fast: str
    slow: str
    target: float | None


RATIOS: Final = (
    Ratio("score / in-process limit", "score", "limit", 0.5),
    Ratio("score / naive Spark", "score", "naive", 12.0),
    Ratio("score / the published baseline, Keras in steps of 32", "score", "reports", 4.0),
    Ratio(
        "score / the published baseline, Keras in steps of 10,000",
        "score",
        "reports_large_step",
        4.0,
    ),
    Ratio("ingest / in-process reader and writer", "ingest", "ingest_limit", 0.35),
)

KERNEL_RATIOS: Final = (
    ("forest kernel / scikit-learn score_samples", "forest", "forest_sklearn", 2.0),
    (
        "autoencoder kernel / Keras predict, steps of 10,000",
        "autoencoder",
        "autoencoder_keras",
        3.0,
    ),
    ("scaler / scikit-learn MinMaxScaler", "scaler", "scaler_sklearn", None),
)
"""Name, ours, theirs, least ratio."""

NIGHTLY_MINUTES: Final = 12.0
NIGHTLY_GIB: Final = 12.0
PER_ROW_GROWTH: Final = 1.15
"""Limits at full size: the nightly's minutes and memory, and seconds per row against 1 M rows."""
INCREMENT_GROWTH: Final = 2.0
"""How many times as long a night may take because there are older records."""


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest value over the rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        found = sorted(values)
        return cls(found[0], statistics.median(found), found[-1])

    def is_apart(self, other: Spread) -> bool:
        """Say whether each median is outside the other's range."""
        return not (other.low <= self.median <= other.high or self.low <= other.median <= self.high)


def rates(entry: dict[str, Any], what: str) -> dict[int, float]:
    """Return rows per second by round."""
    measured, seconds = SECONDS.get(what, (what, "seconds"))
    return {
        one["round"]: one["rows"] / one[seconds]
        for one in entry["measurements"]
        if one["what"] == measured
    }


def ratio(entry: dict[str, Any], wanted: Ratio) -> Spread | None:
    """Return the spread of a ratio over the rounds, each within its round."""
    fast, slow = rates(entry, wanted.fast), rates(entry, wanted.slow)
    both = sorted(fast.keys() & slow.keys())
    return Spread.of(fast[one] / slow[one] for one in both) if both else None


def changes(earlier: dict[str, Any] | None, entry: dict[str, Any]) -> list[str]:
    """Tell which ratios differ from the last run's by more than the spread of both."""
    if earlier is None:
        return [f"no earlier run of {entry['rows']:,} rows to compare with"]
    if (earlier["machine"], earlier["cores"]) != (entry["machine"], entry["cores"]):
        return ["the last run was on another machine: its ratios are not compared"]
    told = []
    for wanted in RATIOS:
        before, now = ratio(earlier, wanted), ratio(entry, wanted)
        if before and now and now.is_apart(before):
            word = "better" if now.median > before.median else "WORSE"
            told.append(f"{word}: {wanted.name} was {_spread(before)}, is {_spread(now)}")
    return told or ["no ratio changed by more than the spread since the last run"]


def figures(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row of the table for everything that was measured."""
    rows = []
    for what, title in CONTENDERS.items():
        measured, seconds = SECONDS.get(what, (what, "seconds"))
        mine = [one for one in entry["measurements"] if one["what"] == measured]
        if mine:
            pace = Spread.of(one["rows"] / one[seconds] for one in mine)
            rows.append(
                {
                    "title": title,
                    "rows": mine[0]["rows"],
                    "seconds": Spread.of(one[seconds] for one in mine),
                    "wall": statistics.median(one["wall_seconds"] for one in mine),
                    "pace": pace,
                    "pace_per_core": pace.median / entry["cores"],
                    "peak_gib": max(one["peak_bytes"] for one in mine) / 2**30,
                    "driver_mib": _driver_mib(mine),
                    "rounds": len(mine),
                }
            )
    return rows


def _driver_mib(measured: list[dict[str, Any]]) -> float | None:
    """Return the most memory of the driver's Python process, None where no stage told."""
    stages = [
        stage
        for one in measured
        for stage in (one, *one.get("stages", {}).values())
        if "driver_memory_bytes" in stage
    ]
    return max((stage["driver_memory_bytes"] for stage in stages), default=0) / 2**20 or None


def verdicts(entry: dict[str, Any], results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row of the table of ratios, each with its target and whether it was reached."""
    found = []
    for wanted in RATIOS:
        spread = ratio(entry, wanted)
        if spread:
            found.append(
                _verdict(wanted.name, spread, wanted.target, lambda now, want: now >= want)
            )
    if entry["rows"] == FULL_ROWS:
        found += _full_size(entry, results)
    return found


def kernel_verdicts(kernels: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the same for the kernels; their spread is over pytest-benchmark's rounds."""
    found = []
    for name, ours, theirs, target in KERNEL_RATIOS:
        mine, other = kernels["kernels"][ours], kernels["kernels"][theirs]
        spread = Spread(
            mine["low"] / other["high"],
            mine["median"] / other["median"],
            mine["high"] / other["low"],
        )
        found.append(_verdict(name, spread, target, lambda now, want: now >= want))
    return found


def _full_size(entry: dict[str, Any], results: dict[str, Any]) -> list[dict[str, Any]]:
    nights = [one for one in entry["measurements"] if one["what"] == "nightly"]
    minutes = Spread.of(one["seconds"] / 60 for one in nights)
    memory = Spread.of(one["peak_bytes"] / 2**30 for one in nights)
    found = [
        _verdict("minutes of the nightly", minutes, NIGHTLY_MINUTES, lambda now, want: now < want),
        _verdict("GiB of all its processes", memory, NIGHTLY_GIB, lambda now, want: now < want),
    ]
    longer = ratio(entry, Ratio("", "increment_alone", "increment", None))
    if longer:
        name = "a night of new records: seconds on top of these, against alone"
        found.append(_verdict(name, longer, INCREMENT_GROWTH, lambda now, want: now <= want))
    million = results["sizes"].get("1000000")
    if million:
        small, large = (Spread.of(rates(one, "score").values()) for one in (million, entry))
        growth = Spread(small.low / large.high, small.median / large.median, small.high / large.low)
        name = "score: seconds per row, against those at 1,000,000 rows"
        found.append(_verdict(name, growth, PER_ROW_GROWTH, lambda now, want: now <= want))
    return found


def _verdict(
    name: str,
    spread: Spread,
    target: float | None,
    is_met: Callable[[float, float], bool],
) -> dict[str, Any]:
    met = "" if target is None else "yes" if is_met(spread.median, target) else "no"
    return {"name": name, "spread": spread, "target": target, "met": met}


def _spread(spread: Spread) -> str:
    return f"{spread.median:.3g} ({spread.low:.3g} to {spread.high:.3g})"


def summary_lines(entry: dict[str, Any], results: dict[str, Any]) -> list[str]:
    """Return the figures as lines for a terminal."""
    lines = [f"{'':50.50s} {'rows/s':>10s} {'per core':>10s} {'peak GiB':>9s}"]
    lines += [
        f"{row['title']:50.50s} {row['pace'].median:10,.0f} {row['pace_per_core']:10,.0f} "
        f"{row['peak_gib']:9.2f}"
        for row in figures(entry)
    ]
    for row in verdicts(entry, results):
        target = "" if row["target"] is None else f", target {row['target']}: {row['met']}"
        lines.append(f"{row['name']}: {_spread(row['spread'])}{target}")
    return lines + latency_lines(entry)


def load_results(path: Path) -> dict[str, Any]:
    """Return the figures of all sizes and of the kernels; empty if there are none yet."""
    if not path.is_file():
        return {"sizes": {}, "kernels": None}
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def save_results(path: Path, results: dict[str, Any]) -> None:
    """Write the figures; the next run compares with them."""
    path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def render(results: dict[str, Any]) -> str:
    """Return the document."""
    environment = templates(HERE)
    environment.filters["spread"] = _spread
    sizes = [
        {
            "entry": entry,
            "figures": figures(entry),
            "verdicts": verdicts(entry, results),
            "nights": [one for one in entry["measurements"] if one["what"] == "nightly"],
            "streams": [one for one in entry["measurements"] if one["what"] == "stream"],
            "latency": latency(entry),
        }
        for entry in sorted(results["sizes"].values(), key=lambda entry: -entry["rows"])
    ]
    kernels = results["kernels"]
    return environment.get_template("report.md.j2").render(
        sizes=sizes, kernels=kernels, kernel_verdicts=kernel_verdicts(kernels) if kernels else []
    )


def write_report(results: dict[str, Any], document: Path = DOCUMENT) -> None:
    """Write the document again."""
    document.write_text(render(results), encoding="utf-8")


def read_kernels(measured: dict[str, Any]) -> dict[str, Any]:
    """Return rows per second of each kernel from pytest-benchmark's JSON."""
    kernels = {}
    for one in measured["benchmarks"]:
        rows, stats = one["extra_info"]["rows"], one["stats"]
        kernels[one["extra_info"]["kernel"]] = {
            "title": one["extra_info"]["title"],
            "low": rows / stats["q3"],
            "median": rows / stats["median"],
            "high": rows / stats["q1"],
            "rounds": stats["rounds"],
        }
    return {"cpu": measured["machine_info"]["cpu"]["brand_raw"], "kernels": kernels}


def main() -> None:
    """Take in pytest-benchmark's figures, if given, and write the document."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kernels", type=Path, help="JSON of pytest-benchmark")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    arguments = parser.parse_args()
    results = load_results(arguments.results)
    if arguments.kernels:
        results["kernels"] = read_kernels(json.loads(arguments.kernels.read_text("utf-8")))
        for row in kernel_verdicts(results["kernels"]):
            print(f"{row['name']}: {_spread(row['spread'])} {row['met']}")
    save_results(arguments.results, results)
    write_report(results, arguments.document)


if __name__ == "__main__":
    main()
