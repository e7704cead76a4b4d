"""From measurements to ratios, ``results.json`` and ``docs/benchmarks.md``."""

from __future__ import annotations

import argparse
import json
import statistics
from dataclasses import dataclass
from operator import ge, le, lt
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from contenders import CONTENDERS, measurements, rates
from iotscore.simulate.layout import FULL_ROWS
from latency import latency, latency_lines
from pages import templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

HERE: Final = Path(__file__).resolve().parent
RESULTS: Final = HERE / "results.json"
DOCUMENT: Final = HERE.parent / "docs" / "benchmarks.md"


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
    Ratio("ingest to S3 / to the local disk", "ingest_s3", "ingest", 0.6),
    Ratio("score on S3 / on the local disk", "score_s3", "score", 0.7),
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
INCREMENT: Final = Ratio(
    "a night of new records: seconds on top of these, against alone",
    "increment_alone",
    "increment",
    2.0,
)
"""How many times as long a night may take, at most, because there are older records."""


@dataclass(frozen=True)
class Spread:
    """Smallest, middle and largest value over the rounds."""

    low: float
    median: float
    high: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Spread:
        """Summarise at least one value."""
        ordered = sorted(values)
        return cls(ordered[0], statistics.median(ordered), ordered[-1])

    def __truediv__(self, other: Spread) -> Spread:
        """Return the widest spread that a ratio of the two can have."""
        return Spread(self.low / other.high, self.median / other.median, self.high / other.low)

    def is_apart(self, other: Spread) -> bool:
        """Say whether each median is outside the other's range."""
        return not (other.low <= self.median <= other.high or self.low <= other.median <= self.high)


def ratio(entry: dict[str, Any], wanted: Ratio) -> Spread | None:
    """Return the spread of a ratio over the rounds, each within its round."""
    fast, slow = rates(entry, wanted.fast), rates(entry, wanted.slow)
    rounds = fast.keys() & slow.keys()
    return Spread.of(fast[one] / slow[one] for one in rounds) if rounds else None


def changes(earlier: dict[str, Any] | None, entry: dict[str, Any]) -> list[str]:
    """Tell which ratios differ from the last run's by more than the spread of both."""
    if earlier is None:
        return [f"no earlier run of {entry['rows']:,} rows to compare with"]
    if (earlier["machine"], earlier["cores"]) != (entry["machine"], entry["cores"]):
        return ["the last run was on another machine: its ratios are not compared"]
    lines = []
    for wanted in RATIOS:
        before, now = ratio(earlier, wanted), ratio(entry, wanted)
        if before and now and now.is_apart(before):
            word = "better" if now.median > before.median else "WORSE"
            lines.append(f"{word}: {wanted.name} was {_spread(before)}, is {_spread(now)}")
    return lines or ["no ratio changed by more than the spread since the last run"]


def figures(entry: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row of the table for everything that was measured."""
    rows = []
    for what, title in CONTENDERS.items():
        measured = measurements(entry, what)
        if measured:
            pace = Spread.of(one["rows"] / one["seconds"] for one in measured)
            rows.append(
                {
                    "title": title,
                    "rows": measured[0]["rows"],
                    "seconds": Spread.of(one["seconds"] for one in measured),
                    "wall": statistics.median(one["wall_seconds"] for one in measured),
                    "pace": pace,
                    "pace_per_core": pace.median / entry["cores"],
                    "peak_gib": max(one["peak_bytes"] for one in measured) / 2**30,
                    "driver_mib": _driver_mib(measured),
                    "rounds": len(measured),
                }
            )
    return rows


def _driver_mib(measured: list[dict[str, Any]]) -> float | None:
    """Return the most memory of the driver's Python process, None where no stage says it."""
    stages = [
        stage
        for one in measured
        for stage in (one, *one.get("stages", {}).values())
        if "driver_memory_bytes" in stage
    ]
    return max((stage["driver_memory_bytes"] for stage in stages), default=0) / 2**20 or None


def verdicts(entry: dict[str, Any], results: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a row of the table of ratios, each with its target and whether it was reached."""
    rows = [
        _verdict(wanted.name, spread, wanted.target, ge)
        for wanted in RATIOS
        if (spread := ratio(entry, wanted))
    ]
    return rows + (_full_size(entry, results) if entry["rows"] == FULL_ROWS else [])


def kernel_verdicts(kernels: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the same for the kernels; their spread is over pytest-benchmark's rounds."""
    spreads = {
        kernel: Spread(one["low"], one["median"], one["high"])
        for kernel, one in kernels["kernels"].items()
    }
    return [
        _verdict(name, spreads[ours] / spreads[theirs], target, ge)
        for name, ours, theirs, target in KERNEL_RATIOS
    ]


def _full_size(entry: dict[str, Any], results: dict[str, Any]) -> list[dict[str, Any]]:
    nights = measurements(entry, "nightly")
    minutes = Spread.of(one["seconds"] / 60 for one in nights)
    memory = Spread.of(one["peak_bytes"] / 2**30 for one in nights)
    rows = [
        _verdict("minutes of the nightly", minutes, NIGHTLY_MINUTES, lt),
        _verdict("GiB of all its processes", memory, NIGHTLY_GIB, lt),
    ]
    if longer := ratio(entry, INCREMENT):
        rows.append(_verdict(INCREMENT.name, longer, INCREMENT.target, le))
    if million := results["sizes"].get("1000000"):
        small, large = (Spread.of(rates(one, "score").values()) for one in (million, entry))
        name = "score: seconds per row, against those at 1,000,000 rows"
        rows.append(_verdict(name, small / large, PER_ROW_GROWTH, le))
    return rows


def _verdict(
    name: str, spread: Spread, target: float | None, is_met: Callable[[float, float], bool]
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
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


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
            "nights": measurements(entry, "nightly"),
            "streams": measurements(entry, "stream"),
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
