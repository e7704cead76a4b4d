"""Incidents of a file's explained records, against plain Python."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from iotscore.detect.incidents import find_incidents
from iotscore.detect.vote_windows import VoteWindows
from iotscore.explain.incidents import READ, file_incidents
from iotscore.features import FEATURES

WINDOWS = VoteWindows(np.array([-1, 3]), np.array([9, 5]), np.zeros(2, int), np.zeros(2, int))


def flagged(rows: list[int], seed: int = 0, device_id: int | None = 3) -> list[dict[str, Any]]:
    """Return explanations of some rows of a file; scores and contributions have ties."""
    rng = np.random.default_rng(seed)
    return [
        {
            "file_id": "ab12",
            "row_no": row,
            "source_file": "in/3.mirai.syn.csv",
            "device_id": device_id,
            "device": "Camera",
            "family": "mirai",
            "attack": "syn",
            "label": 1,
            "event_day": date(2026, 11, 20),
            "hybrid_score": float(rng.integers(4, 8)),
            "severity": float(rng.integers(40, 90)),
            "sentence": f"row {row}",
            "top": [
                {"feature": FEATURES[at], "contribution": float(rng.integers(0, 5))}
                for at in rng.choice(20, 5, replace=False)
            ],
        }
        for row in rows
    ]


def table(rows: list[dict[str, Any]]) -> pa.Table:
    """Return rows with the types of the table ``explanations``."""
    entry = pa.struct([("feature", pa.string()), ("contribution", pa.float64())])
    found = pa.Table.from_pylist(rows)
    for name, kind in (("top", pa.list_(entry)), ("device_id", pa.int32())):
        column = found.column(name).cast(kind)
        found = found.set_column(found.schema.get_field_index(name), name, column)
    return found


ROWS = sorted(np.random.default_rng(7).choice(np.arange(1, 3_000), 1_200, replace=False).tolist())


def test_peak_and_top_are_those_of_plain_python() -> None:
    """Over many incidents: the first record of the highest score; sums over records, divided."""
    rows = flagged(ROWS)
    found = file_incidents(table(rows), "m1", WINDOWS).to_pylist()
    parts = zip(*(each.tolist() for each in find_incidents(np.array(ROWS), 5)), strict=True)
    expected = [(rows[first : last + 1], ROWS[voted]) for first, voted, last in parts]
    assert len(found) == len(expected) > 50
    for incident, (mine, voted) in zip(found, expected, strict=True):
        peak = max(mine, key=lambda row: (row["hybrid_score"], -row["row_no"]))
        assert incident["peak_row"] == peak["row_no"]
        assert incident["peak_score"] == peak["hybrid_score"]
        assert incident["peak_severity"] == peak["severity"]
        assert incident["sentence"] == peak["sentence"]
        assert incident["records"] == len(mine)
        assert (incident["first_row"], incident["last_row"]) == (
            mine[0]["row_no"],
            mine[-1]["row_no"],
        )
        assert (incident["voted_row"], incident["delay"]) == (voted, voted - mine[0]["row_no"] + 1)
        sums: dict[str, float] = defaultdict(float)
        for row in mine:
            for each in row["top"]:
                sums[each["feature"]] += each["contribution"] / len(mine)
        best = sorted(sums, key=lambda name: (-round(sums[name], 9), FEATURES.index(name)))[:5]
        assert [each["feature"] for each in incident["top"]] == best
        means = [each["contribution"] for each in incident["top"]]
        assert means == pytest.approx([sums[name] for name in best])


def test_an_incident_says_what_its_file_is_and_has_an_id_of_its_own() -> None:
    """Description, model and window; the id is a hash that anybody can compute."""
    (incident,) = file_incidents(table(flagged(list(range(11, 31)))), "m1", WINDOWS).to_pylist()
    first = flagged([11])[0]
    for name in set(READ) - {"row_no", "hybrid_score", "severity", "sentence", "top"}:
        assert incident[name] == first[name]
    assert (incident["model_version"], incident["vote_window"]) == ("m1", 5)
    assert (incident["first_row"], incident["voted_row"], incident["delay"]) == (11, 13, 3)
    assert incident["incident_id"] == hashlib.sha256(b"m1 ab12 11").hexdigest()[:16]


def test_the_order_of_rows_does_not_matter() -> None:
    """Spark hands rows over in any order, and in slices of larger tables."""
    whole = table(flagged(ROWS))
    order = np.random.default_rng(1).permutation(len(ROWS))
    mixed = pa.concat_tables([whole.take(pa.array(order[:500])), whole.take(pa.array(order[500:]))])
    expected = file_incidents(whole, "m1", WINDOWS)
    assert file_incidents(mixed, "m1", WINDOWS).equals(expected)
    doubled = pa.concat_tables([whole, mixed]).slice(len(ROWS), len(ROWS))
    assert file_incidents(doubled, "m1", WINDOWS).equals(expected)


@pytest.mark.parametrize(("device_id", "n"), [(3, 1), (4, 0), (None, 0)])
def test_a_device_has_its_own_window(device_id: int | None, n: int) -> None:
    """Three flags are enough of five records and not of the nine of unknown devices."""
    rows = table(flagged([5, 6, 7], device_id=device_id))
    found = file_incidents(rows, "m1", WINDOWS)
    assert found.num_rows == n
    assert "top" in found.column_names


def test_a_sampled_file_has_a_stretched_window() -> None:
    """Every second row was scored: three flags in nine rows are a majority of five records."""
    rows = table(flagged([2, 6, 10]))
    assert file_incidents(rows, "m1", WINDOWS).num_rows == 0
    assert file_incidents(rows, "m1", WINDOWS, share=0.5).num_rows == 1
